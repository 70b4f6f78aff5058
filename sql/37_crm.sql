-- CRM: which leads are in the organization's CRM, and which of its calls became a job there.
--
--   requested ──► pending ──► ok          asked for again: at once, unless the lead, the settings or its jobs have changed
--                    ▲  └───► failed      tried again by its task (push_to_crm), then given up; asking again starts anew
--                    └─────────┘
--
-- An organization has one CRM: of its enabled connections of such a vendor, the one with the highest priority, else the oldest.
-- A record belongs to a connection, as its id means something only there.
--
-- Whoever needs several of these rows locks them in this order: call, lead, record.

-- Vendors that are CRMs: those connectors that can take a lead.
create or replace function app.crm_vendors() returns text[]
language sql immutable parallel safe
return array['http-crm', 'hubspot', 'jobnimbus'];

comment on function app.crm_vendors is 'Vendors that are CRMs: connectors that can take a lead.';

create table if not exists app.crm_records (
  organization_id uuid           not null,
  id              uuid           not null default uuidv7(),
  connection_id   uuid           not null,
  vendor          text           not null,
  lead_id         uuid           not null,
  state           text           not null default 'pending',
  external_id     text,
  url             text,
  attempts        integer        not null default 0,
  last_error      text,
  last_error_at   timestamptz(3),
  requested_at    timestamptz(3) not null default now(),
  last_synced_at  timestamptz(3),
  synced_hash     bytea,
  claim           uuid,
  claimed_until   timestamptz(3),
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  constraint crm_records_pkey primary key (organization_id, id),
  -- two pushes at once meet here
  constraint crm_records_lead_key unique (organization_id, lead_id, connection_id),
  constraint crm_records_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade,
  constraint crm_records_lead_fkey foreign key (organization_id, lead_id) references app.leads (organization_id, id) on delete cascade,
  constraint crm_records_connection_fkey foreign key (organization_id, connection_id)
    references app.connections (organization_id, id) on delete cascade,
  constraint crm_records_state       check (state in ('pending', 'ok', 'failed')),
  constraint crm_records_external_id check (length(external_id) between 1 and 255 and (state <> 'ok' or external_id is not null)),
  constraint crm_records_url         check (length(url) <= 2048)
) with (fillfactor = 80);

-- those of a connection that failed or wait, when it is saved; all of them, when it is deleted
create index if not exists crm_records_by_connection on app.crm_records (organization_id, connection_id, state);

comment on table  app.crm_records                 is 'Leads in the CRM: one row for a lead and a connection.';
comment on column app.crm_records.organization_id is 'Organization.';
comment on column app.crm_records.id              is 'Record id.';
comment on column app.crm_records.connection_id   is 'Connection of the CRM.';
comment on column app.crm_records.vendor          is 'Vendor of that connection.';
comment on column app.crm_records.lead_id         is 'Lead.';
comment on column app.crm_records.state           is 'pending | ok | failed.';
comment on column app.crm_records.external_id     is 'Id of the lead in the CRM.';
comment on column app.crm_records.url             is 'Page of the lead in the CRM, where it has one.';
comment on column app.crm_records.attempts        is 'How often it was tried since it was last asked for.';
comment on column app.crm_records.last_error      is 'What went wrong at the last attempt, without credentials; null when it went well.';
comment on column app.crm_records.last_error_at   is 'When something last went wrong.';
comment on column app.crm_records.requested_at    is 'When it was last asked for.';
comment on column app.crm_records.last_synced_at  is 'When the CRM last took it.';
comment on column app.crm_records.synced_hash     is 'SHA-256 of what the CRM took: what has not changed is not sent again.';
comment on column app.crm_records.claim           is 'Who is at it; only the holder settles it.';
comment on column app.crm_records.claimed_until   is 'When the claim is over, if its holder is lost.';
comment on column app.crm_records.created_at      is 'When it was first asked for.';
comment on column app.crm_records.updated_at      is 'When it last changed.';
comment on constraint crm_records_lead_key    on app.crm_records is 'lead_id: is pushed through this connection already';
comment on constraint crm_records_state       on app.crm_records is 'state: must be pending, ok or failed';
comment on constraint crm_records_external_id on app.crm_records is 'external_id: 1 to 255 characters, and given when the state is ok';
comment on constraint crm_records_url         on app.crm_records is 'url: at most 2048 characters';

