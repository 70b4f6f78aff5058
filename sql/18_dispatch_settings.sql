-- Dispatch settings: where an organization goes, when it works, what it takes, and what happens by itself when somebody calls. One row
-- for each organization. A new one dispatches nothing by itself until it says where it goes.

-- Whether a text is a time of day, 00:00 to 24:00.
create or replace function app.is_time_of_day(value text) returns boolean
language sql immutable parallel safe
return coalesce(value ~ '^([01]\d|2[0-3]):[0-5]\d$|^24:00$', false);

comment on function app.is_time_of_day is 'Whether a text is a time of day, 00:00 to 24:00.';

-- Whether hours are an object of weekdays (mon … sun), each a list of up to ten intervals ["08:00", "18:00"]. One that ends before it
-- begins goes past midnight.
create or replace function app.are_business_hours(hours jsonb) returns boolean
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  weekday  record;
  interval jsonb;
begin
  if jsonb_typeof(hours) is distinct from 'object' then return false; end if;
  for weekday in select key, value from jsonb_each(hours) loop
    if weekday.key <> all (array['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']) or jsonb_typeof(weekday.value) <> 'array'
       or jsonb_array_length(weekday.value) > 10 then
      return false;
    end if;
    for interval in select * from jsonb_array_elements(weekday.value) loop
      if jsonb_typeof(interval) <> 'array' or jsonb_array_length(interval) <> 2
         or not app.is_time_of_day(interval ->> 0) or not app.is_time_of_day(interval ->> 1)
         or interval ->> 0 = interval ->> 1 or interval ->> 0 = '24:00' then
        return false;
      end if;
    end loop;
  end loop;
  return true;
end
$$;

comment on function app.are_business_hours is 'Whether hours are an object of weekdays, each a list of intervals.';

create table if not exists app.dispatch_settings (
  organization_id             uuid           not null default private.tenant(),
  -- where
  service_postal_codes        text[]         not null default '{}',
  service_center_postal_code  text,
  service_center_latitude     numeric(8, 5),
  service_center_longitude    numeric(8, 5),
  service_radius_miles        numeric(6, 1),
  -- when
  business_hours              jsonb          not null default '{"mon": [["08:00", "18:00"]], "tue": [["08:00", "18:00"]], "wed": [["08:00", "18:00"]], "thu": [["08:00", "18:00"]], "fri": [["08:00", "18:00"]]}',
  closed_dates                date[]         not null default '{}',
  urgent_at_any_hour          boolean        not null default false,
  -- what
  qualified_intents           text[]         not null default '{water,fire,mold,biohazard}',
  minimum_confidence          numeric(3, 2)  not null default 0.6,
  transcript_wait_seconds     integer        not null default 0,
  stale_after_minutes         integer        not null default 240,
  -- what then happens
  auto_dispatch               boolean        not null default true,
  crm_push                    boolean        not null default true,
  sms_callback                boolean        not null default true,
  sms_template                text           not null default 'Hi {first_name}, thank you for calling {organization}. We have your request and a technician will call you from {tracking_number} shortly.',
  sms_on_callback             boolean        not null default false,
  sms_on_callback_template    text           not null default 'Hi {first_name}, thank you for calling {organization}. We missed you, and will call you back as soon as we can.',
  created_at                  timestamptz(3) not null default now(),
  updated_at                  timestamptz(3) not null default now(),
  constraint dispatch_settings_pkey primary key (organization_id),
  constraint dispatch_settings_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade,
  constraint dispatch_settings_postal_codes check (cardinality(service_postal_codes) <= 5000
    and array_position(service_postal_codes, null) is null
    and array_to_string(service_postal_codes, ',') ~ '^([A-Za-z0-9][A-Za-z0-9 -]{0,11}\*?(,|$))*$'),
  constraint dispatch_settings_center_postal_code check (service_center_postal_code ~ '^[A-Za-z0-9][A-Za-z0-9 -]{2,11}$'),
  constraint dispatch_settings_latitude  check (service_center_latitude between -90 and 90),
  constraint dispatch_settings_longitude check (service_center_longitude between -180 and 180),
  constraint dispatch_settings_center    check ((service_center_latitude is null) = (service_center_longitude is null)),
  constraint dispatch_settings_radius    check (service_radius_miles between 0.1 and 5000
    and (service_radius_miles is null or service_center_latitude is not null or service_center_postal_code is not null)),
  constraint dispatch_settings_hours     check (app.are_business_hours(business_hours)),
  constraint dispatch_settings_closed    check (cardinality(closed_dates) <= 1000 and array_position(closed_dates, null) is null),
  constraint dispatch_settings_intents   check (qualified_intents <@ '{water,fire,mold,biohazard,other}' and cardinality(qualified_intents) <= 5),
  constraint dispatch_settings_confidence check (minimum_confidence between 0 and 1),
  constraint dispatch_settings_wait      check (transcript_wait_seconds between 0 and 3600),
  constraint dispatch_settings_stale     check (stale_after_minutes between 1 and 10080),
  constraint dispatch_settings_sms       check (length(sms_template) between 1 and 640
    and sms_template !~ '\{(?!(name|first_name|organization|tracking_number)\})'),
  constraint dispatch_settings_sms_on_callback check (length(sms_on_callback_template) between 1 and 640
    and sms_on_callback_template !~ '\{(?!(name|first_name|organization|tracking_number)\})')
);

