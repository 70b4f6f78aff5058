-- Outbox: one row per change, written in the transaction of the change, removed by the relay in the transaction that
-- makes the deliveries. A crash at any point loses nothing.

create table if not exists app.outbox (
  organization_id uuid           not null,
  id              uuid           not null,
  action          text           not null,
  resource        text           not null,
  snapshot        jsonb          not null,
  occurred_at     timestamptz(3) not null,
  changed         text[]         not null default '{}',
  constraint outbox_pkey primary key (organization_id, id)
);

-- the relay takes the oldest first; ids are UUIDv7, so this is the order of time
create index if not exists outbox_relay on app.outbox (id);
-- whether another relay is at an earlier change of a call
create index if not exists outbox_calls on app.outbox (organization_id, (snapshot ->> 'id'), id) where resource = 'calls';

comment on table  app.outbox                 is 'Changes that the relay has not yet turned into deliveries.';
comment on column app.outbox.organization_id is 'Organization whose data changed.';
comment on column app.outbox.id              is 'Id of the audit entry that the same trigger wrote.';
comment on column app.outbox.action          is 'resource.verb, as in the audit log.';
comment on column app.outbox.resource        is 'Table the row came from.';
comment on column app.outbox.snapshot        is 'The row as the change left it, secrets removed: a payload shows the moment of the change, however late it is delivered.';
comment on column app.outbox.occurred_at     is 'When the change happened.';
comment on column app.outbox.changed         is 'Columns that an update changed; some events are about one of them.';

alter table app.outbox enable row level security;
alter table app.outbox force row level security;
drop policy if exists "the core's own functions fill and drain it" on app.outbox;
create policy "the core's own functions fill and drain it" on app.outbox to trunkline_owner using (true) with check (true);

-- The one trigger that records a change: an audit entry with a per-field diff, and the outbox row. Attached after every
-- insert, update and delete of a table as:
--   execute function audit.record('<resource>', '<secret columns>', '<silent columns>', '<derived columns>')
--   secret columns   comma-separated; a change shows as [redacted] → [redacted], and they never reach a snapshot
--   silent columns   comma-separated; bookkeeping whose change alone is no event
--   derived columns  comma-separated; computed from the others, so neither shown nor kept
create or replace function audit.record() returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  resource constant text   := tg_argv[0];
  secret   constant text[] := string_to_array(coalesce(tg_argv[1], ''), ',');
  silent   constant text[] := array['id', 'organization_id', 'created_at', 'updated_at'] || string_to_array(coalesce(tg_argv[2], ''), ',');
  derived  constant text[] := string_to_array(coalesce(tg_argv[3], ''), ',');
  before   jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - derived else '{}' end;
  after    jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - derived else '{}' end;
  subject  jsonb := case when tg_op = 'DELETE' then before else after end;
  tenant   uuid  := coalesce(subject ->> 'organization_id', subject ->> 'id')::uuid;
  claims   jsonb := private.claims();
  verb     text;
  diff     jsonb;
  entry_id uuid;
  hour     integer;
begin
  select jsonb_object_agg(key,
           case when key = any(secret)
                then jsonb_build_object('from', case when before -> key <> 'null' then '[redacted]' end,
                                        'to',   case when after  -> key <> 'null' then '[redacted]' end)
                else jsonb_build_object('from', coalesce(before -> key, 'null'), 'to', coalesce(after -> key, 'null'))
           end)
    into diff
    from jsonb_object_keys(subject) as key
   where coalesce(before -> key, 'null') <> coalesce(after -> key, 'null')
     -- a new row's empty lists and objects tell nobody anything
     and not (tg_op = 'INSERT' and after -> key in ('[]', '{}'))
     and key <> all(silent);

  -- nothing worth telling changed
  if tg_op = 'UPDATE' and diff is null then
    return null;
  end if;

  verb := case tg_op when 'INSERT' then 'created' when 'DELETE' then 'deleted'
            else audit.verb(resource, before, after) end;

  -- The shared lock keeps the sealer away from this hour until the transaction ends. Should the hour end between the
  -- lock and the clock, lock again: an entry never lies in an hour whose lock its writer does not hold.
  hour := audit.hour_number(clock_timestamp());
  loop
    perform pg_advisory_xact_lock_shared(7261, hour);
    entry_id := uuidv7();
    exit when audit.hour_number(uuid_extract_timestamp(entry_id)) = hour;
    hour := audit.hour_number(uuid_extract_timestamp(entry_id));
  end loop;

  insert into audit.platform_events (organization_id, id, action, source, correlation_id, payload, created_at)
  values (
    tenant, entry_id, resource || '.' || verb,
    coalesce(claims ->> 'source', 'system'),
    coalesce(claims ->> 'correlation_id', 'txid_' || pg_current_xact_id()),
    case when subject ? 'id' then jsonb_build_object(resource || '_id', subject -> 'id') else '{}' end
      || jsonb_build_object('diff', coalesce(diff, '{}'))
      || case when claims ? 'key_id' then jsonb_build_object('key_id', claims -> 'key_id')
              when claims is null    then jsonb_build_object('database_user', session_user)
              else '{}' end,
    uuid_extract_timestamp(entry_id)
  );

  insert into app.outbox (organization_id, id, action, resource, snapshot, occurred_at, changed)
  values (tenant, entry_id, resource || '.' || verb, tg_table_name, subject - secret, uuid_extract_timestamp(entry_id),
          case when tg_op = 'UPDATE' then array(select jsonb_object_keys(diff)) else '{}' end);
  return null;
end
$$;

comment on function audit.record is 'Trigger: writes the audit entry with its diff and the outbox row of a change. Arguments: resource, secret columns, silent columns, derived columns.';

-- The verb of an update: a state that ended has a name of its own, everything else is "updated".
create or replace function audit.verb(resource text, before jsonb, after jsonb) returns text
language sql immutable
return case
  when before ->> 'revoked_at'  is null and after ->> 'revoked_at'  is not null then 'revoked'
  when before ->> 'deleted_at'  is null and after ->> 'deleted_at'  is not null then 'deleted'
  when before ->> 'deleted_at'  is not null and after ? 'deleted_at' and after ->> 'deleted_at' is null then 'created'
  when before ->> 'accepted_at' is null and after ->> 'accepted_at' is not null then 'accepted'
  when before ->> 'disabled_at' is null and after ->> 'disabled_at' is not null then 'disabled'
  else 'updated'
end;

comment on function audit.verb is 'Verb of an update: revoked, deleted, created (again), accepted, disabled, or updated.';

-- Who may read an organization's data from a database login is a change like any other.
create or replace trigger _500_record after insert or update or delete on private.database_logins
  for each row execute function audit.record('database_login');