create table if not exists app.crm_jobs (
  organization_id uuid           not null,
  id              uuid           not null default uuidv7(),
  record_id       uuid           not null,
  call_id         uuid           not null,
  external_id     text,
  url             text,
  made_at         timestamptz(3),
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  constraint crm_jobs_pkey primary key (organization_id, id),
  -- a call is one job, however often it is dispatched
  constraint crm_jobs_call_key unique (organization_id, call_id),
  constraint crm_jobs_record_fkey foreign key (organization_id, record_id) references app.crm_records (organization_id, id) on delete cascade,
  constraint crm_jobs_call_fkey foreign key (organization_id, call_id) references app.calls (organization_id, id) on delete cascade,
  constraint crm_jobs_external_id check (length(external_id) between 1 and 255),
  constraint crm_jobs_url         check (length(url) <= 2048)
);

-- the jobs of a record
create index if not exists crm_jobs_by_record on app.crm_jobs (organization_id, record_id, id);

comment on table  app.crm_jobs                 is 'Jobs in the CRM (deals, work orders): one row for a call.';
comment on column app.crm_jobs.organization_id is 'Organization.';
comment on column app.crm_jobs.id              is 'Row id.';
comment on column app.crm_jobs.record_id       is 'Whose job it is: the lead in the CRM.';
comment on column app.crm_jobs.call_id         is 'Call it was made for.';
comment on column app.crm_jobs.external_id     is 'Id of the job in the CRM; null until it is made.';
comment on column app.crm_jobs.url             is 'Page of the job in the CRM, where it has one.';
comment on column app.crm_jobs.made_at         is 'When it was made.';
comment on column app.crm_jobs.created_at      is 'When it was asked for.';
comment on column app.crm_jobs.updated_at      is 'When it last changed.';
comment on constraint crm_jobs_call_key    on app.crm_jobs is 'call_id: has a job already';
comment on constraint crm_jobs_external_id on app.crm_jobs is 'external_id: 1 to 255 characters';
comment on constraint crm_jobs_url         on app.crm_jobs is 'url: at most 2048 characters';

create or replace trigger _100_touch before update on app.crm_records for each row execute function private.touch();
create or replace trigger _500_record after insert or update or delete on app.crm_records
  for each row execute function audit.record('crm_record', '', 'attempts,requested_at', 'synced_hash,claim,claimed_until');
create or replace trigger _100_touch before update on app.crm_jobs for each row execute function private.touch();
create or replace trigger _500_record after insert or update or delete on app.crm_jobs
  for each row execute function audit.record('crm_job');

-- The lead and the call say where they are in the CRM, for whoever reads no more than them.
create or replace function app.show_crm_record() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if tg_op = 'DELETE' then
    update app.leads as l set crm_vendor = null, crm_external_id = null, crm_status = null, crm_last_synced_at = null
     where l.organization_id = old.organization_id and l.id = old.lead_id
       and l.crm_vendor = old.vendor and l.crm_external_id is not distinct from old.external_id;
  else
    update app.leads as l
       set crm_vendor = new.vendor, crm_external_id = new.external_id, crm_status = new.state, crm_last_synced_at = new.last_synced_at
     where l.organization_id = new.organization_id and l.id = new.lead_id
       and (l.crm_vendor, l.crm_external_id, l.crm_status, l.crm_last_synced_at)
           is distinct from (new.vendor, new.external_id, new.state, new.last_synced_at);
  end if;
  return null;
end
$$;

comment on function app.show_crm_record is 'Trigger: a lead says where it is in the CRM.';

