-- Service area: whether an organization goes to where somebody lives.

-- Whether a postal code is in the organization's service area: equal to one of its codes, or begun by one that ends in * (300*).
-- Null when the area or the code is not known. Case and spaces do not count, nor do the last four digits of 30060-1234.
--   settings.service_area.postal_codes of the organization hold the codes
create or replace function app.in_service_area(organization uuid, postal_code text) returns boolean
language sql stable
set search_path = ''
as $$
  select bool_or(case when right(area.code, 1) = '*' then starts_with(asked.code, left(area.code, -1)) else asked.code = area.code end)
    from (select upper(regexp_replace(nullif(btrim(postal_code), ''), '(^\d{5})-\d{4}$|\s', '\1', 'g')) as code) as asked
   cross join (
     select upper(replace(codes.code, ' ', '')) as code
       from app.organizations as o
      cross join jsonb_array_elements_text(case when jsonb_typeof(o.settings #> '{service_area,postal_codes}') = 'array'
                                                then o.settings #> '{service_area,postal_codes}' else '[]' end) as codes (code)
      where o.id = organization
   ) as area
   where asked.code is not null
$$;

comment on function app.in_service_area is 'Whether a postal code is in the organization''s service area; null when either is not known.';

grant execute on function app.in_service_area to tenant;
