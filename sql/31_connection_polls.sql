-- Polls: asking services, by the clock, for what their hooks missed. One row per connection whose connector can be asked.
--
--   due ──claimed──► page, page … ──► done: watermark = when the poll began; due again after the connector's interval
--    ▲                 │     └──► rest: enough was asked for the moment; it goes on at its cursor
--    └── lease over ───┴──► failed: again after a pause, at its cursor
--
-- A page is recorded in the transaction that moves the cursor: whoever is killed in the middle leaves a poll that another goes on
-- with, where it was, when the lease is over. A claim that was lost can move nothing.

create table if not exists app.connection_polls (
  organization_id uuid           not null,
  connection_id   uuid           not null,
  next_due_at     timestamptz(3) not null default now(),
  claim           uuid,
  started_at      timestamptz(3),
  page_cursor     text,
  watermark       timestamptz(3),
  last_polled_at  timestamptz(3),
  failures        integer        not null default 0,
  error           text,
  found           bigint         not null default 0,
  constraint connection_polls_pkey primary key (organization_id, connection_id),
  constraint connection_polls_connection_fkey foreign key (organization_id, connection_id)
    references app.connections (organization_id, id) on delete cascade
) with (fillfactor = 50);

-- what a worker claims next
create index if not exists connection_polls_due on app.connection_polls (next_due_at);

comment on table  app.connection_polls                 is 'How far each connection is polled, and when it is polled next.';
comment on column app.connection_polls.organization_id is 'Organization.';
comment on column app.connection_polls.connection_id   is 'Connection.';
comment on column app.connection_polls.next_due_at     is 'When it is due; while a worker is at it, when its lease is over.';
comment on column app.connection_polls.claim           is 'The claim of the worker that is at it; null when none is.';
comment on column app.connection_polls.started_at      is 'When the poll under way began; null when none is.';
comment on column app.connection_polls.page_cursor     is 'Where the poll under way goes on, in the words of its service; null: at the beginning.';
comment on column app.connection_polls.watermark       is 'When the last complete poll began: what was there before is known.';
comment on column app.connection_polls.last_polled_at  is 'When a poll was last complete.';
comment on column app.connection_polls.failures        is 'Failures in a row.';
comment on column app.connection_polls.error           is 'What went wrong at the last attempt, without credentials; null when nothing did.';
comment on column app.connection_polls.found           is 'Calls that polls found and hooks had not told of.';

alter table app.connection_polls enable row level security;
alter table app.connection_polls force row level security;
drop policy if exists "the core's own functions keep every connection's polls" on app.connection_polls;
create policy "the core's own functions keep every connection's polls" on app.connection_polls to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees how its connections are polled" on app.connection_polls;
create policy "a key sees how its connections are polled" on app.connection_polls for select to tenant
  using (organization_id = (select private.own('connectors')));
drop policy if exists "a database login sees how its connections are polled" on app.connection_polls;
create policy "a database login sees how its connections are polled" on app.connection_polls for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees how every connection is polled" on app.connection_polls;
create policy "a login for all sees how every connection is polled" on app.connection_polls for select to analyst_all using (true);

-- Who changes a connection wants to see what comes of it: it is polled at once. With other settings (another account, another company)
-- it is another service, of which nothing is known.
create or replace function app.poll_anew() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  update app.connection_polls as p
     set next_due_at = now(), claim = null, started_at = null, page_cursor = null, failures = 0,
         watermark = case when tg_table_name = 'connections' and to_jsonb(new) -> 'settings' <> to_jsonb(old) -> 'settings' then null
                          else p.watermark end
   where p.organization_id = new.organization_id
     and p.connection_id = (to_jsonb(new) ->> case tg_table_name when 'connections' then 'id' else 'connection_id' end)::uuid;
  return null;
end
$$;

comment on function app.poll_anew is 'Trigger: polls a connection from the beginning, at once, because it changed.';

create or replace trigger _600_poll_anew after update of settings, enabled on app.connections
  for each row when (old.settings <> new.settings or old.enabled <> new.enabled) execute function app.poll_anew();
create or replace trigger _600_poll_anew after insert or update of ciphertext on app.connection_secrets
  for each row execute function app.poll_anew();

