-- Expert AI Labs: the wire shape of every resource, in the order and with the names of its document. Each function takes a
-- row and returns the JSON object as the API and the webhooks send it; the gateway carries the bytes.

-- An entry of GET /leads, and the answer to POST /leads.
create or replace function eal.lead_summary(l app.leads) returns json
language sql stable parallel safe
return json_build_object(
  'id',              (l).id,
  'organization_id', (l).organization_id,
  'name',            (l).name,
  'company',         (l).company,
  'email',           (l).email,
  'source',          (l).source,
  'lead_score',      (l).lead_score,
  'pipeline_stage',  (l).pipeline_stage,
  'industry',        (l).industry,
  'company_size',    (l).company_size,
  'created_at',      app.iso((l).created_at),
  'updated_at',      app.iso((l).updated_at)
);

-- GET /leads/{id}, and data of the lead events.
create or replace function eal.lead(l app.leads) returns json
language sql stable parallel safe
return json_build_object(
  'id',                         (l).id,
  'organization_id',            (l).organization_id,
  'name',                       (l).name,
  'company',                    (l).company,
  'email',                      (l).email,
  'source',                     (l).source,
  'lead_score',                 (l).lead_score,
  'pipeline_stage',             (l).pipeline_stage,
  'industry',                   (l).industry,
  'company_size',               (l).company_size,
  'pain_points',                (l).pain_points,
  'timeline',                   (l).timeline,
  'budget_range',               (l).budget_range,
  'ai_reasoning',               (l).ai_reasoning,
  'qualification_completed_at', app.iso((l).qualification_completed_at),
  'created_at',                 app.iso((l).created_at),
  'updated_at',                 app.iso((l).updated_at)
);

-- The answer to PATCH /leads/{id}.
create or replace function eal.lead_patched(l app.leads) returns json
language sql stable parallel safe
return json_build_object(
  'id',              (l).id,
  'organization_id', (l).organization_id,
  'name',            (l).name,
  'company',         (l).company,
  'email',           (l).email,
  'source',          (l).source,
  'lead_score',      (l).lead_score,
  'pipeline_stage',  (l).pipeline_stage,
  'updated_at',      app.iso((l).updated_at)
);

-- The answer to POST /leads/{id}/score.
create or replace function eal.lead_scored(l app.leads) returns json
language sql stable parallel safe
return json_build_object(
  'id',           (l).id,
  'lead_score',   (l).lead_score,
  'ai_reasoning', (l).ai_reasoning,
  'scored_at',    app.iso((l).scored_at)
);

-- The answer to POST /leads/{id}/push-to-crm. What went wrong is told only where something did.
create or replace function eal.lead_pushed(r app.crm_records) returns json
language sql stable parallel safe
return json_build_object(
  'id',       (r).lead_id,
  'crm_sync', case when (r).state = 'failed'
                   then json_build_object('vendor', (r).vendor, 'external_id', (r).external_id, 'status', (r).state,
                                          'last_synced_at', app.iso((r).last_synced_at), 'last_error', (r).last_error)
                   else json_build_object('vendor', (r).vendor, 'external_id', (r).external_id, 'status', (r).state,
                                          'last_synced_at', app.iso((r).last_synced_at)) end
);

-- The answer to POST /leads/upsert: the lead in full, and what became of it.
create or replace function eal.lead_upserted(l app.leads, outcome text) returns json
language sql stable parallel safe
return (left(eal.lead(l)::text, -1) || ', "outcome" : ' || to_json(outcome) || '}')::json;

-- The answer to POST /leads/{id}/handoff.
create or replace function eal.lead_handed_off(l app.leads) returns json
language sql stable parallel safe
return json_build_object(
  'id',            (l).id,
  'destination',   (l).handoff_destination,
  'metadata',      (l).handoff_metadata,
  'handed_off_at', app.iso((l).handed_off_at)
);

-- The answer to POST /leads/{id}/replies.
create or replace function eal.reply(r app.lead_replies) returns json
language sql stable parallel safe
return json_build_object(
  'id',          app.typeid('rep', (r).id),
  'lead_id',     (r).lead_id,
  'message',     (r).message,
  'channel',     (r).channel,
  'received_at', app.iso((r).received_at)
);

-- An entry of GET /calls.
create or replace function eal.call_summary(c app.calls) returns json
language sql stable parallel safe
return json_build_object(
  'id',                app.typeid('call', (c).id),
  'tracking_number',   (c).tracking_number,
  'caller_number',     (c).caller_number,
  'duration_seconds',  (c).duration_seconds,
  'classification',    (c).intent,
  'qualified',         (c).qualified,
  'urgency',           (c).urgency,
  'dispatch_decision', (c).dispatch_action,
  'received_at',       app.iso((c).received_at)
);

