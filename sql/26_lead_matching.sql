-- Finding or making a lead: one that is known learns what the caller tells, one that is not is made. It is known by its id at the source,
-- else by its email address, else by its phone number, in whatever notation.
--
-- These functions look up by index and by the organization that they ask for themselves, so they run with the owner's rights
-- (a tenant could not fill in an external_id either). What a lead learns:
--   every field      what the caller brings; what is left blank stays, and so does another notation of the same address or number
--   tags, context    both; of two values under one key of the context, the caller's
--   source           stays: it says where the lead came from first. external_id belongs to it, and stays too
--   pipeline_stage   moves forward only: new → contacted → replied → qualified → lost → won

-- The fields that a caller may bring.
create or replace function private.lead_fields() returns text[]
language sql immutable parallel safe
return array['name', 'company', 'email', 'phone', 'handle', 'job_title', 'source', 'source_url', 'target_type', 'context',
             'pipeline_stage', 'lead_score', 'tags', 'notes', 'industry', 'company_size', 'pain_points', 'timeline', 'budget_range',
             'linkedin_url', 'twitter_url', 'facebook_url', 'external_id'];

comment on function private.lead_fields is 'Columns of a lead that an import may bring.';

-- The stage that a word means, in the words of any contract.
create or replace function app.stage(word text) returns text
language sql immutable parallel safe
return case lower(btrim(word)) when 'converted' then 'won' else lower(btrim(word)) end;

comment on function app.stage is 'Pipeline stage that a word of any contract means: converted is won.';

-- The first thing that keeps an object from being the fields of a lead ("field: reason"), or null. What the constraints say is not
-- asked here.
create or replace function private.lead_misfit(fields jsonb) returns text
language sql stable
return case
  when jsonb_typeof(fields) <> 'object' then 'lead: must be an object'
  else coalesce(
    (select key || ': unknown field' from jsonb_object_keys(fields) as key where key <> all (private.lead_fields()) order by key limit 1),
    case when not coalesce(pg_input_is_valid(nullif(btrim(fields ->> 'lead_score'), ''), 'smallint'), true) then 'lead_score: must be from 0 to 100'
         when jsonb_typeof(fields -> 'tags')    not in ('array', 'null')  then 'tags: must be a list'
         when jsonb_typeof(fields -> 'context') not in ('object', 'null') then 'context: must be an object' end)
end;

comment on function private.lead_misfit is 'What keeps an object from being the fields of a lead ("field: reason"), or null.';