-- Claims connections that are due for a worker, the longest due first.
--   vendors     whose connectors can be asked; one that was not polled before is due at once
--   lease       how long the claim holds; each page renews it
--   connection  this one only, due or not, unless somebody is at it
create or replace function app.claim_polls(vendors text[], batch integer, lease interval, connection uuid default null)
returns table (organization_id uuid, connection_id uuid, claim uuid, started_at timestamptz, watermark timestamptz, page_cursor text,
               failures integer, vendor text, name text, settings jsonb, secret_names text[], ciphertexts bytea[])
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into app.connection_polls (organization_id, connection_id)
  select c.organization_id, c.id from app.connections as c
   where c.vendor = any (vendors) and c.enabled
     and not exists (select from app.connection_polls as p where p.organization_id = c.organization_id and p.connection_id = c.id)
  on conflict do nothing;

  return query
  with due as (
    select p.organization_id, p.connection_id
      from app.connection_polls as p
      join app.connections as c on c.organization_id = p.organization_id and c.id = p.connection_id
     where c.enabled and c.vendor = any (vendors)
       and (p.next_due_at <= now() or p.claim is null and p.connection_id = claim_polls.connection)
       and (claim_polls.connection is null or p.connection_id = claim_polls.connection)
     order by p.next_due_at limit batch for update of p skip locked
  ), claimed as (
    update app.connection_polls as p
       set claim = uuidv7(), next_due_at = now() + lease, started_at = coalesce(p.started_at, now())
      from due
     where p.organization_id = due.organization_id and p.connection_id = due.connection_id
    returning p.*
  )
  select p.organization_id, p.connection_id, p.claim, p.started_at::timestamptz, p.watermark::timestamptz, p.page_cursor, p.failures,
         o.vendor, o.name, o.settings, o.secret_names, o.ciphertexts
    from claimed as p
    join private.opened_connections as o on o.organization_id = p.organization_id and o.id = p.connection_id;
end
$$;

comment on function app.claim_polls is 'Claims connections that are due to be polled, with their encrypted credentials and how far they are.';

-- Settles what was done under a claim. Called before what a page told is recorded, in its transaction: false means that the claim was
-- lost, and that nothing may be recorded.
--   outcome      page (more follows at once) | rest (more follows after a pause) | done | failed
--   page_cursor  where it goes on
--   error        what went wrong, or what of a page could not be stored
--   pause        until it is due again; of one that is done, since it began; of a page, how long the claim holds on
create or replace function app.settle_poll(
  organization uuid, connection uuid, claim uuid, outcome text, page_cursor text, error text, pause interval
) returns boolean
language plpgsql security definer
set search_path = ''
as $$
declare
  before app.connection_polls;
begin
  select * into before from app.connection_polls as p
   where p.organization_id = organization and p.connection_id = settle_poll.connection and p.claim = settle_poll.claim
     for update;
  if before.connection_id is null then
    return false;
  end if;
  update app.connection_polls as p
     set claim          = case when outcome = 'page' then p.claim end,
         page_cursor    = settle_poll.page_cursor,
         started_at     = case when outcome <> 'done' then p.started_at end,
         watermark      = case when outcome = 'done' then p.started_at else p.watermark end,
         last_polled_at = case when outcome = 'done' then now() else p.last_polled_at end,
         next_due_at    = case when outcome = 'done' then greatest(p.started_at + pause, now()) else now() + pause end,
         failures       = case when outcome = 'failed' then p.failures + 1 else 0 end,
         error          = settle_poll.error
   where p.organization_id = organization and p.connection_id = settle_poll.connection;
  -- that it works says something only after it did not: hooks tell of themselves
  if settle_poll.error is not null or before.error is not null then
    perform app.note_connection(organization, settle_poll.connection, false, false, settle_poll.error);
  end if;
  return true;
end
$$;

comment on function app.settle_poll is 'Settles a page of a poll, or its end; false when the claim was lost.';

-- Counts calls that a poll found and no hook had told of, in the transaction that recorded them.
create or replace function app.note_poll_found(organization uuid, connection uuid, calls integer) returns void
language sql volatile security definer
set search_path = ''
as $$
  update app.connection_polls as p set found = p.found + calls
   where p.organization_id = organization and p.connection_id = note_poll_found.connection;
  insert into app.connection_health as h (organization_id, connection_id, last_call_at) values (organization, connection, now())
  on conflict on constraint connection_health_pkey do update set last_call_at = excluded.last_call_at
$$;

comment on function app.note_poll_found is 'Counts calls that a poll found and no hook had told of.';

grant select (organization_id, connection_id, next_due_at, started_at, watermark, last_polled_at, failures, error, found)
   on app.connection_polls to tenant, analyst, analyst_all;
grant execute on function app.claim_polls, app.settle_poll, app.note_poll_found to worker;
