-- Service area: whether an organization goes to where somebody is.

-- Whether a postal code is in the organization's service area: equal to one of its codes, begun by one that ends in * (300*), or within
-- its radius. Case and spaces do not count, nor do the last four digits of 30060-1234. Null when that cannot be told: no area is set,
-- or only a radius is, and nobody knows where the code is.
create or replace function app.in_service_area(organization uuid, postal_code text) returns boolean
language plpgsql stable
set search_path = ''
as $$
declare
  settings app.dispatch_settings;
  code     text := app.postal_code_key(postal_code);
  place    record;
begin
  select s.* into settings from app.dispatch_settings as s where s.organization_id = organization;
  if code is null or settings.service_radius_miles is null and coalesce(cardinality(settings.service_postal_codes), 0) = 0 then
    return null;
  end if;
  if exists (select from unnest(settings.service_postal_codes) as served
              where case when right(served, 1) = '*' then starts_with(code, app.postal_code_key(left(served, -1)))
                         else code = app.postal_code_key(served) end) then
    return true;
  end if;
  if settings.service_radius_miles is null then
    return false;
  end if;
  if settings.service_center_latitude is null then
    select p.latitude, p.longitude into settings.service_center_latitude, settings.service_center_longitude
      from app.postal_codes as p where p.postal_code = app.postal_code_key(settings.service_center_postal_code) order by p.country = 'US' desc limit 1;
  end if;
  select p.latitude, p.longitude into place from app.postal_codes as p where p.postal_code = code order by p.country = 'US' desc limit 1;
  -- (null, when either is not known)
  return app.miles_between(settings.service_center_latitude, settings.service_center_longitude, place.latitude, place.longitude) <= settings.service_radius_miles;
end
$$;

comment on function app.in_service_area is 'Whether a postal code is in the organization''s service area; null when that cannot be told.';

-- The same of a city: true when all of its postal codes are in the area, false when none is, null when some are or it is not known.
--   state  its code or its name
create or replace function app.city_in_service_area(organization uuid, city text, state text) returns boolean
language sql stable
set search_path = ''
as $$
  select case when bool_and(inside) then true when not bool_or(inside) then false end
    from (select coalesce(app.in_service_area(organization, p.postal_code), false) as inside
            from app.postal_codes as p
           where lower(p.city) = lower(btrim(city_in_service_area.city))
             and lower(btrim(city_in_service_area.state)) in (lower(p.state), lower(p.state_name))) as codes
$$;

comment on function app.city_in_service_area is 'Whether a city is in the organization''s service area: all of its postal codes, or none; null when some are, or it is not known.';

grant execute on function app.in_service_area, app.city_in_service_area to tenant;
