-- Suppressions: who wants no messages. Asked before anything leaves, whatever it is for; organization-wide, for each channel by itself.

create table if not exists app.suppressions (
  organization_id uuid           not null default private.tenant(),
  id              uuid           not null default uuidv7(),
  channel         text           not null,
  address         text           not null,
  reason          text,
  source          text           not null default 'manual',
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  -- derived from the others by the trigger _050_derive
  address_key     text,
  constraint suppressions_pkey primary key (organization_id, id),
  -- once is enough; also what is asked before a message leaves
  constraint suppressions_address_key unique (organization_id, channel, address_key),
  constraint suppressions_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade,
  constraint suppressions_channel check (channel in ('sms', 'email')),
  constraint suppressions_address check (length(address) <= 254 and case channel
    when 'sms' then coalesce(address_key ~ '^[0-9]{3,15}$', false)
    else address ~ '^[^\s@]+@[^\s@]+$' end),
  constraint suppressions_reason  check (length(reason) <= 500),
  constraint suppressions_source  check (length(source) between 1 and 100)
);

-- the list, newest first
create index if not exists suppressions_newest on app.suppressions (organization_id, created_at desc, id desc);

comment on table  app.suppressions                 is 'Addresses that get no messages.';
comment on column app.suppressions.organization_id is 'Organization that does not write to it.';
comment on column app.suppressions.id              is 'Suppression id; shown as sup_….';
comment on column app.suppressions.channel         is 'sms | email.';
comment on column app.suppressions.address         is 'Phone number or email address, as given.';
comment on column app.suppressions.reason          is 'Why, e.g. user_unsubscribe, manual_owner_request.';
comment on column app.suppressions.source          is 'How: manual, stop (a text message said so), list-unsubscribe-header, unsubscribe-page, or the name of the service that refused to write to it.';
comment on column app.suppressions.created_at      is 'When it was added.';
comment on column app.suppressions.updated_at      is 'When it last changed.';
comment on column app.suppressions.address_key     is 'The address in one notation. Derived.';
comment on constraint suppressions_address_key on app.suppressions is 'address: is suppressed already';
comment on constraint suppressions_channel     on app.suppressions is 'channel: must be sms or email';
comment on constraint suppressions_address     on app.suppressions is 'address: must be a phone number, or an email address';
comment on constraint suppressions_reason      on app.suppressions is 'reason: at most 500 characters';
comment on constraint suppressions_source      on app.suppressions is 'source: 1 to 100 characters';

create or replace function app.derive_suppression() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.address_key := app.address_key(new.channel, new.address);
  return new;
end
$$;

comment on function app.derive_suppression is 'Trigger: fills address_key of a suppression.';

create or replace trigger _050_derive before insert or update of channel, address, address_key on app.suppressions
  for each row execute function app.derive_suppression();
create or replace trigger _100_touch before update on app.suppressions for each row execute function private.touch();
create or replace trigger _500_record after insert or update or delete on app.suppressions
  for each row execute function audit.record('suppression', '', '', 'address_key');

alter table app.suppressions enable row level security;
alter table app.suppressions force row level security;
drop policy if exists "the core's own functions reach every suppression" on app.suppressions;
create policy "the core's own functions reach every suppression" on app.suppressions to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's suppressions" on app.suppressions;
create policy "a key sees its organization's suppressions" on app.suppressions for select to tenant
  using (organization_id = (select private.own('outreach')));
drop policy if exists "a key that may write suppresses addresses" on app.suppressions;
create policy "a key that may write suppresses addresses" on app.suppressions for insert to tenant
  with check (organization_id = (select private.writable('outreach')));
drop policy if exists "a key that may write lifts suppressions" on app.suppressions;
create policy "a key that may write lifts suppressions" on app.suppressions for delete to tenant
  using (organization_id = (select private.writable('outreach')));
drop policy if exists "a database login sees its organization's suppressions" on app.suppressions;
create policy "a database login sees its organization's suppressions" on app.suppressions for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every suppression" on app.suppressions;
create policy "a login for all sees every suppression" on app.suppressions for select to analyst_all using (true);

-- Suppresses an address; one that is suppressed already stays as it is. Returns it. Needs outreach.write.
create or replace function app.suppress(channel text, address text, reason text default null, source text default 'manual') returns app.suppressions
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
  entry app.suppressions;
begin
  insert into app.suppressions (channel, address, reason, source)
  values (suppress.channel, btrim(suppress.address), suppress.reason, coalesce(suppress.source, 'manual'))
  on conflict on constraint suppressions_address_key do nothing
  returning * into entry;
  if entry.id is null then
    select s.* into strict entry from app.suppressions as s
     where s.organization_id = app.tenant() and s.channel = suppress.channel and s.address_key = app.address_key(suppress.channel, suppress.address);
  end if;
  return entry;
end
$$;

comment on function app.suppress is 'Suppresses an address on a channel, once; returns the entry.';

create or replace view api.suppressions with (security_invoker = true) as
select organization_id, id, app.typeid('sup', id) as suppression_id, channel, address, reason, source, created_at, updated_at from app.suppressions;

alter view api.suppressions alter column organization_id set default private.tenant();
comment on view api.suppressions is 'Who gets no messages of yours. Add an address here to write to it no more; remove it only when its owner asks to be written to again.';
select private.describe_columns('api.suppressions', 'app.suppressions');
comment on column api.suppressions.suppression_id is 'The id as the API shows it.';

grant select (organization_id, id, channel, address, reason, source, created_at, updated_at, address_key) on app.suppressions to tenant, analyst, analyst_all;
grant insert (organization_id, channel, address, reason, source), delete on app.suppressions to tenant;
grant select on api.suppressions to tenant, analyst, analyst_all;
grant insert (channel, address, reason, source), delete on api.suppressions to tenant;
grant execute on function app.suppress to tenant;
