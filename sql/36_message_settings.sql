-- When an organization writes, to whom how often, and through which connection: one row a channel, there from the beginning, for whoever
-- wants it otherwise to change.

create table if not exists app.message_settings (
  organization_id  uuid           not null default private.tenant(),
  channel          text           not null,
  quiet_from       time,
  quiet_until      time,
  send_days        integer[]      not null default '{1,2,3,4,5,6,7}',
  exempt_purposes  text[]         not null default '{call_callback}',
  limit_messages   integer        not null default 4,
  limit_hours      integer        not null default 24,
  expire_hours     integer        not null default 72,
  connection_id    uuid,
  created_at       timestamptz(3) not null default now(),
  updated_at       timestamptz(3) not null default now(),
  constraint message_settings_pkey primary key (organization_id, channel),
  constraint message_settings_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade,
  constraint message_settings_connection_fkey foreign key (organization_id, connection_id)
    references app.connections (organization_id, id) on delete set null (connection_id),
  constraint message_settings_channel         check (channel in ('sms', 'email')),
  constraint message_settings_quiet           check ((quiet_from is null) = (quiet_until is null)),
  constraint message_settings_send_days       check (cardinality(send_days) > 0 and send_days <@ '{1,2,3,4,5,6,7}' and array_position(send_days, null) is null),
  constraint message_settings_exempt_purposes check (array_position(exempt_purposes, null) is null and cardinality(exempt_purposes) <= 50),
  constraint message_settings_limit_messages  check (limit_messages between 1 and 1000),
  constraint message_settings_limit_hours     check (limit_hours between 1 and 720),
  constraint message_settings_expire_hours    check (expire_hours between 1 and 720)
);

-- the foreign key
create index if not exists message_settings_connection_fkey on app.message_settings (organization_id, connection_id) where connection_id is not null;

comment on table  app.message_settings                 is 'When an organization writes on a channel, how often to one address, and through which connection.';
comment on column app.message_settings.organization_id is 'Organization.';
comment on column app.message_settings.channel         is 'sms | email.';
comment on column app.message_settings.quiet_from      is 'Nothing is sent from this time of the day, where whoever gets it is (or else the organization); null: at any time.';
comment on column app.message_settings.quiet_until     is '… until this time.';
comment on column app.message_settings.send_days       is 'Days of the week on which anything is sent; 1 is Monday.';
comment on column app.message_settings.exempt_purposes is 'Purposes that keep neither quiet hours nor days, for an hour after they are queued: who called just now is awake.';
comment on column app.message_settings.limit_messages  is 'So many messages, whatever they are for, go to one address …';
comment on column app.message_settings.limit_hours     is '… within so many hours; others wait.';
comment on column app.message_settings.expire_hours    is 'What could not be sent within so many hours is not sent any more.';
comment on column app.message_settings.connection_id   is 'Connection to send through; null: the oldest that is enabled.';
comment on column app.message_settings.created_at      is 'When it was made.';
comment on column app.message_settings.updated_at      is 'When it last changed.';
comment on constraint message_settings_connection_fkey on app.message_settings is 'connection_id: must be a connection of the organization';
comment on constraint message_settings_channel         on app.message_settings is 'channel: must be sms or email';
comment on constraint message_settings_quiet           on app.message_settings is 'quiet_until: give quiet_from and quiet_until together';
comment on constraint message_settings_send_days       on app.message_settings is 'send_days: days of the week from 1 (Monday) to 7, at least one';
comment on constraint message_settings_exempt_purposes on app.message_settings is 'exempt_purposes: at most 50 purposes';
comment on constraint message_settings_limit_messages  on app.message_settings is 'limit_messages: from 1 to 1000';
comment on constraint message_settings_limit_hours     on app.message_settings is 'limit_hours: from 1 to 720';
comment on constraint message_settings_expire_hours    on app.message_settings is 'expire_hours: from 1 to 720';

create or replace trigger _100_touch before update on app.message_settings for each row execute function private.touch();
-- the settings an organization starts with are part of its creation, not changes of their own
create or replace trigger _500_record after insert or update or delete on app.message_settings
  for each row when (pg_trigger_depth() = 0) execute function audit.record('message_settings');

alter table app.message_settings enable row level security;
alter table app.message_settings force row level security;
drop policy if exists "the core's own functions reach all message settings" on app.message_settings;
create policy "the core's own functions reach all message settings" on app.message_settings to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's message settings" on app.message_settings;
create policy "a key sees its organization's message settings" on app.message_settings for select to tenant
  using (organization_id = (select private.own('outreach')));
