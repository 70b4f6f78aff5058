-- What an organization does with its webhooks. The gateway, the command line and PostgREST call the same functions; each
-- asks private.writable first, so each may run with the core's own rights.

-- The endpoint of the calling organization with this id. Raises 404 when there is none.
-- (No key update, as the key stays: so a relay that adds a delivery to the endpoint need not wait for us, nor we for it.)
create or replace function app.own_webhook(tenant uuid, webhook_id uuid) returns app.webhook_endpoints
language plpgsql
set search_path = ''
as $$
declare
  endpoint app.webhook_endpoints;
begin
  select * into endpoint from app.webhook_endpoints as e
   where e.organization_id = tenant and e.id = webhook_id and e.deleted_at is null
     -- a key of one contract does not see, and so does not change, another contract's endpoints; the operator has none
     and e.contract = coalesce(private.claims() ->> 'contract', e.contract)
     for no key update;
  if endpoint.id is null then
    perform app.fail(404, 'not_found', 'No such webhook.');
  end if;
  return endpoint;
end
$$;

-- Registers an endpoint for the calling organization.
--   reach    organization, or workspace: the events of its children too (the operator's to give)
--   created  true: it is new, or resumed after a deletion, and the given secret is its secret; false: it was there already
-- A URL that is registered answers with the endpoint as it is. One that was deleted comes back with a new secret, and what
-- it missed in the last 24 hours and still subscribes to is sent.
create or replace function app.register_webhook(
  contract text, url text, events text[], description text, retry_schedule interval[],
  secret_id uuid, ciphertext bytea, secret_prefix text, reach text default 'organization',
  out endpoint app.webhook_endpoints, out created boolean
)
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant uuid := private.writable('webhooks', 'admin');
begin
  insert into app.webhook_endpoints (organization_id, contract, url, events, description, retry_schedule, reach)
  values (tenant, register_webhook.contract, register_webhook.url, register_webhook.events, register_webhook.description, register_webhook.retry_schedule,
          register_webhook.reach)
  on conflict on constraint webhook_endpoints_url_key do nothing
  returning * into endpoint;
  created := endpoint.id is not null;

  if not created then
    -- A relay that is under way saw the endpoint deleted and puts events on hold that we could not see: wait for it.
    perform pg_advisory_xact_lock(7262, 0);
    select * into endpoint from app.webhook_endpoints as e
     where e.organization_id = tenant and e.contract = register_webhook.contract and e.url = register_webhook.url for no key update;
    if endpoint.deleted_at is null then
      return;
    end if;
    update app.webhook_endpoints as e
       set events = register_webhook.events, description = register_webhook.description, retry_schedule = register_webhook.retry_schedule,
           reach = register_webhook.reach, enabled = true, disabled_at = null, disabled_reason = null, deleted_at = null
     where e.organization_id = tenant and e.id = endpoint.id
    returning * into endpoint;
    delete from app.webhook_secrets as s where s.organization_id = tenant and s.endpoint_id = endpoint.id;
    update app.webhook_health as h set failing_since = null where h.organization_id = tenant and h.endpoint_id = endpoint.id;
    update app.deliveries as d
       set state   = case when wanted.still then 'pending' else 'discarded' end,
           enqueue = wanted.still
      from app.events as v
     cross join lateral (
       select v.type = any (endpoint.events) and v.occurred_at > now() - interval '24 hours'
              -- it may come back for less: what it missed of the businesses is then none of its own
              and (endpoint.reach = 'workspace' or coalesce(v.snapshot ->> 'organization_id', tenant::text) = tenant::text) as still
     ) as wanted
     where d.organization_id = tenant and d.endpoint_id = endpoint.id and d.state in ('held', 'pending')
       and v.organization_id = d.organization_id and v.id = d.event_id;
    created := true;
  end if;

  insert into app.webhook_secrets (organization_id, id, endpoint_id, ciphertext, prefix)
  values (tenant, secret_id, endpoint.id, register_webhook.ciphertext, secret_prefix);
end
$$;

comment on function app.own_webhook is 'Endpoint of an organization, locked; 404 when there is none.';

comment on function app.register_webhook is 'Registers an endpoint; idempotent by URL; a URL deleted within 24 hours resumes with what it missed.';

-- Changes an endpoint. A field that `changes` does not hold stays as it is.
--   changes  {"url", "events", "enabled", "description", "retry_schedule"}
-- Raises 404 when there is none, 409 when another endpoint has the URL.
create or replace function app.update_webhook(webhook_id uuid, changes jsonb) returns app.webhook_endpoints
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant   uuid := private.writable('webhooks', 'admin');
  endpoint app.webhook_endpoints := app.own_webhook(tenant, webhook_id);
begin
  -- a deleted endpoint still holds its URL; what it kept is given up for the one that takes the URL over
  if changes ? 'url' then
    delete from app.webhook_endpoints as e
     where e.organization_id = tenant and e.contract = endpoint.contract and e.url = changes ->> 'url' and e.deleted_at is not null;
  end if;
  update app.webhook_endpoints as e
     set url             = coalesce(changes ->> 'url', e.url),
         events          = case when changes ? 'events' then array(select jsonb_array_elements_text(changes -> 'events')) else e.events end,
         description     = case when changes ? 'description' then changes ->> 'description' else e.description end,
         enabled         = coalesce((changes ->> 'enabled')::boolean, e.enabled),
         disabled_at     = case when (changes ->> 'enabled')::boolean then null else e.disabled_at end,
         disabled_reason = case when (changes ->> 'enabled')::boolean then null else e.disabled_reason end,
         retry_schedule  = case when jsonb_typeof(changes -> 'retry_schedule') = 'array'
                                then array(select jsonb_array_elements_text(changes -> 'retry_schedule')::interval)
                                when changes ? 'retry_schedule' then null
                                else e.retry_schedule end
   where e.organization_id = tenant and e.id = webhook_id
  returning * into endpoint;
  if (changes ->> 'enabled')::boolean then
    update app.webhook_health as h set failing_since = null where h.organization_id = tenant and h.endpoint_id = webhook_id;
  end if;
  return endpoint;
end
$$;

comment on function app.update_webhook is 'Changes url, events, enabled, description or retry_schedule of an endpoint; 404 when there is none.';

-- Deletes an endpoint: nothing is sent any more, at once. What it had not received is kept for 24 hours.
create or replace function app.delete_webhook(webhook_id uuid) returns uuid
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant   uuid := private.writable('webhooks', 'admin');
  endpoint app.webhook_endpoints := app.own_webhook(tenant, webhook_id);
begin
  update app.webhook_endpoints as e set deleted_at = now() where e.organization_id = tenant and e.id = endpoint.id;
  update app.deliveries as d set state = 'held', enqueue = false
   where d.organization_id = tenant and d.endpoint_id = endpoint.id and d.state = 'pending';
  return endpoint.id;
end
$$;

comment on function app.delete_webhook is 'Deletes an endpoint at once; its undelivered events are kept for 24 hours and resume when its URL registers again.';

-- Gives an endpoint a new secret; the one before signs for 24 hours more, older ones stop.
create or replace function app.rotate_webhook_secret(webhook_id uuid, secret_id uuid, ciphertext bytea, secret_prefix text) returns app.webhook_endpoints
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant   uuid := private.writable('webhooks', 'admin');
  endpoint app.webhook_endpoints := app.own_webhook(tenant, webhook_id);
begin
  delete from app.webhook_secrets as s where s.organization_id = tenant and s.endpoint_id = endpoint.id and s.expires_at is not null;
  update app.webhook_secrets as s set expires_at = now() + interval '24 hours'
   where s.organization_id = tenant and s.endpoint_id = endpoint.id;
  insert into app.webhook_secrets (organization_id, id, endpoint_id, ciphertext, prefix, created_at)
  values (tenant, secret_id, endpoint.id, rotate_webhook_secret.ciphertext, secret_prefix, clock_timestamp());
  return endpoint;
end
$$;

comment on function app.rotate_webhook_secret is 'Gives an endpoint a new signing secret; the previous one signs too for 24 hours.';

-- Sends a delivery again now, whatever became of it; `attempt_id` names the delivery by any of its attempts, or itself.
-- The retry schedule starts anew. Raises 404 when there is no such delivery, 409 when the endpoint is disabled.
create or replace function app.retry_delivery(webhook_id uuid, attempt_id uuid) returns app.deliveries
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant   uuid := private.writable('webhooks', 'admin');
  endpoint app.webhook_endpoints := app.own_webhook(tenant, webhook_id);
  again    app.deliveries;
begin
  if not endpoint.enabled then
    perform app.fail(409, 'conflict', 'The webhook is disabled; enable it first.');
  end if;
  update app.deliveries as d
     set state = 'pending', enqueue = true, series_attempts = d.attempts, series_started_at = null
   where d.organization_id = tenant and d.endpoint_id = endpoint.id
     and d.id = coalesce((select a.delivery_id from app.delivery_attempts as a where a.organization_id = tenant and a.id = attempt_id), attempt_id)
  returning * into again;
  if again.id is null then
    perform app.fail(404, 'not_found', 'No such delivery.');
  end if;
  return again;
end
$$;

comment on function app.retry_delivery is 'Sends a delivery again now; the retry schedule starts anew. 404 when there is none, 409 while the endpoint is disabled.';

-- Sends everything again that an endpoint did not receive since a time: dead letters and what was held. Returns how many.
create or replace function app.recover_webhook(webhook_id uuid, since timestamptz) returns bigint
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant    uuid := private.writable('webhooks', 'admin');
  endpoint  app.webhook_endpoints := app.own_webhook(tenant, webhook_id);
  recovered bigint;
begin
  if not endpoint.enabled then
    perform app.fail(409, 'conflict', 'The webhook is disabled; enable it first.');
  end if;
  update app.deliveries as d
     set state = 'pending', enqueue = true, series_attempts = d.attempts, series_started_at = null
   where d.organization_id = tenant and d.endpoint_id = endpoint.id
     and d.state in ('held', 'dead_letter') and d.created_at >= since;
  get diagnostics recovered = row_count;
  return recovered;
end
$$;

comment on function app.recover_webhook is 'Sends again what an endpoint did not receive since a time; returns the number of deliveries.';

-- Sends a test event: the newest such row of the organization, or the documented sample. Returns the event.
-- Raises 400 when the endpoint does not subscribe to the type.
create or replace function app.test_webhook(webhook_id uuid, event_type text) returns app.events
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant   uuid := private.writable('webhooks', 'admin');
  endpoint app.webhook_endpoints := app.own_webhook(tenant, webhook_id);
  chosen   text := coalesce(event_type, endpoint.events[1]);
  known    app.event_types;
  newest   jsonb;
  entry    audit.platform_events;
  sent     app.events;
begin
  if not endpoint.enabled then
    perform app.fail(409, 'conflict', 'The webhook is disabled; enable it first.');
  end if;
  if chosen <> all (endpoint.events) then
    perform app.fail(400, 'invalid_request', 'The webhook does not subscribe to this event.',
      jsonb_build_object('field', 'event', 'reason', 'must be one of ' || array_to_string(endpoint.events, ', ')));
  end if;
  select * into known from app.event_types as t where t.contract = endpoint.contract and t.type = chosen;
  if starts_with(chosen, 'lead.') then
    if endpoint.reach = 'workspace' then
      select to_jsonb(l) into newest from app.leads as l where l.workspace_id = tenant order by l.created_at desc, l.id desc limit 1;
    else
      select to_jsonb(l) into newest from app.leads as l where l.organization_id = tenant order by l.created_at desc, l.id desc limit 1;
    end if;
    -- without a lead, the sample goes the way of one, so that it has the shape of one
    newest := coalesce(newest, known.sample || jsonb_build_object('organization_id', tenant, 'created_at', now(), 'updated_at', now()));
  elsif starts_with(chosen, 'call.') then
    select to_jsonb(c) into newest from app.calls as c where c.organization_id = tenant order by c.received_at desc, c.id desc limit 1;
  elsif chosen = 'audit.log.event' then
    -- there is always one: the endpoint was registered
    select * into entry from audit.platform_events as e where e.organization_id = tenant order by e.created_at desc, e.id desc limit 1;
  end if;
  insert into app.events (organization_id, public_id, type, resource, snapshot, change_id, occurred_at)
  select tenant, app.event_public_id(c.id, chosen), chosen,
         case when newest is not null then case when starts_with(chosen, 'call.') then 'calls' else 'leads' end when entry.id is not null then 'platform_events' end,
         coalesce(newest, known.sample), coalesce(entry.id, c.id), coalesce(entry.created_at, now())
    from (select uuidv7() as id) as c
  returning * into sent;
  insert into app.deliveries (organization_id, endpoint_id, event_id, enqueue) values (tenant, endpoint.id, sent.id, true);
  return sent;
end
$$;

comment on function app.test_webhook is 'Sends a test event of a subscribed type (default: the first): the newest such row, or the documented sample.';

grant execute on function app.register_webhook, app.update_webhook, app.delete_webhook, app.rotate_webhook_secret,
                          app.retry_delivery, app.recover_webhook, app.test_webhook to tenant;
