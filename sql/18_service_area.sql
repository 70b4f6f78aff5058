-- Service area: whether an organization goes to where somebody is.

-- Which postal codes are in the organization's service area: equal to one of its codes, begun by one that ends in * (300*), or within
-- its radius. Null when that cannot be told: no area is set, or only a radius is, and nobody knows where the code is. (Its codes are
-- read once, however many are asked for: a city has hundreds, and an organization may list thousands.)
--   codes  as app.postal_code_key writes them
create or replace function app.are_in_service_area(organization uuid, codes text[]) returns table (code text, inside boolean)
language plpgsql stable
set search_path = ''
as $$
#variable_conflict use_column
declare
  settings app.dispatch_settings;
begin
  select s.* into settings from app.dispatch_settings as s where s.organization_id = organization;
  if settings.service_radius_miles is null and coalesce(cardinality(settings.service_postal_codes), 0) = 0 then
    return query select c, null::boolean from unnest(codes) as c;
    return;
  end if;
  if settings.service_radius_miles is not null and settings.service_center_latitude is null then
    select p.latitude, p.longitude into settings.service_center_latitude, settings.service_center_longitude
      from app.postal_codes as p where p.postal_code = app.postal_code_key(settings.service_center_postal_code) order by p.country = 'US' desc limit 1;
  end if;
  return query
  with served as materialized (
    select app.postal_code_key(rtrim(s, '*')) as key, right(s, 1) = '*' as begins from unnest(settings.service_postal_codes) as s
  )
  select asked.code,
         -- itself (0), and all that it begins with
         case when exists (select from generate_series(0, length(asked.code)) as n
                            where (case n when 0 then asked.code else left(asked.code, n) end, n > 0) in (select s.key, s.begins from served as s)) then true
              when settings.service_radius_miles is null then false
              -- (null, when either is not known)
              else app.miles_between(settings.service_center_latitude, settings.service_center_longitude, place.latitude, place.longitude)
                   <= settings.service_radius_miles end
    from unnest(codes) as asked (code)
    left join lateral (select p.latitude, p.longitude from app.postal_codes as p
                        where p.postal_code = asked.code order by p.country = 'US' desc limit 1) as place on true;
end
$$;

comment on function app.are_in_service_area is 'Which postal codes are in the organization''s service area; null when that cannot be told.';

-- The same of one, however it is written: case and spaces do not count, nor do the last four digits of 30060-1234.
create or replace function app.in_service_area(organization uuid, postal_code text) returns boolean
language plpgsql stable
set search_path = ''
as $$
declare
  code constant text := app.postal_code_key(postal_code);
begin
  if code is null then
    return null;
  end if;
  return (select a.inside from app.are_in_service_area(organization, array[code]) as a);
end
$$;

comment on function app.in_service_area is 'Whether a postal code is in the organization''s service area; null when that cannot be told.';

-- The same of a city: true when all of its postal codes are in the area, false when none is, null when some are or it is not known.
--   state  its code or its name
create or replace function app.city_in_service_area(organization uuid, city text, state text) returns boolean
language sql stable
set search_path = ''
as $$
  select case when bool_and(coalesce(a.inside, false)) then true when not bool_or(coalesce(a.inside, false)) then false end
    from app.are_in_service_area(organization, array(
           select p.postal_code from app.postal_codes as p
            where lower(p.city) = lower(btrim(city_in_service_area.city))
              and lower(btrim(city_in_service_area.state)) in (lower(p.state), lower(p.state_name)))) as a
$$;

comment on function app.city_in_service_area is 'Whether a city is in the organization''s service area: all of its postal codes, or none; null when some are, or it is not known.';

grant execute on function app.are_in_service_area, app.in_service_area, app.city_in_service_area to tenant;
