-- Phone numbers: what kind of number digits are, by the numbering plans of all countries.
--
-- The plans are one automaton (16_phone_plans.sql, generated): a number is read digit by digit, and where it ends says what it is. As
-- regular expressions the plans would take longer to compile than everything else that is asked of a lead.

create table if not exists app.phone_states (
  state smallint   not null,
  type  text,
  next  smallint[] not null,
  constraint phone_states_pkey primary key (state),
  constraint phone_states_next check (cardinality(next) = 10)
);

comment on table  app.phone_states       is 'Numbering plans of all countries, read digit by digit. The same for all, so it belongs to no organization.';
comment on column app.phone_states.state is 'State; 1 is the start, before the country code.';
comment on column app.phone_states.type  is 'What a number that ends here is, e.g. mobile; null: no number.';
comment on column app.phone_states.next  is 'States that the digits 0 to 9 lead to; null: there is no such number.';
comment on constraint phone_states_next on app.phone_states is 'next: one for each digit';

alter table app.phone_states enable row level security;
alter table app.phone_states force row level security;
drop policy if exists "the core keeps the numbering plans" on app.phone_states;
create policy "the core keeps the numbering plans" on app.phone_states to trunkline_owner using (true) with check (true);

-- What kind of number it is: fixed_line | mobile | fixed_line_or_mobile | toll_free | premium_rate | shared_cost | voip |
-- personal_number | pager | uan | voicemail | unknown; null when no country has such a number.
--   phone_key  digits with the country code, as app.phone_key writes them
create or replace function app.phone_type(phone_key text) returns text
language plpgsql stable security definer
set search_path = ''
as $$
declare
  here smallint := 1;
  kind text;
begin
  if phone_key is null or length(phone_key) > 20 or translate(phone_key, '0123456789', '') <> '' then
    return null;
  end if;
  for position in 1 .. length(phone_key) loop
    select s.next[1 + substr(phone_key, position, 1)::integer] into here from app.phone_states as s where s.state = here;
    if here is null then
      return null;
    end if;
  end loop;
  select s.type into kind from app.phone_states as s where s.state = here;
  return kind;
end
$$;

comment on function app.phone_type is 'Kind of a phone number (digits with the country code) by the numbering plans: mobile, fixed_line …; null when there is no such number.';

-- Whether there is such a number. Null without one, and for a number as it is dialled within a country that nobody told (it begins
-- with 0, which no country code does).
create or replace function app.phone_valid(phone_key text) returns boolean
language sql stable
set search_path = ''
return case when not starts_with(phone_key, '0') then app.phone_type(phone_key) is not null end;

comment on function app.phone_valid is 'Whether a number (digits with the country code) can exist by the numbering plans; null when its country is not known.';

grant execute on function app.phone_type, app.phone_valid to tenant;
