-- Asking for a lead to be in the CRM: what a connector is given, and when a record of it is up to date.

-- The connection that is the organization's CRM; all null when it has none.
create or replace function app.crm_connection(organization uuid) returns app.connections
language sql stable security definer
set search_path = ''
as $$
  select c.* from app.connections as c
   where c.organization_id = organization and c.enabled and c.vendor = any (app.crm_vendors())
   order by case when jsonb_typeof(c.settings -> 'priority') = 'number' then (c.settings ->> 'priority')::numeric else 0 end desc,
            c.created_at, c.id
   limit 1
$$;

comment on function app.crm_connection is 'Connection that is the organization''s CRM: the highest priority, else the oldest; all null when it has none.';

-- A lead as a connector is given it.
create or replace function app.crm_lead(l app.leads) returns jsonb
language sql immutable parallel safe
return jsonb_strip_nulls(jsonb_build_object(
  'id',             (l).id,
  'name',           (l).name,
  'company',        (l).company,
  'email',          (l).email,
  'phone',          (l).phone,
  'handle',         (l).handle,
  'job_title',      (l).job_title,
  'source',         (l).source,
  'source_url',     (l).source_url,
  'pipeline_stage', (l).pipeline_stage,
  'lead_score',     (l).lead_score,
  'tags',           (l).tags,
  'notes',          (l).notes,
  'industry',       (l).industry,
  'company_size',   (l).company_size,
  'pain_points',    (l).pain_points,
  'timeline',       (l).timeline,
  'budget_range',   (l).budget_range,
  'ai_reasoning',   (l).ai_reasoning,
  'linkedin_url',   (l).linkedin_url,
  'context',        (l).context
));

comment on function app.crm_lead is 'A lead as a connector is given it, without what is not known.';

-- What a record must have been synced with to be up to date: what is sent depends on the settings too. A score changes by itself,
-- with what is learned of others; it is a reason to send a lead again where the CRM has a field for it.
create or replace function app.crm_hash(lead jsonb, settings jsonb) returns bytea
language sql immutable parallel safe
return (
  select sha256(convert_to((lead - coalesce(array_agg(f.name), '{}'))::text || settings::text, 'UTF8'))
    from unnest(array['lead_score', 'ai_reasoning']) as f (name)
   where position(f.name in coalesce(settings ->> 'field_mapping', '')) = 0
);

comment on function app.crm_hash is 'SHA-256 of what a connector is given of a lead, but for a score that is not mapped, and of the settings it is sent with.';

-- A call as a connector is given it, to make a job of.
create or replace function app.crm_call(c app.calls) returns jsonb
language sql stable parallel safe
return jsonb_strip_nulls(jsonb_build_object(
  'id',               app.typeid('call', (c).id),
  'received_at',      app.iso((c).received_at),
  'caller_number',    (c).caller_number,
  'caller_name',      (c).caller_name,
  'city',             (c).caller_city,
  'state',            (c).caller_state,
  'postal_code',      (c).caller_postal_code,
  'country',          (c).caller_country,
  'intent',           (c).intent,
  'urgency',          (c).urgency,
  'dispatch_reason',  (c).dispatch_reason,
  'transcript',       (c).transcript
));

comment on function app.crm_call is 'A call as a connector is given it to make a job of, without what is not known.';

-- Asks that a lead be in the organization's CRM as it is now, and that a call be a job there. For triggers and functions of the
-- core. Returns the record: ok when all of that is so already, else pending, with a task to make it so. Null when the organization
-- has no CRM, or no such lead.
create or replace function app.push_lead(organization uuid, lead uuid, call uuid default null) returns app.crm_records
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  crm    app.connections := app.crm_connection(organization);
  pushed app.leads;
  record app.crm_records;
  made   boolean;
begin
  if crm.id is null then
    return null;
  end if;
  select * into pushed from app.leads as l where l.organization_id = organization and l.id = lead for no key update;
  if pushed.id is null then
    return null;
  end if;
  insert into app.crm_records (organization_id, connection_id, vendor, lead_id) values (organization, crm.id, crm.vendor, lead)
  on conflict on constraint crm_records_lead_key do nothing
  returning * into record;
  made := record.id is not null;
  if not made then
    select * into record from app.crm_records as r
     where r.organization_id = organization and r.lead_id = lead and r.connection_id = crm.id
       for update;
  end if;
  if call is not null then
    insert into app.crm_jobs as j (organization_id, record_id, call_id) values (organization, record.id, call)
    -- one that another connection was to make, and has not
    on conflict on constraint crm_jobs_call_key do update set record_id = excluded.record_id
     where j.external_id is null and j.record_id <> excluded.record_id;
  end if;

  if record.state = 'ok' and record.synced_hash = app.crm_hash(app.crm_lead(pushed), crm.settings)
     and not exists (select from app.crm_jobs as j
                      where j.organization_id = organization and j.record_id = record.id and j.external_id is null) then
    return record;
  end if;
  if not made then
    update app.crm_records as r set state = 'pending', requested_at = now(), attempts = 0
     where r.organization_id = organization and r.id = record.id
    returning * into record;
  end if;
  -- somebody may wait for it
  perform app.add_task(organization, 'push_to_crm', record.id, 1);
  return record;
end
$$;

comment on function app.push_lead is 'Asks that a lead be in the CRM as it is now, and that a call be a job there; the record, or null without a CRM or lead.';

-- The same for the calling organization, by hand. Raises 404 when there is no such lead, and 409 when there is no CRM.
create or replace function app.push_to_crm(lead_id uuid) returns app.crm_records
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  tenant uuid := private.writable('leads');
  record app.crm_records;
begin
  perform from app.leads as l where l.organization_id = tenant and l.id = lead_id;
  if not found then
    perform app.fail(404, 'not_found', 'No such lead.');
  end if;
  record := app.push_lead(tenant, lead_id);
  if record.id is null then
    perform app.fail(409, 'conflict', 'No CRM is connected.', jsonb_build_object(
      'field', 'crm', 'reason', format('connect one of %s, or enable its connection', array_to_string(app.crm_vendors(), ', '))));
  end if;
  return record;
end
$$;

comment on function app.push_to_crm is 'Asks that one of your leads be in the CRM as it is now; 404 when there is no such lead, 409 when there is no CRM.';

-- Where a lead of the calling organization is, or was last asked to be.
create or replace function app.latest_crm_record(lead_id uuid) returns app.crm_records
language sql stable security definer
set search_path = ''
as $$
  select r.* from app.crm_records as r
   where r.organization_id = private.own('leads') and r.lead_id = latest_crm_record.lead_id
   order by r.requested_at desc limit 1
$$;

comment on function app.latest_crm_record is 'The record of one of your leads in the CRM that was last asked for; null when there is none.';

grant execute on function app.push_to_crm, app.latest_crm_record to tenant;