create or replace trigger _600_show after insert or delete or update of state, external_id, last_synced_at on app.crm_records
  for each row execute function app.show_crm_record();

create or replace function app.show_crm_job() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  update app.calls as c set crm_job_id = new.external_id
   where c.organization_id = new.organization_id and c.id = new.call_id and c.crm_job_id is distinct from new.external_id;
  return null;
end
$$;

comment on function app.show_crm_job is 'Trigger: a call says which job it became.';

create or replace trigger _600_show after insert or update of external_id on app.crm_jobs
  for each row when (new.external_id is not null) execute function app.show_crm_job();

alter table app.crm_records enable row level security;
alter table app.crm_records force row level security;
alter table app.crm_jobs enable row level security;
alter table app.crm_jobs force row level security;

drop policy if exists "the core's own functions reach every CRM record" on app.crm_records;
create policy "the core's own functions reach every CRM record" on app.crm_records to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's CRM records" on app.crm_records;
create policy "a key sees its organization's CRM records" on app.crm_records for select to tenant
  using (organization_id = (select private.own('leads')));
drop policy if exists "a database login sees its organization's CRM records" on app.crm_records;
create policy "a database login sees its organization's CRM records" on app.crm_records for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every CRM record" on app.crm_records;
create policy "a login for all sees every CRM record" on app.crm_records for select to analyst_all using (true);

drop policy if exists "the core's own functions reach every CRM job" on app.crm_jobs;
create policy "the core's own functions reach every CRM job" on app.crm_jobs to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's CRM jobs" on app.crm_jobs;
create policy "a key sees its organization's CRM jobs" on app.crm_jobs for select to tenant
  using (organization_id = (select private.own('leads')));
drop policy if exists "a database login sees its organization's CRM jobs" on app.crm_jobs;
create policy "a database login sees its organization's CRM jobs" on app.crm_jobs for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every CRM job" on app.crm_jobs;
create policy "a login for all sees every CRM job" on app.crm_jobs for select to analyst_all using (true);

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

-- The same for the calling organization.
--   call_id  a call of the lead's that is to be a job in the CRM
create or replace function app.request_crm_push(lead_id uuid, call_id uuid default null) returns app.crm_records
language sql volatile security definer
set search_path = ''
as $$ select app.push_lead(private.writable('leads'), lead_id, call_id) $$;

comment on function app.request_crm_push is 'Asks that one of your leads be in the CRM, and a call be a job there; the record, or null without a CRM or lead.';

-- The same by hand. Raises 404 when there is no such lead, and 409 when there is no CRM.
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

-- Claims a record for whoever pushes it, with everything that takes: one at a time, also when it was asked for twice.
--   lease  longer than a push can take: until then nobody else begins, so that what was done and not recorded has arrived there
-- No row: there is nothing to do. With `wait`, somebody is at it for at most so many seconds. Without a claim and wait, why it
-- cannot be done.
create or replace function app.claim_crm_push(organization uuid, record uuid, lease interval, out claim uuid, out wait integer,
  out lead jsonb, out lead_due boolean, out external_id text, out hash bytea, out jobs jsonb, out connection_id uuid, out enabled boolean,
  out organization_id uuid, out vendor text, out name text, out settings jsonb, out secret_names text[], out ciphertexts bytea[])
returns setof record
language plpgsql security definer
set search_path = ''
as $$
declare
  own    app.crm_records;
  pushed app.leads;
