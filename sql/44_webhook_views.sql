-- What DBAs and automators see of webhooks, and the functions they call through PostgREST.

-- One row per endpoint: the last 7 days of attempts, and what waits.
create or replace view api.webhook_health with (security_invoker = true) as
select e.organization_id,
       e.id as webhook_id,
       e.contract,
       e.url,
       e.events,
       e.enabled,
       e.disabled_reason,
       h.last_delivery_at,
       h.last_delivery_status,
       h.failing_since,
       a.attempts,
       a.success_rate,
       a.p50_latency_ms,
       a.p95_latency_ms,
       d.dead_letters,
       d.held,
       d.pending
  from app.webhook_endpoints as e
  left join app.webhook_health as h on h.organization_id = e.organization_id and h.endpoint_id = e.id
 cross join lateral (
   select count(*)                                                                           as attempts,
          round(avg((t.status = 'delivered')::integer), 4)                                   as success_rate,
          percentile_disc(0.5)  within group (order by t.latency_ms)                         as p50_latency_ms,
          percentile_disc(0.95) within group (order by t.latency_ms)                         as p95_latency_ms
     from app.delivery_attempts as t
    where t.organization_id = e.organization_id and t.endpoint_id = e.id and t.attempted_at > now() - interval '7 days'
 ) as a
 cross join lateral (
   select count(*) filter (where w.state = 'dead_letter') as dead_letters,
          count(*) filter (where w.state = 'held')        as held,
          count(*) filter (where w.state = 'pending')     as pending
     from app.deliveries as w
    where w.organization_id = e.organization_id and w.endpoint_id = e.id and w.state in ('dead_letter', 'held', 'pending')
 ) as d
 where e.deleted_at is null;

comment on view   api.webhook_health                      is 'How your webhooks are doing: success rate and latency of the last 7 days, and what waits.';
comment on column api.webhook_health.organization_id      is 'Organization.';
comment on column api.webhook_health.webhook_id           is 'Webhook id.';
comment on column api.webhook_health.contract             is 'Contract in whose shape events are sent.';
comment on column api.webhook_health.url                  is 'Address of the receiver.';
comment on column api.webhook_health.events               is 'Event types subscribed to.';
comment on column api.webhook_health.enabled              is 'Whether events are sent.';
comment on column api.webhook_health.disabled_reason      is 'Why the platform disabled it.';
comment on column api.webhook_health.last_delivery_at     is 'When it was last tried.';
comment on column api.webhook_health.last_delivery_status is 'HTTP status of the last attempt.';
comment on column api.webhook_health.failing_since        is 'First failure since the last success.';
comment on column api.webhook_health.attempts             is 'Attempts in the last 7 days.';
comment on column api.webhook_health.success_rate         is 'Part of them that succeeded (0–1).';
comment on column api.webhook_health.p50_latency_ms       is 'Median latency in milliseconds.';
comment on column api.webhook_health.p95_latency_ms       is '95th percentile of the latency in milliseconds.';
comment on column api.webhook_health.dead_letters         is 'Deliveries given up; recover_webhook sends them again.';
comment on column api.webhook_health.held                 is 'Deliveries kept while the webhook is disabled.';
comment on column api.webhook_health.pending              is 'Deliveries under way or waiting for a retry.';

create or replace view api.webhook_deliveries with (security_invoker = true) as
select t.organization_id, t.id, t.delivery_id, t.endpoint_id as webhook_id, t.event_type, t.attempt, t.status, t.response_status,
       t.latency_ms, t.error, t.attempted_at, t.next_attempt_at
  from app.delivery_attempts as t;

comment on view   api.webhook_deliveries                 is 'Every attempt to deliver an event.';
comment on column api.webhook_deliveries.organization_id is 'Organization.';
comment on column api.webhook_deliveries.id              is 'Attempt id.';
comment on column api.webhook_deliveries.delivery_id     is 'Delivery it was a try of; retry_delivery takes it.';
comment on column api.webhook_deliveries.webhook_id      is 'Webhook id.';
comment on column api.webhook_deliveries.event_type      is 'Event type.';
comment on column api.webhook_deliveries.attempt         is '1 for the first.';
comment on column api.webhook_deliveries.status          is 'delivered | failed | dead_letter.';
comment on column api.webhook_deliveries.response_status is 'HTTP status; null when there was no answer.';
comment on column api.webhook_deliveries.latency_ms      is 'Milliseconds to the end of the answer.';
comment on column api.webhook_deliveries.error           is 'Why there was no answer.';
comment on column api.webhook_deliveries.attempted_at    is 'When it was sent.';
comment on column api.webhook_deliveries.next_attempt_at is 'When it is tried again.';

create or replace function api.retry_delivery(webhook_id uuid, delivery_id uuid) returns text
language sql volatile
set search_path = ''
as $$ select (app.retry_delivery(webhook_id, delivery_id)).state $$;

comment on function api.retry_delivery is 'Sends a delivery of one of your webhooks again now. Needs an admin key.';

create or replace function api.recover_webhook(webhook_id uuid, since timestamptz) returns bigint
language sql volatile
set search_path = ''
as $$ select app.recover_webhook(webhook_id, since) $$;

comment on function api.recover_webhook is 'Sends again everything one of your webhooks did not receive since a time; returns how many deliveries. Needs an admin key.';

grant select on api.webhook_health, api.webhook_deliveries to tenant, analyst, analyst_all;
grant execute on function api.retry_delivery, api.recover_webhook to tenant;