comment on table  app.dispatch_settings                            is 'What an organization does by itself when somebody calls: where it goes, when it works, what it takes. One row for each.';
comment on column app.dispatch_settings.organization_id            is 'Organization.';
comment on column app.dispatch_settings.service_postal_codes       is 'Postal codes that it goes to; one that ends in * stands for all that begin so: 300*.';
comment on column app.dispatch_settings.service_center_postal_code is 'Postal code that the radius is measured from, unless latitude and longitude say it better.';
comment on column app.dispatch_settings.service_center_latitude    is 'Latitude of the point that the radius is measured from.';
comment on column app.dispatch_settings.service_center_longitude   is 'Longitude of it.';
comment on column app.dispatch_settings.service_radius_miles       is 'How far it goes, in miles. What is within it or among the postal codes is in the service area.';
comment on column app.dispatch_settings.business_hours             is 'For each weekday (mon … sun), intervals in the organization''s time zone: {"mon": [["08:00", "18:00"]]}. One that ends before it begins goes past midnight.';
comment on column app.dispatch_settings.closed_dates               is 'Days on which no business hours begin.';
comment on column app.dispatch_settings.urgent_at_any_hour         is 'Whether a call of high urgency is dispatched outside of business hours too.';
comment on column app.dispatch_settings.qualified_intents          is 'What it takes: water, fire, mold, biohazard, other. A qualified call about something else is reviewed by a person.';
comment on column app.dispatch_settings.minimum_confidence         is 'A classification that is less sure is reviewed by a person.';
comment on column app.dispatch_settings.transcript_wait_seconds    is 'How long a call that has no transcript waits for one before it is classified without.';
comment on column app.dispatch_settings.stale_after_minutes        is 'A call that was told of or classified so many minutes after it came in is reviewed by a person; nobody is texted about yesterday''s call.';
comment on column app.dispatch_settings.auto_dispatch              is 'Whether calls are dispatched without a person. Off: such a call is reviewed.';
comment on column app.dispatch_settings.crm_push                   is 'Whether a dispatched call makes a job in the CRM, when one is connected.';
comment on column app.dispatch_settings.sms_callback               is 'Whether the caller of a dispatched call gets a text message.';
comment on column app.dispatch_settings.sms_template               is 'Its text. {name}, {first_name}, {organization} and {tracking_number} are filled in.';
comment on column app.dispatch_settings.sms_on_callback            is 'Whether somebody who is to be called back gets a text message.';
comment on column app.dispatch_settings.sms_on_callback_template   is 'Its text, with the same placeholders.';
comment on column app.dispatch_settings.created_at                 is 'When they were made.';
comment on column app.dispatch_settings.updated_at                 is 'When they last changed.';
comment on constraint dispatch_settings_postal_codes       on app.dispatch_settings is 'service_postal_codes: at most 5000 codes of up to 12 letters, digits, spaces and hyphens; * stands at the end';
comment on constraint dispatch_settings_center_postal_code on app.dispatch_settings is 'service_center_postal_code: 3 to 12 letters, digits, spaces and hyphens';
comment on constraint dispatch_settings_latitude           on app.dispatch_settings is 'service_center_latitude: must be from -90 to 90';
comment on constraint dispatch_settings_longitude          on app.dispatch_settings is 'service_center_longitude: must be from -180 to 180';
comment on constraint dispatch_settings_center             on app.dispatch_settings is 'service_center_latitude: latitude and longitude go together';
comment on constraint dispatch_settings_radius             on app.dispatch_settings is 'service_radius_miles: from 0.1 to 5000, and it needs a center';
comment on constraint dispatch_settings_hours              on app.dispatch_settings is 'business_hours: must be an object of mon … sun, each a list of at most 10 intervals ["08:00", "18:00"]';
comment on constraint dispatch_settings_closed             on app.dispatch_settings is 'closed_dates: at most 1000 dates';
comment on constraint dispatch_settings_intents            on app.dispatch_settings is 'qualified_intents: must be among water, fire, mold, biohazard, other';
comment on constraint dispatch_settings_confidence         on app.dispatch_settings is 'minimum_confidence: must be from 0 to 1';
comment on constraint dispatch_settings_wait               on app.dispatch_settings is 'transcript_wait_seconds: must be from 0 to 3600';
comment on constraint dispatch_settings_stale              on app.dispatch_settings is 'stale_after_minutes: must be from 1 to 10080';
comment on constraint dispatch_settings_sms                on app.dispatch_settings is 'sms_template: 1 to 640 characters; placeholders are {name}, {first_name}, {organization}, {tracking_number}';
comment on constraint dispatch_settings_sms_on_callback    on app.dispatch_settings is 'sms_on_callback_template: 1 to 640 characters; placeholders are {name}, {first_name}, {organization}, {tracking_number}';