-- A lead that holds what a caller brings, and null for the rest: blank is not brought.
create or replace function private.brought_lead(fields jsonb) returns app.leads
language sql stable
return jsonb_populate_record(null::app.leads, (
  select jsonb_object_agg(f.key, case when f.key = 'pipeline_stage' then to_jsonb(app.stage(f.value #>> '{}'))
                                      when jsonb_typeof(f.value) = 'string' then to_jsonb(btrim(f.value #>> '{}'))
                                      else f.value end)
    from jsonb_each(fields) as f
   where btrim(f.value #>> '{}') <> ''));

comment on function private.brought_lead is 'Fields as a lead; null for what is not brought, or blank.';

-- A known lead with what was brought.
create or replace function private.filled_lead(known app.leads, brought app.leads) returns app.leads
language plpgsql immutable
set search_path = ''
as $$
declare
  stages constant text[] := array['new', 'contacted', 'replied', 'qualified', 'lost', 'won'];
begin
  if lower(brought.email) is distinct from known.email_key then
    known.email := coalesce(brought.email, known.email);
  end if;
  if app.phone_key(brought.phone) is distinct from known.phone_key then
    known.phone := coalesce(brought.phone, known.phone);
  end if;
  known.source := coalesce(known.source, brought.source);
  if known.source = brought.source then
    known.external_id := coalesce(known.external_id, brought.external_id);
  end if;
  if array_position(stages, brought.pipeline_stage) > array_position(stages, known.pipeline_stage) then
    known.pipeline_stage := brought.pipeline_stage;
  end if;
  if not brought.tags <@ known.tags then
    known.tags := known.tags || array(select tag from unnest(brought.tags) with ordinality as t (tag, position)
                                       where tag <> all (known.tags) group by tag order by min(position));
  end if;
  known.context      := known.context || coalesce(brought.context, '{}');
  known.name         := coalesce(brought.name,         known.name);
  known.company      := coalesce(brought.company,      known.company);
  known.handle       := coalesce(brought.handle,       known.handle);
  known.job_title    := coalesce(brought.job_title,    known.job_title);
  known.source_url   := coalesce(brought.source_url,   known.source_url);
  known.target_type  := coalesce(brought.target_type,  known.target_type);
  known.lead_score   := coalesce(brought.lead_score,   known.lead_score);
  known.notes        := coalesce(brought.notes,        known.notes);
  known.industry     := coalesce(brought.industry,     known.industry);
  known.company_size := coalesce(brought.company_size, known.company_size);
  known.pain_points  := coalesce(brought.pain_points,  known.pain_points);
  known.timeline     := coalesce(brought.timeline,     known.timeline);
  known.budget_range := coalesce(brought.budget_range, known.budget_range);
  known.linkedin_url := coalesce(brought.linkedin_url, known.linkedin_url);
  known.twitter_url  := coalesce(brought.twitter_url,  known.twitter_url);
  known.facebook_url := coalesce(brought.facebook_url, known.facebook_url);
  return known;
end
$$;

comment on function private.filled_lead is 'A known lead with what was brought; the head of this file says which of two values counts.';

-- The lead of an organization that is meant, the oldest where several are; null when it is not known.
--
-- "Between k and k, in the order of k" is "equals k" in words that only one index answers without sorting. While statistics are those
-- of yesterday's few leads, "equals k" is any index to the planner that begins with the organization, and reads all of its leads.
create or replace function private.known_lead(organization uuid, brought app.leads) returns uuid
language plpgsql stable
set search_path = ''
as $$
declare
  known  uuid;
  number text;
begin
  if brought.external_id is not null then
    select l.id into known from app.leads as l
     where l.organization_id = organization and l.source = brought.source
       and l.external_id between brought.external_id and brought.external_id
     order by l.external_id limit 1;
  end if;
  if known is null and brought.email is not null then
    select f.id into known
      from (select l.id, l.created_at from app.leads as l
             where l.organization_id = organization and l.email_key between lower(brought.email) and lower(brought.email)
             order by l.email_key limit 1000) as f
     order by f.created_at, f.id limit 1;
  end if;
  if known is null and brought.phone is not null then
    number := app.phone_key(brought.phone);
    -- an extension is nobody's own, and neither is 000-000-0000
    if length(number) >= 7 and number !~ '^1?(\d)\1*$' then
      select f.id into known
        from (select l.id, l.created_at from app.leads as l
               where l.organization_id = organization and l.phone_key between number and number
               order by l.phone_key limit 1000) as f
       order by f.created_at, f.id limit 1;
    end if;
  end if;
  return known;
end
$$;

comment on function private.known_lead is 'Id of the lead that is meant, by external_id and source, else email, else phone; null when it is not known.';

-- Finds the lead and fills it in, or makes it. outcome: created | updated | unchanged.
--   known  the lead, where it was found already
create or replace function private.place_lead(organization uuid, brought app.leads, known uuid default null, out lead_id uuid, out outcome text)
language plpgsql
set search_path = ''
as $$
begin
  lead_id := coalesce(known, private.known_lead(organization, brought));
  if lead_id is null then
    lead_id := (private.make_leads(organization, array[brought], array[uuidv7()]))[1];
    if lead_id is not null then
      outcome := 'created';
      return;
    end if;
    -- somebody told of it in the meantime
    lead_id := private.known_lead(organization, brought);
  end if;
  -- everything is computed in the statement that writes, so a change of another session is filled in, not overwritten
  update app.leads as l
     set (name, company, email, phone, handle, job_title, source, source_url, target_type, context, pipeline_stage, lead_score, tags,
          notes, industry, company_size, pain_points, timeline, budget_range, linkedin_url, twitter_url, facebook_url, external_id) = (
           select f.name, f.company, f.email, f.phone, f.handle, f.job_title, f.source, f.source_url, f.target_type, f.context,
                  f.pipeline_stage, f.lead_score, f.tags, f.notes, f.industry, f.company_size, f.pain_points, f.timeline,
                  f.budget_range, f.linkedin_url, f.twitter_url, f.facebook_url, f.external_id
             from private.filled_lead(l, brought) as f)
   where l.organization_id = organization and l.id = lead_id
     and private.filled_lead(l, brought) is distinct from l;
  outcome := case when found then 'updated' else 'unchanged' end;
end
$$;

comment on function private.place_lead is 'Finds a lead and fills it in, or makes it; says which: created, updated or unchanged.';

-- Makes leads in one statement: a statement for each would prepare the table's constraints and indexes each time, which takes longer
-- than all the rest. Returns the ids of those that were made; another session may have told of one in the meantime.
--   ids  the id for each lead; null: leave it out
create or replace function private.make_leads(organization uuid, brought app.leads[], ids uuid[]) returns uuid[]
language sql
begin atomic
  with made as (
    insert into app.leads (organization_id, id, name, company, email, phone, handle, job_title, source, source_url, target_type, context,
                           pipeline_stage, lead_score, tags, notes, industry, company_size, pain_points, timeline, budget_range,
                           linkedin_url, twitter_url, facebook_url, external_id)
    select organization, n.id, l.name, l.company, l.email, l.phone, l.handle, l.job_title, l.source, l.source_url,
           coalesce(l.target_type, 'customer_lead'), coalesce(l.context, '{}'), coalesce(l.pipeline_stage, 'new'),
           coalesce(l.lead_score, 0), coalesce(l.tags, '{}'), l.notes, l.industry, l.company_size, l.pain_points, l.timeline,
           l.budget_range, l.linkedin_url, l.twitter_url, l.facebook_url, l.external_id
      from unnest(brought) with ordinality as l
      join unnest(ids) with ordinality as n (id, position) on n.position = l.ordinality
     where n.id is not null
     order by n.position
    on conflict (organization_id, source, external_id) where external_id is not null do nothing
    returning id
  )
  select coalesce(array_agg(id), '{}') from made;
end;

comment on function private.make_leads is 'Makes leads under the given ids, in one statement; returns the ids of those that were made.';

-- Two that bring the same person at the same moment would both find nobody: who brings leads to an organization does so alone.
create or replace function private.alone_with_leads(organization uuid) returns void
language sql volatile
begin atomic
  select pg_advisory_xact_lock(7263, hashtext(organization::text));
end;

comment on function private.alone_with_leads is 'Waits until nobody else finds or makes leads of the organization, and keeps others waiting until the transaction ends.';

-- "Create or update by email or phone": one lead, as any caller tells it.
--   fields    by column; those of private.lead_fields()
--   business  whose lead it is; null: the calling organization's
-- Raises 400 (field and reason), 403 without the scope leads.write, 404 for a business that the request does not reach.
create or replace function app.upsert_lead(fields jsonb, business uuid default null, out lead app.leads, out outcome text)
language plpgsql security definer
set search_path = ''
as $$
declare
  whole        constant boolean := coalesce(private.claims() ->> 'reach' = 'workspace', false);
  writer       constant uuid    := case when whole then private.workspace('leads', 'write') else private.writable('leads') end;
  organization constant uuid    := app.business(coalesce(business, writer));
  misfit       constant text    := private.lead_misfit(fields);
  placed       record;
begin
  if writer is null then
    perform app.fail(401, 'unauthorized', 'Nobody is asking.');
  end if;
  if misfit is not null then
    perform app.fail(400, 'invalid_request', format('Invalid value for %s.', misfit),
                     jsonb_build_object('field', split_part(misfit, ': ', 1), 'reason', split_part(misfit, ': ', 2)));
  end if;
  perform private.alone_with_leads(organization);
  placed := private.place_lead(organization, private.brought_lead(fields));
  select l.* into lead from app.leads as l where l.organization_id = organization and l.id = placed.lead_id;
  outcome := placed.outcome;
end
$$;

comment on function app.upsert_lead is 'Creates a lead, or fills in the one that is known by external_id and source, email or phone. outcome: created | updated | unchanged.';

grant execute on function app.stage, app.upsert_lead to tenant, workspace;
