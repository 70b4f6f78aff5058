-- Audit: every state-changing action of the platform, written by trigger, kept seven years, changed by nobody.
--
-- Partitioned by month, so that retention drops a table instead of deleting rows, and so that lists touch few partitions.
-- The documents call it platform_events.

create table if not exists audit.platform_events (
  organization_id uuid           not null,
  id              uuid           not null,
  action          text           not null,
  source          text           not null,
  correlation_id  text           not null,
  payload         jsonb          not null,
  created_at      timestamptz(3) not null,
  -- newest first within an organization: read backwards, this is the list and the export
  constraint platform_events_pkey primary key (organization_id, created_at, id),
  constraint platform_events_source check (source in ('api', 'cron', 'n8n', 'worker', 'system'))
) partition by range (created_at);

-- the list filtered by action, and by source
create index if not exists platform_events_action on audit.platform_events (organization_id, action, created_at desc, id desc);
create index if not exists platform_events_source on audit.platform_events (organization_id, source, created_at desc, id desc);

-- sealing and verifying read one hour of every organization; block ranges cost an insert next to nothing
create index if not exists platform_events_hour on audit.platform_events using brin (created_at) with (pages_per_range = 32, autosummarize = on);

comment on table  audit.platform_events                 is 'Immutable record of every change: who, what, when, with a per-field diff. Retained seven years.';
comment on column audit.platform_events.organization_id is 'Organization whose data changed.';
comment on column audit.platform_events.id              is 'Entry id (UUIDv7); created_at is the time inside it.';
comment on column audit.platform_events.action          is 'resource.verb, e.g. lead.updated.';
comment on column audit.platform_events.source          is 'api | cron | n8n | worker | system (system: the command line or a database session).';
comment on column audit.platform_events.correlation_id  is 'Request id (X-Request-Id), or txid_<n> for a change made in a database session.';
comment on column audit.platform_events.payload         is '{"<resource>_id", "diff": {"field": {"from","to"}}, "key_id" or "database_user"}.';
comment on column audit.platform_events.created_at      is 'When it happened, to the millisecond.';

-- Hourly seals: the hash of an hour's entries, chained to the seal before it.
create table if not exists audit.seals (
  hour        timestamptz(3) not null,
  entries     bigint         not null,
  entries_hash bytea         not null,
  seal        bytea          not null,
  sealed_at   timestamptz(3) not null default now(),
  constraint seals_pkey primary key (hour)
);

comment on table  audit.seals              is 'One row per closed hour that holds entries: SHA-256 of its entries, chained to the previous seal. Platform-wide, so it belongs to no organization.';
comment on column audit.seals.hour         is 'Start of the sealed hour (UTC).';
comment on column audit.seals.entries      is 'Number of entries in the hour.';
comment on column audit.seals.entries_hash is 'SHA-256 over the hashes of the hour''s entries, in order of id.';
comment on column audit.seals.seal         is 'SHA-256 of the previous seal, the hour, the count and entries_hash.';
comment on column audit.seals.sealed_at    is 'When the seal was set.';

-- Nobody updates or deletes, whatever was granted: not even the owner.
create or replace function audit.refuse_change() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception 'The audit log cannot be changed: % on %.% is refused.', lower(tg_op), tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege';
end
$$;

create or replace trigger _100_immutable before update or delete on audit.platform_events
  for each row execute function audit.refuse_change();
create or replace trigger _100_immutable before update or delete on audit.seals
  for each row execute function audit.refuse_change();
create or replace trigger _100_no_truncate before truncate on audit.platform_events
  for each statement execute function audit.refuse_change();
create or replace trigger _100_no_truncate before truncate on audit.seals
  for each statement execute function audit.refuse_change();

-- Makes the partitions from this month to `months_ahead` months from now. Safe to call at any time. Returns how many it made.
create or replace function audit.make_partitions(months_ahead integer default 3) returns integer
language plpgsql security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  month timestamptz;
  name  text;
  made  integer := 0;
begin
  for month in
    select generate_series(date_trunc('month', now()), date_trunc('month', now()) + make_interval(months => months_ahead), '1 month')
  loop
    name := 'platform_events_' || to_char(month, 'YYYY_MM');
    continue when to_regclass('audit.' || name) is not null;
    -- a month that began without its partition has entries in the default one, and they cannot be moved: it stays there
    continue when exists (
      select from audit.platform_events as e where e.created_at >= month and e.created_at < month + interval '1 month');
    execute format('create table audit.%I partition of audit.platform_events for values from (%L) to (%L)',
                   name, month, month + interval '1 month');
    perform audit.protect_partition(name);
    made := made + 1;
  end loop;
  return made;
end
$$;

comment on function audit.make_partitions is 'Makes the monthly partitions from now to months_ahead; returns how many it made.';

-- A partition can also be addressed by its own name; it gets the rules of its parent.
create or replace function audit.protect_partition(name text) returns void
language plpgsql
set search_path = ''
as $$
begin
  execute format('alter table audit.%I enable row level security', name);
  execute format('alter table audit.%I force row level security', name);
  execute format('create or replace trigger _100_no_truncate before truncate on audit.%I for each statement execute function audit.refuse_change()', name);
  execute format('comment on table audit.%I is %L', name, 'A month of audit.platform_events.');
end
$$;

-- Entries older than the first partition, or written when nobody made partitions in time, still find a place.
create table if not exists audit.platform_events_default partition of audit.platform_events default;
select audit.protect_partition('platform_events_default');
select audit.make_partitions();

-- Drops the partitions that ended more than seven years ago. Returns their names.
create or replace function audit.drop_expired(retention interval default '7 years') returns setof text
language plpgsql security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  name text;
begin
  if retention < interval '7 years' then
    perform app.fail(400, 'invalid_request', 'The audit log is retained for at least seven years.');
  end if;
  for name in
    select c.relname
      from pg_catalog.pg_inherits i
      join pg_catalog.pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'audit.platform_events'::regclass
       and c.relname ~ '^platform_events_[0-9]{4}_[0-9]{2}$'
       and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= now() - retention
     order by c.relname
  loop
    execute format('drop table audit.%I', name);
    return next name;
  end loop;
end
$$;

comment on function audit.drop_expired is 'Drops the partitions that ended longer ago than the retention (seven years at least); returns their names.';

alter table audit.platform_events enable row level security;
alter table audit.platform_events force row level security;
alter table audit.seals enable row level security;
alter table audit.seals force row level security;

drop policy if exists "the core's own functions write and read every entry" on audit.platform_events;
create policy "the core's own functions write and read every entry" on audit.platform_events
  to trunkline_owner using (true) with check (true);
drop policy if exists "the core's own functions seal" on audit.seals;
create policy "the core's own functions seal" on audit.seals to trunkline_owner using (true) with check (true);

comment on function audit.refuse_change     is 'Trigger: refuses every update, delete and truncate, also the owner''s.';
comment on function audit.protect_partition is 'Gives a new partition the rules that its parent does not hand down.';

grant execute on function audit.make_partitions, audit.drop_expired to worker;
