-- Hook receipts: what outside services sent, stored as it came before it is answered, and processed by the worker.
--
--   pending ──claimed──► done          its leads and calls are made (or there were none), in the transaction that says so
--      │  ▲ lease over      ▲
--      │  └──────────┐      │
--      └──failure──► failed ┤          tried again at next_attempt_at
--                           └► dead    refused for good, or the schedule is exhausted; `trunkline connectors retry` starts anew
--
-- The row is its own queue entry: accepting a hook is one insert, in one transaction, without rights on the job queue's tables.
-- A worker claims due rows (skip locked) and says from time to time that it is still at it; the rows of one that was killed are
-- due again when their lease is over. A claim that was lost can no longer settle.

create table if not exists app.hook_receipts (
  organization_id uuid           not null,
  id              uuid           not null default uuidv7(),
  connection_id   uuid           not null,
  headers         jsonb          not null,
  body            bytea          not null,
  body_size       integer        not null generated always as (octet_length(body)) stored,
  state           text           not null default 'pending',
  attempts        integer        not null default 0,
  next_attempt_at timestamptz(3) not null default now(),
  claim           uuid,
  error           text,
  lead_ids        uuid[]         not null default '{}',
  received_at     timestamptz(3) not null default now(),
  settled_at      timestamptz(3),
  call_ids        uuid[]         not null default '{}',
  constraint hook_receipts_pkey primary key (organization_id, id),
  constraint hook_receipts_connection_fkey foreign key (organization_id, connection_id)
    references app.connections (organization_id, id) on delete cascade,
  constraint hook_receipts_state check (state in ('pending', 'done', 'failed', 'dead'))
);

-- what a worker claims next
create index if not exists hook_receipts_due on app.hook_receipts (next_attempt_at) where state in ('pending', 'failed');
-- the list of a connection, newest first
create index if not exists hook_receipts_by_connection on app.hook_receipts (organization_id, connection_id, received_at desc);
-- what waits in it, or was given up: of a month of receipts, a few
create index if not exists hook_receipts_open on app.hook_receipts (organization_id, connection_id, state) where state <> 'done';
-- retention removes the oldest first
create index if not exists hook_receipts_oldest on app.hook_receipts (received_at);

comment on table  app.hook_receipts                 is 'What outside services sent, as it came. Kept for 30 days.';
comment on column app.hook_receipts.organization_id is 'Organization.';
comment on column app.hook_receipts.id              is 'Receipt id.';
comment on column app.hook_receipts.connection_id   is 'Connection it came in through.';
comment on column app.hook_receipts.headers         is 'The headers that its vendor''s connector keeps.';
comment on column app.hook_receipts.body            is 'The body, byte for byte.';
comment on column app.hook_receipts.body_size       is 'Its length in bytes.';
comment on column app.hook_receipts.state           is 'pending | done | failed (tried again) | dead (given up).';
comment on column app.hook_receipts.attempts        is 'How often it was tried, since it came or was last started anew by hand.';
comment on column app.hook_receipts.next_attempt_at is 'When it is due; while a worker is at it, when its lease is over.';
comment on column app.hook_receipts.claim           is 'The claim of the worker that is at it; null when none is.';
comment on column app.hook_receipts.error           is 'What went wrong at the last attempt, or why nothing was made of what is done; without credentials.';
comment on column app.hook_receipts.lead_ids        is 'Leads made from it.';
comment on column app.hook_receipts.received_at     is 'When it came.';
comment on column app.hook_receipts.settled_at      is 'When it was done or given up.';
comment on column app.hook_receipts.call_ids        is 'Calls that it told of, new or known.';
comment on constraint hook_receipts_state on app.hook_receipts is 'state: must be pending, done, failed or dead';

alter table app.hook_receipts enable row level security;
alter table app.hook_receipts force row level security;
drop policy if exists "the core's own functions reach every receipt" on app.hook_receipts;
create policy "the core's own functions reach every receipt" on app.hook_receipts to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's receipts" on app.hook_receipts;
create policy "a key sees its organization's receipts" on app.hook_receipts for select to tenant
  using (organization_id = (select private.own('connectors')));
drop policy if exists "a database login sees its organization's receipts" on app.hook_receipts;
create policy "a database login sees its organization's receipts" on app.hook_receipts for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every receipt" on app.hook_receipts;
create policy "a login for all sees every receipt" on app.hook_receipts for select to analyst_all using (true);

