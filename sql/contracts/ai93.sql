-- AI93: the wire shape of every resource, in the order and with the names of its document; what that leaves out comes after.

-- The document's word for a stage, and back.
create or replace function ai93.status(stage text) returns text
language sql immutable parallel safe
return case stage when 'won' then 'converted' else stage end;

-- A lead: of GET /leads and /leads/{id}, of POST /leads, and data of every event.
create or replace function ai93.lead(l app.leads) returns json
language sql stable parallel safe
return json_build_object(
  'id',                 app.typeid('ld', (l).id),
  'businessId',         app.typeid('biz', (l).organization_id),
  'targetType',         (l).target_type,
  'source',             (l).source,
  'status',             ai93.status((l).pipeline_stage),
  'displayName',        coalesce((l).name, (l).handle, (l).company, (l).email, (l).phone),
  'context',            (l).context,
  'createdAt',          app.iso((l).created_at),
  'handedOffAt',        app.iso((l).handed_off_at),
  'handoffDestination', (l).handoff_destination,
  'handoffMetadata',    (l).handoff_metadata,
  'handle',             (l).handle,
  'email',              (l).email,
  'phone',              (l).phone,
  'company',            (l).company,
  'tags',               (l).tags,
  'notes',              (l).notes,
  'enrichment',         (l).enrichment,
  'replyCount',         (l).reply_count,
  'lastReplyAt',        app.iso((l).last_reply_at),
  'updatedAt',          app.iso((l).updated_at)
);

-- The answer to POST /leads/{id}/replies, and an entry of GET /leads/{id}/replies.
create or replace function ai93.reply(r app.lead_replies) returns json
language sql stable parallel safe
return json_build_object(
  'id',         app.typeid('rep', (r).id),
  'leadId',     app.typeid('ld', (r).lead_id),
  'message',    (r).message,
  'channel',    (r).channel,
  'receivedAt', app.iso((r).received_at)
);

-- An entry of GET /leads/{id}/handoffs.
create or replace function ai93.handoff(h app.lead_handoffs) returns json
language sql stable parallel safe
return json_build_object(
  'id',          app.typeid('hof', (h).id),
  'leadId',      app.typeid('ld', (h).lead_id),
  'destination', (h).destination,
  'metadata',    (h).metadata,
  'handedOffAt', app.iso((h).handed_off_at)
);

-- An entry of GET /scrapers/runs.
create or replace function ai93.run(r app.scraper_runs) returns json
language sql stable parallel safe
return json_build_object(
  'id',            app.typeid('run', (r).id),
  'businessId',    app.typeid('biz', (r).organization_id),
  'source',        (r).source,
  'status',        (r).status,
  'startedAt',     app.iso((r).started_at),
  'finishedAt',    app.iso((r).finished_at),
  'leadsFound',    (r).leads_found,
  'leadsCreated',  (r).leads_created,
  'leadsUpdated',  (r).leads_updated,
  'leadsRejected', (r).leads_rejected,
  'error',         (r).error
);

-- The body of a webhook: the lead as the change left it. consumerWorkspace is the slug of the subscriber's workspace.
create or replace function ai93.event_body(v app.events) returns json
language plpgsql stable
set search_path = ''
as $$
declare
  lead      app.leads;
  workspace text;
begin
  select w.slug into workspace
    from app.organizations as o
    join app.organizations as w on w.id = coalesce(o.parent_organization_id, o.id)
   where o.id = v.organization_id;
  lead := jsonb_populate_record(null::app.leads, v.snapshot);
  return json_build_object(
    'id',                v.public_id,
    'type',              v.type,
    'createdAt',         app.iso(v.occurred_at),
    'consumerWorkspace', workspace,
    'data',              ai93.lead(lead)
  );
end
$$;

comment on function ai93.status     is 'Status of a lead, from its pipeline stage: won is converted.';
comment on function ai93.lead       is 'A lead, in lists, alone and as data of events.';
comment on function ai93.reply      is 'A reply of a lead.';
comment on function ai93.handoff    is 'A hand-off of a lead.';
comment on function ai93.run        is 'A scraper run.';
comment on function ai93.event_body is 'Body of a webhook delivery.';

grant execute on all functions in schema ai93 to tenant, workspace;

-- Its five event names. A sample is a lead's row: what is not there gets the default of a new lead.
insert into app.event_types (contract, type, action, changed, condition, description, sample)
select 'ai93', e.type, e.action, e.changed, e.condition::jsonpath, e.description,
       '{"id": "01966f3a-9c1b-7d2e-8f40-5a6b7c8d9e0f", "name": "u/some_redditor", "source": "reddit", "target_type": "customer_lead",
         "context": {"subreddit": "HomeImprovement", "title": "Water in the basement after every storm", "url": "https://www.reddit.com/r/HomeImprovement/comments/abc123"},
         "tags": [], "enrichment": {}, "reply_count": 0}'::jsonb || e.sample::jsonb
  from (values
    ('lead.created',        'lead.created', null::text[],               null,                             'A lead came in, from whatever source and by whatever way',       '{"pipeline_stage": "new"}'),
    ('lead.status_changed', 'lead.updated', '{pipeline_stage}'::text[], null,                             'The status is another one than before',                          '{"pipeline_stage": "contacted"}'),
    ('lead.replied',        'lead.updated', '{reply_count}'::text[],    null,                             'A reply of the lead was recorded',                               '{"pipeline_stage": "replied", "reply_count": 1, "last_reply_at": "2026-05-04T13:40:00.000Z"}'),
    ('lead.converted',      'lead.updated', '{pipeline_stage}'::text[], '$.pipeline_stage == "won"',      'The new status is converted; comes besides lead.status_changed', '{"pipeline_stage": "won"}'),
    ('lead.handed_off',     'lead.updated', '{handed_off_at,handoff_destination,handoff_metadata}'::text[], '$.handed_off_at != null', 'The lead was handed off to a system downstream, which takes over from here', '{"pipeline_stage": "qualified", "handed_off_at": "2026-05-04T14:00:00.000Z", "handoff_destination": "krew", "handoff_metadata": {"krewLeadId": "kl_xyz"}}')
  ) as e (type, action, changed, condition, description, sample)
on conflict (contract, type) do update
   set action = excluded.action, changed = excluded.changed, condition = excluded.condition, description = excluded.description, sample = excluded.sample
 where (event_types.action, event_types.changed, event_types.condition::text, event_types.description, event_types.sample)
       is distinct from (excluded.action, excluded.changed, excluded.condition::text, excluded.description, excluded.sample);