begin
  select * into own from app.crm_records as r where r.organization_id = organization and r.id = record for update;
  if own.id is null then
    return;
  end if;
  if own.claimed_until > now() then
    wait := greatest(1, ceil(extract(epoch from own.claimed_until - now())));
    return next;
    return;
  end if;
  select * into pushed from app.leads as l where l.organization_id = organization and l.id = own.lead_id;
  select o.id, o.enabled, o.organization_id, o.vendor, o.name, o.settings, o.secret_names, o.ciphertexts
    into connection_id, enabled, organization_id, vendor, name, settings, secret_names, ciphertexts
    from private.opened_connections as o where o.organization_id = organization and o.id = own.connection_id;
  lead := app.crm_lead(pushed);
  hash := app.crm_hash(lead, settings);
  external_id := own.external_id;
  lead_due := own.external_id is null or own.synced_hash is distinct from hash;
  -- a few at a time, so that the lease is long enough
  jobs := (select coalesce(jsonb_agg(jsonb_build_object('id', due.id, 'call', due.call) order by due.id), '[]')
             from (select j.id, app.crm_call(c) as call
                     from app.crm_jobs as j
                     join app.calls as c on c.organization_id = j.organization_id and c.id = j.call_id
                    where j.organization_id = organization and j.record_id = own.id and j.external_id is null
                    order by j.id limit 3) as due);
  if not lead_due and jobs = '[]' then
    -- what was still to do is gone
    update app.crm_records as r set state = 'ok', last_error = null
     where r.organization_id = organization and r.id = own.id and r.state <> 'ok';
    return;
  end if;
  claim := uuidv7();
  update app.crm_records as r set claim = claim_crm_push.claim, claimed_until = now() + lease, attempts = r.attempts + 1
   where r.organization_id = organization and r.id = own.id;
  return next;
end
$$;

comment on function app.claim_crm_push is 'Claims a record for a push, with the lead, its jobs, and the connection with its encrypted credentials; no row when there is nothing to do.';

-- Settles a claimed push.
--   pushed  {"external_id", "url", "hash"} of the lead, hash in hexadecimal; null when it was not pushed
--   made    [{"id", "external_id", "url"}] of the jobs that were made
--   error   what went wrong; null when nothing did
-- What was asked for anew meanwhile, or changed, has a task of its own. False: the claim was lost, and nothing is recorded.
create or replace function app.settle_crm_push(record uuid, claim uuid, pushed jsonb, made jsonb, error text) returns boolean
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  tenant uuid := private.writable('leads');
  own    app.crm_records;
  more   boolean;
begin
  perform from app.calls as c
    where c.organization_id = tenant
      and c.id in (select j.call_id from app.crm_jobs as j where j.organization_id = tenant and j.record_id = settle_crm_push.record)
    order by c.id for no key update;
  perform from app.leads as l
    where l.organization_id = tenant
      and l.id = (select r.lead_id from app.crm_records as r where r.organization_id = tenant and r.id = settle_crm_push.record)
      for no key update;
  select * into own from app.crm_records as r
   where r.organization_id = tenant and r.id = settle_crm_push.record and r.claim = settle_crm_push.claim
     for update;
  if own.id is null then
    return false;
  end if;

  update app.crm_jobs as j set external_id = m.external_id, url = m.url, made_at = now()
    from jsonb_to_recordset(made) as m (id uuid, external_id text, url text)
   where j.organization_id = tenant and j.record_id = own.id and j.id = m.id;

  update app.crm_records as r
     set external_id    = coalesce(pushed ->> 'external_id', r.external_id),
         url            = coalesce(pushed ->> 'url', r.url),
         synced_hash    = coalesce(decode(pushed ->> 'hash', 'hex'), r.synced_hash),
         last_synced_at = case when pushed is not null then now() else r.last_synced_at end
   where r.organization_id = tenant and r.id = own.id
  returning * into own;

  select error is null
         and (exists (select from app.crm_jobs as j where j.organization_id = tenant and j.record_id = own.id and j.external_id is null)
              or own.synced_hash <> app.crm_hash(app.crm_lead(l), c.settings))
    into more
    from app.leads as l, app.connections as c
   where l.organization_id = tenant and l.id = own.lead_id and c.organization_id = tenant and c.id = own.connection_id;
  update app.crm_records as r
     set state         = case when error is not null then 'failed' when more then 'pending' else 'ok' end,
         last_error    = settle_crm_push.error,
         last_error_at = case when error is not null then now() else r.last_error_at end,
         claim = null, claimed_until = null
   where r.organization_id = tenant and r.id = own.id;
  if more then
    perform app.add_task(tenant, 'push_to_crm', own.id, 1);
  end if;
  perform app.note_connection(tenant, own.connection_id, false, false, error);
  return true;
