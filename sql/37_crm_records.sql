-- CRM: which leads are in the organization's CRM, and which of its calls became a job there.
--
--   requested ──► pending ──► ok          asked for again: at once, unless the lead, the settings or its jobs have changed
--                    ▲  └───► failed      tried again by its task (push_to_crm), then given up; asking again starts anew
--                    └─────────┘
--
-- An organization has one CRM: of its enabled connections of such a vendor, the one with the highest priority, else the oldest.
-- A record belongs to a connection, as its id means something only there. It outlives it: that a lead is in a CRM, and that a call is a job
-- there, stays true when the CRM is disconnected; and who disconnects one does not wait for a hundred thousand leads to be told.
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
  constraint crm_records_state       check (state in ('pending', 'ok', 'failed')),
  constraint crm_records_external_id check (length(external_id) between 1 and 255 and (state <> 'ok' or external_id is not null)),
  constraint crm_records_url         check (length(url) <= 2048)
) with (fillfactor = 80);

-- those of a connection that failed or wait, when it is saved
create index if not exists crm_records_by_connection on app.crm_records (organization_id, connection_id, state);

comment on table  app.crm_records                 is 'Leads in the CRM: one row for a lead and a connection.';
comment on column app.crm_records.organization_id is 'Organization.';
comment on column app.crm_records.id              is 'Record id.';
comment on column app.crm_records.connection_id   is 'Connection of the CRM; it may have been removed since.';
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

grant select (organization_id, id, connection_id, vendor, lead_id, state, external_id, url, attempts, last_error, last_error_at,
              requested_at, last_synced_at, created_at, updated_at)
   on app.crm_records to tenant, analyst, analyst_all;
grant select (organization_id, id, record_id, call_id, external_id, url, made_at, created_at, updated_at)
   on app.crm_jobs to tenant, analyst, analyst_all;
grant execute on function app.crm_vendors to tenant;