create or replace trigger _100_touch before update on app.dispatch_settings for each row execute function private.touch();
-- the settings an organization starts with are part of its creation, not a change of their own
create or replace trigger _500_record after insert or update or delete on app.dispatch_settings
  for each row when (pg_trigger_depth() = 0) execute function audit.record('dispatch_settings');

alter table app.dispatch_settings enable row level security;
alter table app.dispatch_settings force row level security;
drop policy if exists "the core's own functions reach all dispatch settings" on app.dispatch_settings;
create policy "the core's own functions reach all dispatch settings" on app.dispatch_settings to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's dispatch settings" on app.dispatch_settings;
create policy "a key sees its organization's dispatch settings" on app.dispatch_settings for select to tenant
  using (organization_id = (select private.tenant()));
drop policy if exists "an admin key changes its organization's dispatch settings" on app.dispatch_settings;
create policy "an admin key changes its organization's dispatch settings" on app.dispatch_settings for update to tenant
  using (organization_id = (select private.writable('organizations', 'admin')));
drop policy if exists "a database login sees its organization's dispatch settings" on app.dispatch_settings;
create policy "a database login sees its organization's dispatch settings" on app.dispatch_settings for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees all dispatch settings" on app.dispatch_settings;
create policy "a login for all sees all dispatch settings" on app.dispatch_settings for select to analyst_all using (true);

-- Every organization has settings from its beginning.
create or replace function app.make_dispatch_settings() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into app.dispatch_settings (organization_id) values (new.id) on conflict do nothing;
  return null;
end
$$;

comment on function app.make_dispatch_settings is 'Trigger: a new organization gets dispatch settings.';

create or replace trigger _600_dispatch_settings after insert on app.organizations for each row execute function app.make_dispatch_settings();

-- those that were there before
insert into app.dispatch_settings (organization_id) select id from app.organizations on conflict do nothing;

-- Whether an organization works at a moment, in its own time zone (UTC when it has none). An interval belongs to the day on which it
-- begins, so what goes past midnight ends on the next day, also when that is a closed one.
create or replace function app.in_business_hours(organization uuid, moment timestamptz) returns boolean
language sql stable
set search_path = ''
as $$
  select exists (
    select
      from app.dispatch_settings as s
      join app.organizations as o on o.id = s.organization_id
     cross join lateral (select moment at time zone coalesce(o.settings ->> 'timezone', 'UTC') as local) as t
     -- what began today, and what began yesterday
     cross join lateral (values (t.local::date), (t.local::date - 1)) as day (day)
     cross join lateral jsonb_array_elements(coalesce(s.business_hours -> lower(to_char(day.day, 'FMdy')), '[]')) as hours
     cross join lateral (select day.day + (hours ->> 0)::interval as opens, day.day + (hours ->> 1)::interval as closes) as i
     where s.organization_id = organization
       and day.day <> all (s.closed_dates)
       and t.local >= i.opens
       and t.local < case when i.closes <= i.opens then i.closes + interval '1 day' else i.closes end)
