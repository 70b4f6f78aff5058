-- Postal codes and where they are, to tell how far away somebody lives. The same for all, so they belong to no organization. Those of
-- the United States are in 18_postal_codes_us.sql; rows of another country can be added beside them.

create table if not exists app.postal_codes (
  country     text         not null,
  postal_code text         not null,
  latitude    numeric(5,2) not null,
  longitude   numeric(5,2) not null,
  city        text         not null,
  state       text         not null,
  state_name  text         not null,
  constraint postal_codes_pkey primary key (country, postal_code),
  constraint postal_codes_latitude  check (latitude between -90 and 90),
  constraint postal_codes_longitude check (longitude between -180 and 180)
);

-- where a code is, whatever the country; the codes of a city, when that is all a tracker knows of a caller
create index if not exists postal_codes_code on app.postal_codes (postal_code);
create index if not exists postal_codes_city on app.postal_codes (lower(city));

comment on table  app.postal_codes             is 'Postal codes and where their middle is. From GeoNames (CC BY 4.0).';
comment on column app.postal_codes.country     is 'ISO 3166 code of the country, e.g. US.';
comment on column app.postal_codes.postal_code is 'Postal code, in capitals and without spaces.';
comment on column app.postal_codes.latitude    is 'Latitude of its middle, in degrees.';
comment on column app.postal_codes.longitude   is 'Longitude of its middle, in degrees.';
comment on column app.postal_codes.city        is 'City.';
comment on column app.postal_codes.state       is 'Code of the state or province, e.g. GA.';
comment on column app.postal_codes.state_name  is 'Name of the state or province, e.g. Georgia.';

alter table app.postal_codes enable row level security;
alter table app.postal_codes force row level security;
drop policy if exists "the core loads postal codes" on app.postal_codes;
create policy "the core loads postal codes" on app.postal_codes to trunkline_owner using (true) with check (true);
drop policy if exists "everybody may know where a postal code is" on app.postal_codes;
create policy "everybody may know where a postal code is" on app.postal_codes for select using (true);

-- Loads the codes of a country from blocks of lines: the state (code;name), then for each place its name and its codes, each with the
-- hundredths of degrees of its latitude and longitude. Codes that are known already are put right.
create or replace function private.load_postal_codes(country text, codes text) returns void
language sql
set search_path = ''
as $$
  insert into app.postal_codes as known (country, postal_code, latitude, longitude, city, state, state_name)
  select load_postal_codes.country, split_part(item, ',', 1), split_part(item, ',', 2)::integer / 100.0, split_part(item, ',', 3)::integer / 100.0,
         split_part(line, ';', 1), split_part(state, ';', 1), split_part(state, ';', 2)
    from string_to_table(codes, E'\n\n') as block
   cross join split_part(block, E'\n', 1) as state
   cross join string_to_table(substr(block, length(state) + 2), E'\n') as line
   cross join string_to_table(substr(line, strpos(line, ';') + 1), ';') as item
  on conflict on constraint postal_codes_pkey do update
     set latitude = excluded.latitude, longitude = excluded.longitude, city = excluded.city, state = excluded.state, state_name = excluded.state_name
   where (known.latitude, known.longitude, known.city, known.state, known.state_name)
         is distinct from (excluded.latitude, excluded.longitude, excluded.city, excluded.state, excluded.state_name)
$$;

comment on function private.load_postal_codes is 'Loads the postal codes of a country; the head of the function says how they are written.';

-- A postal code in one notation: capitals, no spaces, without the last four digits of 30060-1234. Null when it is blank.
create or replace function app.postal_code_key(postal_code text) returns text
language sql immutable parallel safe
return (select case when code ~ '^\d{5}-?\d{4}$' then left(code, 5) else nullif(code, '') end
          from upper(regexp_replace(postal_code, '\s', '', 'g')) as code);

comment on function app.postal_code_key is 'A postal code in one notation: capitals, no spaces, five digits of 30060-1234.';

-- Miles between two points along a great circle (haversine, on a sphere of the earth's mean radius: within half a percent).
create or replace function app.miles_between(latitude_1 numeric, longitude_1 numeric, latitude_2 numeric, longitude_2 numeric) returns double precision
language sql immutable parallel safe
-- (least() would overlook a null)
returns null on null input
return 2 * 3958.76 * asin(least(1, sqrt(
  sind((latitude_2 - latitude_1)::double precision / 2) ^ 2
  + cosd(latitude_1::double precision) * cosd(latitude_2::double precision) * sind((longitude_2 - longitude_1)::double precision / 2) ^ 2)));

comment on function app.miles_between is 'Miles between two points, given in degrees, along a great circle.';

grant select (country, postal_code, latitude, longitude, city, state, state_name) on app.postal_codes to tenant;
grant execute on function app.postal_code_key, app.miles_between to tenant;
