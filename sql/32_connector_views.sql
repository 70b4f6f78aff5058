-- What DBAs and analysts see of connections.

-- One row per connection: how it is doing, and what waits. No credentials, no address of a hook. Each count is a query of its own, made
-- only for who asks for it: a month of receipts of a busy connection is not read to tell whether any waits.
create or replace view api.connections with (security_invoker = true) as
select c.organization_id, c.id, c.vendor, c.name, c.enabled, c.settings, c.token_prefix,
       h.last_received_at, h.last_lead_at, h.last_error, h.last_error_at, h.failing_since,
       (select count(*) from app.hook_receipts as x
         where x.organization_id = c.organization_id and x.connection_id = c.id and x.state in ('pending', 'failed')) as waiting,
       (select count(*) from app.hook_receipts as x
         where x.organization_id = c.organization_id and x.connection_id = c.id and x.state = 'dead') as dead,
       (select coalesce(sum(cardinality(x.lead_ids)), 0) from app.hook_receipts as x
         where x.organization_id = c.organization_id and x.connection_id = c.id and x.received_at > now() - interval '7 days') as leads_7d,
       c.created_at, c.updated_at, h.last_call_at,
       (select count(distinct call_id) from app.hook_receipts as x cross join lateral unnest(x.call_ids) as call_id
         where x.organization_id = c.organization_id and x.connection_id = c.id and x.received_at > now() - interval '7 days') as calls_7d,
       p.last_polled_at, p.next_due_at as next_poll_at, p.found as calls_found,
       case when not c.enabled then 'disabled' when h.failing_since is not null then 'failing' else 'ok' end as status, h.held_until
  from app.connections as c
  left join app.connection_health as h on h.organization_id = c.organization_id and h.connection_id = c.id
  left join app.connection_polls as p on p.organization_id = c.organization_id and p.connection_id = c.id;

comment on view   api.connections                  is 'What is connected, how it is doing, and what waits. Credentials are nowhere in it.';
comment on column api.connections.organization_id  is 'Organization.';
comment on column api.connections.id               is 'Connection id.';
comment on column api.connections.vendor           is 'Outside service.';
comment on column api.connections.name             is 'Its name among those of the vendor.';
comment on column api.connections.enabled          is 'Whether hooks are accepted and processed.';
comment on column api.connections.settings         is 'Its settings, without secrets.';
comment on column api.connections.token_prefix     is 'First characters of the token in its hook''s address.';
comment on column api.connections.last_received_at is 'When a hook of it was last accepted.';
comment on column api.connections.last_lead_at     is 'When it last made a lead.';
comment on column api.connections.last_error       is 'What went wrong last.';
comment on column api.connections.last_error_at    is 'When that was.';
comment on column api.connections.failing_since    is 'First failure since the last success; null while it works.';
comment on column api.connections.waiting          is 'Receipts that wait for an attempt.';
comment on column api.connections.dead             is 'Receipts given up; trunkline connectors retry starts them anew.';
comment on column api.connections.leads_7d         is 'Leads made from receipts of the last 7 days (a form''s leads are made without one).';
comment on column api.connections.created_at       is 'When it was made.';
comment on column api.connections.updated_at       is 'When it last changed.';
comment on column api.connections.last_call_at     is 'When it last told of a call.';
comment on column api.connections.calls_7d         is 'Calls that receipts of the last 7 days told of.';
comment on column api.connections.last_polled_at   is 'When a poll of it was last complete; null where nothing is polled.';
comment on column api.connections.next_poll_at     is 'When it is polled next; while a worker is at it, when its lease is over.';
comment on column api.connections.calls_found      is 'Calls that its hooks had not told of, found by polls.';
comment on column api.connections.status           is 'ok | failing | disabled.';
comment on column api.connections.held_until       is 'The service asked for a pause: nothing is sent to it before.';

create or replace view api.hook_receipts with (security_invoker = true) as
select r.organization_id, r.id, r.connection_id, c.vendor, c.name as connection, r.state, r.attempts, r.error, r.lead_ids,
       r.body_size, r.received_at, r.next_attempt_at, r.settled_at, r.call_ids
  from app.hook_receipts as r
  join app.connections as c on c.organization_id = r.organization_id and c.id = r.connection_id;

comment on view   api.hook_receipts                 is 'What outside services sent in the last 30 days, and what became of it. Not the content: that is in the leads and calls.';
comment on column api.hook_receipts.organization_id is 'Organization.';
comment on column api.hook_receipts.id              is 'Receipt id.';
comment on column api.hook_receipts.connection_id   is 'Connection it came in through.';
comment on column api.hook_receipts.vendor          is 'Outside service.';
comment on column api.hook_receipts.connection      is 'Name of the connection.';
comment on column api.hook_receipts.state           is 'pending | done | failed (tried again) | dead (given up).';
comment on column api.hook_receipts.attempts        is 'How often it was tried.';
comment on column api.hook_receipts.error           is 'What went wrong at the last attempt, or why nothing was made of what is done.';
comment on column api.hook_receipts.lead_ids        is 'Leads made from it.';
comment on column api.hook_receipts.body_size       is 'Length of the body in bytes.';
comment on column api.hook_receipts.received_at     is 'When it came.';
comment on column api.hook_receipts.next_attempt_at is 'When it is due; while a worker is at it, when its lease is over.';
comment on column api.hook_receipts.settled_at      is 'When it was done or given up.';
comment on column api.hook_receipts.call_ids        is 'Calls that it told of, new or known.';

grant select on api.connections, api.hook_receipts to tenant, analyst, analyst_all;