$$;

comment on function app.in_business_hours is 'Whether an organization works at a moment, by its business hours, closed dates and time zone.';

-- Changes settings of the calling organization: what is not named stays.
--   changes  settings by name
-- Raises 403 without the scope organizations.admin.
create or replace function app.update_dispatch_settings(changes jsonb) returns app.dispatch_settings
language sql
set search_path = ''
as $$
  update app.dispatch_settings as s
     set (service_postal_codes, service_center_postal_code, service_center_latitude, service_center_longitude, service_radius_miles,
          business_hours, closed_dates, urgent_at_any_hour, qualified_intents, minimum_confidence, transcript_wait_seconds,
          stale_after_minutes, auto_dispatch, crm_push, sms_callback, sms_template, sms_on_callback, sms_on_callback_template) = (
           select c.service_postal_codes, c.service_center_postal_code, c.service_center_latitude, c.service_center_longitude,
                  c.service_radius_miles, c.business_hours, c.closed_dates, c.urgent_at_any_hour, c.qualified_intents,
                  c.minimum_confidence, c.transcript_wait_seconds, c.stale_after_minutes, c.auto_dispatch, c.crm_push, c.sms_callback,
                  c.sms_template, c.sms_on_callback, c.sms_on_callback_template
             from jsonb_populate_record(s, changes) as c)
   where s.organization_id = app.tenant()
  returning s
$$;

comment on function app.update_dispatch_settings is 'Changes dispatch settings of the calling organization; what is not named stays.';

create or replace view api.dispatch_settings with (security_invoker = true) as
select organization_id, service_postal_codes, service_center_postal_code, service_center_latitude, service_center_longitude,
       service_radius_miles, business_hours, closed_dates, urgent_at_any_hour, qualified_intents, minimum_confidence,
       transcript_wait_seconds, stale_after_minutes, auto_dispatch, crm_push, sms_callback, sms_template, sms_on_callback,
       sms_on_callback_template, created_at, updated_at
  from app.dispatch_settings;

comment on view api.dispatch_settings is 'What your organization does by itself when somebody calls. A key with the scope admin changes it.';
select private.describe_columns('api.dispatch_settings', 'app.dispatch_settings');

grant select (organization_id, service_postal_codes, service_center_postal_code, service_center_latitude, service_center_longitude,
              service_radius_miles, business_hours, closed_dates, urgent_at_any_hour, qualified_intents, minimum_confidence,
              transcript_wait_seconds, stale_after_minutes, auto_dispatch, crm_push, sms_callback, sms_template, sms_on_callback,
              sms_on_callback_template, created_at, updated_at) on app.dispatch_settings to tenant, analyst, analyst_all;
grant update (service_postal_codes, service_center_postal_code, service_center_latitude, service_center_longitude,
              service_radius_miles, business_hours, closed_dates, urgent_at_any_hour, qualified_intents, minimum_confidence,
              transcript_wait_seconds, stale_after_minutes, auto_dispatch, crm_push, sms_callback, sms_template, sms_on_callback,
              sms_on_callback_template) on app.dispatch_settings to tenant;
grant select on api.dispatch_settings to tenant, analyst, analyst_all;
grant update (service_postal_codes, service_center_postal_code, service_center_latitude, service_center_longitude,
              service_radius_miles, business_hours, closed_dates, urgent_at_any_hour, qualified_intents, minimum_confidence,
              transcript_wait_seconds, stale_after_minutes, auto_dispatch, crm_push, sms_callback, sms_template, sms_on_callback,
              sms_on_callback_template) on api.dispatch_settings to tenant;
grant execute on function app.is_time_of_day, app.are_business_hours, app.in_business_hours, app.update_dispatch_settings to tenant;