-- Notes how a connection is doing: that it received something, made a lead, failed (error) or worked (no error).
create or replace function app.note_connection(organization uuid, connection uuid, received boolean, made_lead boolean, error text) returns void
language sql volatile security definer
set search_path = ''
as $$
  insert into app.connection_health as h (organization_id, connection_id, last_received_at, last_lead_at, last_error, last_error_at, failing_since)
  select organization, connection, case when received then now() end, case when made_lead then now() end,
         note_connection.error, case when note_connection.error is not null then now() end,
         case when note_connection.error is not null then now() end
    -- one that was removed meanwhile is doing nothing
   where exists (select from app.connections as c where c.organization_id = organization and c.id = connection for key share)
  on conflict on constraint connection_health_pkey do update
     set last_received_at = coalesce(excluded.last_received_at, h.last_received_at),
         last_lead_at     = coalesce(excluded.last_lead_at, h.last_lead_at),
         last_error       = coalesce(excluded.last_error, h.last_error),
         last_error_at    = coalesce(excluded.last_error_at, h.last_error_at),
         -- that something arrived says nothing yet about how its processing goes
         failing_since    = case when note_connection.error is not null then coalesce(h.failing_since, now())
                                 when received and not made_lead then h.failing_since end
$$;

comment on function app.note_connection is 'Notes how a connection is doing: received something, made a lead, failed with an error, or worked.';

-- Notes that a service asked for a pause: nothing is sent through the connection for so many seconds, at most for a day. Longer ones stay.
create or replace function app.hold_connection(connection uuid, seconds double precision) returns void
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  tenant uuid := private.writable('connectors', 'admin');
begin
  update app.connection_health as h
     set held_until = greatest(h.held_until, now() + make_interval(secs => least(greatest(seconds, 0), 86400)))
   where h.organization_id = tenant and h.connection_id = hold_connection.connection;
end
$$;

comment on function app.hold_connection is 'Notes that a service asked for a pause of so many seconds, at most a day: nothing is sent through the connection meanwhile.';

-- Stores what a hook brought, for the worker. The gateway has verified it.
create or replace function app.store_hook_receipt(organization uuid, connection uuid, headers jsonb, body bytea) returns uuid
language plpgsql security definer
set search_path = ''
as $$
declare
  receipt uuid;
begin
  insert into app.hook_receipts (organization_id, connection_id, headers, body)
  values (organization, connection, store_hook_receipt.headers, store_hook_receipt.body)
  returning id into receipt;
  -- Whoever else is noting something at this moment may wait for a row that somebody keeps locked; what comes in waits for nobody.
  perform from app.connection_health as h
    where h.organization_id = organization and h.connection_id = connection for update skip locked;
  if found or not exists (select from app.connection_health as h
                           where h.organization_id = organization and h.connection_id = connection) then
    perform app.note_connection(organization, connection, true, false, null);
  end if;
  return receipt;
end
$$;

comment on function app.store_hook_receipt is 'Stores what a verified hook brought; the worker processes it. Returns the receipt''s id.';

-- Claims due receipts for a worker, the longest due first, at most two of a connection: one that fills up or whose vendor is
-- slow does not hold up the others.
--   lease         how long the claim holds without a renewal
--   busy          connections that this worker is busy enough with
--   max_attempts  after so many, one that ended every worker in the middle is given up
create or replace function app.claim_hook_receipts(batch integer, lease interval, busy uuid[], max_attempts integer)
returns table (organization_id uuid, receipt_id uuid, claim uuid, attempt integer, received_at timestamptz, headers jsonb, body bytea,
               connection_id uuid, vendor text, name text, settings jsonb, secret_names text[], ciphertexts bytea[])
language plpgsql security definer
set search_path = ''
as $$
begin
  update app.hook_receipts as r
     set state = 'dead', claim = null, settled_at = now(), error = format('Processing it ended in the middle %s times.', r.attempts)
   where (r.organization_id, r.id) in (
           select d.organization_id, d.id from app.hook_receipts as d
            where d.state in ('pending', 'failed') and d.next_attempt_at <= now()
              and d.claim is not null and d.attempts >= max_attempts
            limit batch for update skip locked);

  return query
  with due as (
    select d.organization_id, d.id, d.connection_id, d.next_attempt_at
      from app.hook_receipts as d
      join app.connections as c on c.organization_id = d.organization_id and c.id = d.connection_id and c.enabled
     where d.state in ('pending', 'failed') and d.next_attempt_at <= now() and d.connection_id <> all (busy)
     order by d.next_attempt_at limit 200
  ), fair as (
    select due.*, row_number() over (partition by due.connection_id order by due.next_attempt_at, due.id) as turn from due
  ), taken as (
    select t.organization_id, t.id
      from app.hook_receipts as t
     where (t.organization_id, t.id) in (
             select f.organization_id, f.id from fair as f where f.turn <= 2 order by f.next_attempt_at limit batch)
       -- again, under the lock: another worker may have been quicker
       and t.state in ('pending', 'failed') and t.next_attempt_at <= now()
       for update skip locked
  ), claimed as (
    update app.hook_receipts as r
       set claim = uuidv7(), attempts = r.attempts + 1, next_attempt_at = now() + lease
      from taken
     where r.organization_id = taken.organization_id and r.id = taken.id
    returning r.*
  )
  select r.organization_id, r.id, r.claim, r.attempts, r.received_at::timestamptz, r.headers, r.body,
         o.id, o.vendor, o.name, o.settings, o.secret_names, o.ciphertexts
    from claimed as r
    join private.opened_connections as o on o.organization_id = r.organization_id and o.id = r.connection_id;