-- GET /calls/{id}, and data of the call events. (Not parallel safe, as signing the recording's address asks whose request it is.)
create or replace function eal.call(c app.calls) returns json
language sql stable
return json_build_object(
  'id',                app.typeid('call', (c).id),
  'tracking_number',   (c).tracking_number,
  'caller_number',     (c).caller_number,
  'duration_seconds',  (c).duration_seconds,
  'recording_url',     app.recording_url((c).organization_id, (c).id, (c).recording_key),
  'transcript',        (c).transcript,
  'classification',    case when (c).classified_at is not null then json_build_object(
                         'intent',     (c).intent,
                         'confidence', (c).confidence,
                         'urgency',    (c).urgency,
                         'qualified',  (c).qualified) end,
  'dispatch_decision', case when (c).dispatched_at is not null then json_build_object(
                         'action',                    (c).dispatch_action,
                         'reason',                    (c).dispatch_reason,
                         'sms_callback_sent',         (c).sms_callback_sent,
                         'job_created_in_jobnimbus',  (c).crm_job_id) end,
  'received_at',       app.iso((c).received_at)
);

-- Data of outreach.email.sent.
create or replace function eal.message(m app.messages) returns json
language sql stable parallel safe
return json_build_object(
  'message_id', app.typeid('msg', (m).id),
  'channel',    (m).channel,
  'status',     (m).state,
  'to',         (m).to_address,
  'subject',    (m).subject,
  'lead_id',    (m).lead_id,
  'queued_at',  app.iso((m).created_at),
  'sent_at',    app.iso((m).sent_at)
);

-- GET /organizations/me.
create or replace function eal.organization(o app.organizations) returns json
language sql stable parallel safe
return json_build_object(
  'id',                     (o).id,
  'name',                   (o).name,
  'industry',               (o).industry,
  'parent_organization_id', (o).parent_organization_id,
  'settings',               (o).settings,
  'created_at',             app.iso((o).created_at)
);

-- An entry of GET /organizations: a child, with the scopes of the grants in force to the caller.
create or replace function eal.child_organization(o app.organizations) returns json
language sql stable parallel safe
return json_build_object(
  'id',       (o).id,
  'name',     (o).name,
  'industry', (o).industry,
  'grants',   (select coalesce(json_agg(scope order by array_position(array['leads.read', 'calls.read', 'audit_log.read'], scope)), '[]')
                 from (select distinct unnest(g.scopes) as scope
                         from app.grants as g
                        where g.organization_id = (o).id and g.parent_organization_id = (o).parent_organization_id
                          and g.revoked_at is null and (g.expires_at is null or g.expires_at > now())) as granted)
);

-- The answer to POST /organizations.
create or replace function eal.organization_created(o app.organizations, i app.invitations, invite_url text) returns json
language sql stable parallel safe
return json_build_object(
  'id',                     (o).id,
  'name',                   (o).name,
  'parent_organization_id', (o).parent_organization_id,
  'invite_url',             invite_url,
  'invite_expires_at',      app.iso((i).expires_at),
  'created_at',             app.iso((o).created_at)
);

-- The answer to PATCH /organizations/{id}.
create or replace function eal.organization_patched(o app.organizations) returns json
language sql stable parallel safe
return json_build_object('id', (o).id, 'settings', (o).settings, 'updated_at', app.iso((o).updated_at));

-- The answer to POST /organizations/{id}/grants.
create or replace function eal.grant(g app.grants) returns json
language sql stable parallel safe
return json_build_object(
  'grant_id',               (g).id,
  'parent_organization_id', (g).parent_organization_id,
  'scopes',                 (g).scopes,
  'created_at',             app.iso((g).created_at),
  'expires_at',             app.iso((g).expires_at)
);

-- An entry of the audit log.
create or replace function eal.audit_entry(e audit.platform_events) returns json
language sql stable parallel safe
return json_build_object(
  'id',              (e).id,
  'organization_id', (e).organization_id,
  'action',          (e).action,
  'source',          (e).source,
  'correlation_id',  (e).correlation_id,
  'payload',         (e).payload,
  'created_at',      app.iso((e).created_at)
);

-- A webhook subscription. A retry schedule of its own is shown only where there is one.
create or replace function eal.webhook(w app.webhook_endpoints) returns json
language sql stable parallel safe
return (
  select case when (w).retry_schedule is null then fields
              else (left(fields::text, -1) || ', "retry_schedule" : '
                    || (select json_agg(app.duration(t) order by n) from unnest((w).retry_schedule) with ordinality as u (t, n)) || '}')::json end
    from (select json_build_object(
            'id',                    (w).id,
            'url',                   (w).url,
            'events',                (w).events,
            'description',           (w).description,
            'signing_secret_prefix', (select s.prefix from app.webhook_secrets as s
                                       where s.organization_id = (w).organization_id and s.endpoint_id = (w).id
                                       order by s.created_at desc, s.id desc limit 1),
            'enabled',               (w).enabled,
            'created_at',            app.iso((w).created_at),
            'last_delivery_at',      app.iso(h.last_delivery_at),
            'last_delivery_status',  h.last_delivery_status) as fields
            from (select) as one
            left join app.webhook_health as h on h.organization_id = (w).organization_id and h.endpoint_id = (w).id) as shape
);

-- The answer to POST /webhooks, without the secret, which the gateway adds: the database never sees it.
create or replace function eal.webhook_created(w app.webhook_endpoints, secret_prefix text) returns json
language sql stable parallel safe
return json_build_object(
  'id',                    (w).id,
  'url',                   (w).url,
  'events',                (w).events,
  'description',           (w).description,
  'signing_secret_prefix', secret_prefix,
  'enabled',               (w).enabled,
  'created_at',            app.iso((w).created_at)
);

-- An entry of GET /webhooks/{id}/deliveries: one attempt.
create or replace function eal.delivery(a app.delivery_attempts) returns json
language sql stable parallel safe
return json_build_object(
  'id',              app.typeid('whd', (a).id),
  'event',           (a).event_type,
  'status',          (a).status,
  'response_status', (a).response_status,
  'latency_ms',      (a).latency_ms,
  'attempt',         (a).attempt,
  'delivered_at',    app.iso((a).attempted_at)
);

-- GET /webhooks/{id}/deliveries/{delivery_id}: the same, and what helps to find out why.
create or replace function eal.delivery_detail(a app.delivery_attempts) returns json
language sql stable parallel safe
return json_build_object(
  'id',              app.typeid('whd', (a).id),
  'event',           (a).event_type,
  'event_id',        (select v.public_id from app.deliveries as d join app.events as v on v.organization_id = d.organization_id and v.id = d.event_id
                       where d.organization_id = (a).organization_id and d.id = (a).delivery_id),
  'status',          (a).status,
  'response_status', (a).response_status,
  'latency_ms',      (a).latency_ms,
  'attempt',         (a).attempt,
  'delivered_at',    app.iso((a).attempted_at),
  'next_attempt_at', app.iso((a).next_attempt_at),
  'error',           (a).error,
  'response_body',   (a).response_body
);

-- An API key, as its organization's admin sees it.
create or replace function eal.api_key(k app.api_keys) returns json
language sql stable parallel safe
return json_build_object(
  'id',           (k).id,
  'name',         (k).name,
  'key_prefix',   (k).key_prefix,
  'environment',  (k).environment,
  'scopes',       (k).scopes,
  'last_used_at', app.iso((k).last_used_at),
  'expires_at',   app.iso((k).expires_at),
  'revoked_at',   app.iso((k).revoked_at),
  'created_at',   app.iso((k).created_at)
);

-- The body of a webhook: the resource as its GET returns it, as the change left it. (Not one SQL expression: that would
-- read the snapshot anew for every field, which cost more than everything else in a delivery.)
create or replace function eal.event_body(v app.events) returns json
language plpgsql stable
set search_path = ''
as $$
declare
  data json;
  lead app.leads;
begin
  if v.type = 'audit.log.event' and v.resource is not null then
    select eal.audit_entry(e) into data from audit.platform_events as e
     where e.organization_id = v.organization_id and e.created_at = v.occurred_at and e.id = v.change_id;
  elsif v.resource = 'leads' then
    lead := jsonb_populate_record(null::app.leads, v.snapshot);
    data := eal.lead(lead);
  elsif v.resource = 'calls' then
    data := eal.call(jsonb_populate_record(null::app.calls, v.snapshot));
  elsif v.resource = 'messages' then
    data := eal.message(jsonb_populate_record(null::app.messages, v.snapshot));
  else
    data := v.snapshot::json;
  end if;
  return json_build_object(
    'id',              v.public_id,
    'type',            v.type,
    'created_at',      app.iso(v.occurred_at),
    'organization_id', v.organization_id,
    'data',            data
  );
end
$$;

comment on function eal.lead_summary         is 'A lead in lists, and as created.';
comment on function eal.lead                 is 'A lead in full, and as data of lead events.';
comment on function eal.lead_patched         is 'A lead as PATCH answers it.';
comment on function eal.lead_scored          is 'A lead''s new score and the reasons.';
comment on function eal.lead_pushed          is 'Where a lead is in the CRM.';
comment on function eal.lead_upserted        is 'A lead in full with its outcome: created, updated or unchanged.';
comment on function eal.lead_handed_off      is 'A lead''s hand-off.';
comment on function eal.reply                is 'A reply of a lead.';
comment on function eal.call_summary         is 'A call in lists.';
comment on function eal.call                 is 'A call in full.';
comment on function eal.message              is 'A message that was sent.';
comment on function eal.organization         is 'The calling organization.';
comment on function eal.child_organization   is 'A child organization with the scopes of its grants in force.';
comment on function eal.organization_created is 'A created child with its invitation link.';
comment on function eal.organization_patched is 'An organization as PATCH answers it.';
comment on function eal.grant                is 'A grant as created.';
comment on function eal.audit_entry          is 'An audit entry.';
comment on function eal.webhook              is 'A webhook subscription.';
comment on function eal.webhook_created      is 'A webhook subscription as created.';
comment on function eal.delivery             is 'A delivery attempt in lists.';
comment on function eal.delivery_detail      is 'A delivery attempt in full.';
comment on function eal.api_key              is 'An API key without its secret.';
comment on function eal.event_body           is 'Body of a webhook delivery.';

grant execute on all functions in schema eal to tenant;