end
$$;

comment on function app.settle_crm_push is 'Settles a claimed push: what the CRM took, the jobs that were made, or what went wrong; false when the claim was lost.';

-- Stages at which a connection pushes by itself: the setting push_when, a list of stages.
create or replace function app.crm_pushes_at(settings jsonb, stage text) returns boolean
language sql immutable parallel safe
return coalesce(settings -> 'push_when' ? stage, false);

comment on function app.crm_pushes_at is 'Whether a connection with these settings pushes leads of a stage by itself.';

-- A lead that is made in a stage at which it is pushed by itself. By statement: most organizations have no CRM, and an import
-- brings thousands.
create or replace function app.push_made_leads() returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  organization uuid;
  settings     jsonb;
  lead         uuid;
begin
  for organization in select distinct m.organization_id from made as m order by m.organization_id loop
    settings := (app.crm_connection(organization)).settings;
    continue when settings -> 'push_when' is null;
    for lead in
      select m.id from made as m
       where m.organization_id = organization and app.crm_pushes_at(settings, m.pipeline_stage)
       order by m.id
    loop
      perform app.push_lead(organization, lead);
    end loop;
  end loop;
  return null;
end
$$;

comment on function app.push_made_leads is 'Trigger: a lead that is made in a stage at which leads are pushed is pushed to the CRM.';

create or replace trigger _600_push_to_crm after insert on app.leads
  referencing new table as made for each statement execute function app.push_made_leads();

create or replace function app.push_moved_lead() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if app.crm_pushes_at((app.crm_connection(new.organization_id)).settings, new.pipeline_stage) then
    perform app.push_lead(new.organization_id, new.id);
  end if;
  return null;
end
$$;

comment on function app.push_moved_lead is 'Trigger: a lead that comes to a stage at which leads are pushed is pushed to the CRM.';

create or replace trigger _600_push_moved after update of pipeline_stage on app.leads
  for each row when (new.pipeline_stage <> old.pipeline_stage) execute function app.push_moved_lead();

create or replace function app.push_caller() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if app.crm_pushes_at((app.crm_connection(new.organization_id)).settings, 'qualified') then
    perform app.push_lead(new.organization_id, new.lead_id);
  end if;
  return null;
end
$$;

comment on function app.push_caller is 'Trigger: whoever made a qualified call is pushed to the CRM, where qualified leads are.';

create or replace trigger _600_push_caller after insert or update of qualified, lead_id on app.calls
  for each row when (new.qualified and new.lead_id is not null) execute function app.push_caller();

-- A connection that is saved, with other credentials or other settings, is tried again with all that failed or waits.
create or replace function app.resume_crm() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  perform app.add_tasks(new.organization_id, 'push_to_crm', array(
    select r.id from app.crm_records as r
     where r.organization_id = new.organization_id and r.connection_id = new.id and r.state in ('failed', 'pending')));
  return null;
end
$$;

comment on function app.resume_crm is 'Trigger: a CRM''s connection that is saved is tried again with what failed or waits.';

create or replace trigger _600_resume_crm after update on app.connections
  for each row when (new.enabled) execute function app.resume_crm();

grant select (organization_id, id, connection_id, vendor, lead_id, state, external_id, url, attempts, last_error, last_error_at,
              requested_at, last_synced_at, created_at, updated_at)
   on app.crm_records to tenant, analyst, analyst_all;
grant select (organization_id, id, record_id, call_id, external_id, url, made_at, created_at, updated_at)
   on app.crm_jobs to tenant, analyst, analyst_all;
grant execute on function app.crm_vendors to tenant;
grant execute on function app.request_crm_push, app.push_to_crm, app.latest_crm_record, app.settle_crm_push to tenant;
grant execute on function app.claim_crm_push to worker;