drop policy if exists "an admin key changes its organization's message settings" on app.message_settings;
create policy "an admin key changes its organization's message settings" on app.message_settings for update to tenant
  using (organization_id = (select private.writable('organizations', 'admin')));
drop policy if exists "a database login sees its organization's message settings" on app.message_settings;
create policy "a database login sees its organization's message settings" on app.message_settings for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees all message settings" on app.message_settings;
create policy "a login for all sees all message settings" on app.message_settings for select to analyst_all using (true);

-- What an organization starts with: text messages from 8 to 21 o'clock, mails at any time.
create or replace function app.add_message_settings() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into app.message_settings (organization_id, channel, quiet_from, quiet_until)
  values (new.id, 'sms', '21:00', '08:00'), (new.id, 'email', null, null)
  on conflict on constraint message_settings_pkey do nothing;
  return null;
end
$$;

comment on function app.add_message_settings is 'Trigger: gives a new organization the message settings it starts with.';

create or replace trigger _600_message_settings after insert on app.organizations for each row execute function app.add_message_settings();

-- organizations that were there before
insert into app.message_settings (organization_id, channel, quiet_from, quiet_until)
select o.id, s.channel, s.quiet_from::time, s.quiet_until::time
  from app.organizations as o cross join (values ('sms', '21:00', '08:00'), ('email', null, null)) as s (channel, quiet_from, quiet_until)
 where not exists (select from app.message_settings as m where m.organization_id = o.id and m.channel = s.channel)
on conflict on constraint message_settings_pkey do nothing;

-- The first time from `at` on at which something may be sent, by the clock of a time zone: not in the quiet hours, and on one of the
-- days. Quiet hours may run over midnight. Around a change of the clock, times are what the wall clock shows. Where
-- there is no such time, it is to be asked again in a day.
create or replace function app.sending_time(at timestamptz, zone text, quiet_from time, quiet_until time, days integer[]) returns timestamptz
language plpgsql stable
set search_path = ''
as $$
declare
  here  constant timestamp := at at time zone zone;
  day   date;
  span  record;
begin
  for ahead in 0 .. 8 loop
    day := here::date + ahead;
    continue when extract(isodow from day)::integer <> all (days);
    for span in
      select s.opens, s.closes from (
        select time '00:00' as opens, time '24:00' as closes where quiet_from is null or quiet_from = quiet_until
        union all select quiet_until, quiet_from    where quiet_from > quiet_until
        union all select time '00:00', quiet_from   where quiet_from < quiet_until
        union all select quiet_until, time '24:00'  where quiet_from < quiet_until
      ) as s order by s.opens
    loop
      -- compared as the clock on the wall shows it: when clocks are put back, half past one comes twice, and is quiet twice
      if here < day + span.closes and span.opens < span.closes then
        return case when here >= day + span.opens then at else greatest(at, (day + span.opens) at time zone zone) end;
      end if;
    end loop;
  end loop;
  -- quiet from 00:00 to 24:00 is quiet for good, until somebody changes that
  return at + interval '1 day';
end
$$;

comment on function app.sending_time is 'The first time from `at` on at which something may be sent, by the clock of a time zone.';

create or replace view api.message_settings with (security_invoker = true) as
select organization_id, channel, quiet_from, quiet_until, send_days, exempt_purposes, limit_messages, limit_hours, expire_hours, connection_id,
       created_at, updated_at
  from app.message_settings;

comment on view api.message_settings is 'When you write to people, how often, and through which connection. An admin key may change it.';
select private.describe_columns('api.message_settings', 'app.message_settings');

grant select (organization_id, channel, quiet_from, quiet_until, send_days, exempt_purposes, limit_messages, limit_hours, expire_hours, connection_id,
              created_at, updated_at),
      update (quiet_from, quiet_until, send_days, exempt_purposes, limit_messages, limit_hours, expire_hours, connection_id)
   on app.message_settings to tenant;
grant select (organization_id, channel, quiet_from, quiet_until, send_days, exempt_purposes, limit_messages, limit_hours, expire_hours, connection_id,
              created_at, updated_at) on app.message_settings to analyst, analyst_all;
grant select on api.message_settings to tenant, analyst, analyst_all;
grant update (quiet_from, quiet_until, send_days, exempt_purposes, limit_messages, limit_hours, expire_hours, connection_id) on api.message_settings to tenant;