end
$$;

comment on function app.claim_hook_receipts is 'Claims due receipts for a worker, at most two of a connection, with the connection and its encrypted credentials.';

-- Says that a worker is still at these: [{"organization_id", "receipt_id", "claim"}].
create or replace function app.renew_hook_claims(claims jsonb, lease interval) returns void
language sql volatile security definer
set search_path = ''
as $$
  update app.hook_receipts as r set next_attempt_at = now() + lease
    from jsonb_to_recordset(claims) as c (organization_id uuid, receipt_id uuid, claim uuid)
   where r.organization_id = c.organization_id and r.id = c.receipt_id and r.claim = c.claim
$$;

comment on function app.renew_hook_claims is 'Renews the leases of receipts that a worker is at.';

-- Settles a claimed receipt: done, failed (again after `pause`) or dead. Called before its leads and calls are recorded, in their
-- transaction: false means that the claim was lost, and that nothing may be recorded.
--   error  what went wrong; of one that is done, why nothing was made of it, which is nothing wrong with the connection
create or replace function app.settle_hook_receipt(organization uuid, receipt uuid, claim uuid, outcome text, error text, pause interval)
returns boolean
language plpgsql security definer
set search_path = ''
as $$
declare
  settled app.hook_receipts;
begin
  update app.hook_receipts as r
     set state = outcome, claim = null, error = settle_hook_receipt.error,
         next_attempt_at = case when outcome = 'failed' then now() + pause else r.next_attempt_at end,
         settled_at = case when outcome in ('done', 'dead') then now() end
   where r.organization_id = organization and r.id = receipt and r.claim = settle_hook_receipt.claim
  returning * into settled;
  if settled.id is null then
    return false;
  end if;
  perform app.note_connection(organization, settled.connection_id, false, false,
                              case when outcome <> 'done' then settle_hook_receipt.error end);
  return true;
end
$$;

comment on function app.settle_hook_receipt is 'Settles a claimed receipt as done, failed or dead; false when the claim was lost.';

-- Notes the leads that were made from a receipt, and the calls that it told of, in the transaction that recorded them.
create or replace function app.note_hook_outcome(organization uuid, receipt uuid, leads uuid[], calls uuid[]) returns void
language sql volatile security definer
set search_path = ''
as $$
  with noted as (
    update app.hook_receipts as r set lead_ids = r.lead_ids || leads, call_ids = r.call_ids || calls
     where r.organization_id = organization and r.id = receipt
    returning r.connection_id
  )
  update app.connection_health as h
     set last_lead_at = case when cardinality(leads) > 0 then now() else h.last_lead_at end,
         last_call_at = case when cardinality(calls) > 0 then now() else h.last_call_at end
    from noted where h.organization_id = organization and h.connection_id = noted.connection_id
$$;

comment on function app.note_hook_outcome is 'Notes the leads that were made from a receipt, and the calls that it told of.';

-- Processes again now what was given up or waits for its next attempt: one receipt, or all of a connection. The schedule starts
-- anew. Returns how many. Raises 404 when there is no such connection or receipt.
create or replace function app.retry_hook_receipts(vendor text, name text, receipt uuid default null) returns bigint
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant  uuid := private.writable('connectors', 'admin');
  own     app.connections := app.own_connection(tenant, vendor, name);
  retried bigint;
begin
  update app.hook_receipts as r
     set state = 'pending', attempts = 0, claim = null, next_attempt_at = now(), settled_at = null
   where r.organization_id = tenant and r.connection_id = own.id
     and r.state in ('failed', 'dead') and (receipt is null or r.id = receipt);
  get diagnostics retried = row_count;
  if receipt is not null and retried = 0 then
    perform app.fail(404, 'not_found', 'No receipt of this id failed.');
  end if;
  return retried;
end
$$;

comment on function app.retry_hook_receipts is 'Processes again now what was given up or waits: one receipt of a connection, or all. Returns how many.';

grant select (organization_id, id, connection_id, body_size, state, attempts, next_attempt_at, error, lead_ids, received_at, settled_at,
              call_ids)
   on app.hook_receipts to tenant, analyst, analyst_all;
grant execute on function app.hold_connection to tenant;
grant execute on function app.store_hook_receipt, app.note_connection to gateway;
grant execute on function app.claim_hook_receipts, app.renew_hook_claims, app.settle_hook_receipt, app.note_hook_outcome to worker;
grant execute on function app.retry_hook_receipts to tenant;
