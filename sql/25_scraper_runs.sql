-- Runs: each time that leads came in bulk (a scraper, an import), what it found and how it ended. Whoever brings the leads keeps
-- the row; the log tells when a source was last read, and whether it is healthy.
--
--   running ──► succeeded   everything was taken
--           ├─► partial     some rows were rejected
--           └─► failed      it ended early; error says why

create table if not exists app.scraper_runs (
  organization_id uuid           not null default private.tenant(),
  id              uuid           not null default uuidv7(),
  source          text           not null,
  status          text           not null default 'running',
  leads_found     integer        not null default 0,
  leads_created   integer        not null default 0,
  leads_updated   integer        not null default 0,
  leads_rejected  integer        not null default 0,
  error           text,
  details         jsonb          not null default '{}',
  rows_done       bigint         not null default 0,
  started_at      timestamptz(3) not null default now(),
  finished_at     timestamptz(3),
  updated_at      timestamptz(3) not null default now(),
  workspace_id    uuid           not null,
  constraint scraper_runs_pkey primary key (organization_id, id),
  constraint scraper_runs_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade,
  constraint scraper_runs_source  check (length(source) between 1 and 100),
  constraint scraper_runs_status  check (status in ('running', 'succeeded', 'partial', 'failed')),
  constraint scraper_runs_finish  check ((status = 'running') = (finished_at is null)),
  constraint scraper_runs_counts  check (least(leads_found, leads_created, leads_updated, leads_rejected, rows_done) >= 0),
  constraint scraper_runs_error   check (length(error) <= 2000),
  constraint scraper_runs_details check (jsonb_typeof(details) = 'object')
);

-- the log, newest first: of a business, of a whole workspace
create index if not exists scraper_runs_newest    on app.scraper_runs (organization_id, started_at desc, id desc);
create index if not exists scraper_runs_workspace on app.scraper_runs (workspace_id, started_at desc, id desc);
-- which of those under way got no further
create index if not exists scraper_runs_running   on app.scraper_runs (updated_at) where status = 'running';

comment on table  app.scraper_runs                 is 'Each time that leads came in bulk: what was found, and how it ended.';
comment on column app.scraper_runs.organization_id is 'Organization (business) the leads are for.';
comment on column app.scraper_runs.id              is 'Run id.';
comment on column app.scraper_runs.source          is 'Source that was read.';
comment on column app.scraper_runs.status          is 'running | succeeded | partial (some rows rejected) | failed.';
comment on column app.scraper_runs.leads_found     is 'Rows that were read.';
comment on column app.scraper_runs.leads_created   is 'Leads that were new.';
comment on column app.scraper_runs.leads_updated   is 'Leads that were known, and learned something.';
comment on column app.scraper_runs.leads_rejected  is 'Rows that were no lead.';
comment on column app.scraper_runs.error           is 'Why it failed.';
comment on column app.scraper_runs.details         is 'What it was: name and fingerprint of the file, mapping ….';
comment on column app.scraper_runs.rows_done       is 'How far it got, to go on from there.';
comment on column app.scraper_runs.started_at      is 'When it began.';
comment on column app.scraper_runs.finished_at     is 'When it ended; null while it runs.';
comment on column app.scraper_runs.updated_at      is 'When it last got further.';
comment on column app.scraper_runs.workspace_id    is 'The organization''s parent, or itself. Derived.';
comment on constraint scraper_runs_source  on app.scraper_runs is 'source: 1 to 100 characters';
comment on constraint scraper_runs_status  on app.scraper_runs is 'status: must be one of running, succeeded, partial, failed';
comment on constraint scraper_runs_finish  on app.scraper_runs is 'finished_at: a run that has ended has one, a running one has none';
comment on constraint scraper_runs_counts  on app.scraper_runs is 'leads_found: counts are not negative';
comment on constraint scraper_runs_error   on app.scraper_runs is 'error: at most 2000 characters';
comment on constraint scraper_runs_details on app.scraper_runs is 'details: must be an object';

-- workspace_id from the organization. A run that ends gets the time of its end.
create or replace function app.derive_run() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  -- a business that is getting another parent at this moment is waited for (the foreign key takes the same lock, but later)
  if tg_op = 'INSERT' then
    perform from app.organizations as o where o.id = new.organization_id for key share;
  end if;
  new.workspace_id := coalesce((select coalesce(o.parent_organization_id, o.id) from app.organizations as o where o.id = new.organization_id),
                               new.organization_id);
  new.finished_at  := case when new.status = 'running' then null else coalesce(new.finished_at, clock_timestamp()) end;
  return new;
end
$$;

comment on function app.derive_run is 'Trigger: fills workspace_id and finished_at of a run.';

create or replace trigger _050_derive before insert or update on app.scraper_runs for each row execute function app.derive_run();
-- A business that gets another parent takes its log along, as it does its leads.
create or replace function app.move_runs() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  update app.scraper_runs set workspace_id = new.id where organization_id = new.id;
  return null;
end
$$;

comment on function app.move_runs is 'Trigger: runs of an organization that gets another parent belong to that workspace.';

create or replace trigger _600_move_runs after update of parent_organization_id on app.organizations
  for each row when (new.parent_organization_id is distinct from old.parent_organization_id) execute function app.move_runs();
create or replace trigger _100_touch before update on app.scraper_runs for each row execute function private.touch();
create or replace trigger _500_record after insert or update or delete on app.scraper_runs
  for each row execute function audit.record('scraper_run', '', 'leads_found,leads_created,leads_updated,leads_rejected,rows_done', 'workspace_id');

alter table app.scraper_runs enable row level security;
alter table app.scraper_runs force row level security;
drop policy if exists "the core's own functions reach every run" on app.scraper_runs;
create policy "the core's own functions reach every run" on app.scraper_runs to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's runs" on app.scraper_runs;
create policy "a key sees its organization's runs" on app.scraper_runs for select to tenant
  using (organization_id = (select private.readable('sources')));
drop policy if exists "who brings leads in bulk records a run" on app.scraper_runs;
create policy "who brings leads in bulk records a run" on app.scraper_runs for insert to tenant
  with check (organization_id = (select private.writable('leads')));
drop policy if exists "who brings leads in bulk says how far it got" on app.scraper_runs;
create policy "who brings leads in bulk says how far it got" on app.scraper_runs for update to tenant
  using (organization_id = (select private.writable('leads')));
drop policy if exists "a workspace key sees the runs of every business" on app.scraper_runs;
create policy "a workspace key sees the runs of every business" on app.scraper_runs for select to workspace
  using (workspace_id = (select private.workspace('sources')));
drop policy if exists "a database login sees its organization's runs" on app.scraper_runs;
create policy "a database login sees its organization's runs" on app.scraper_runs for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every run" on app.scraper_runs;
create policy "a login for all sees every run" on app.scraper_runs for select to analyst_all using (true);

create or replace view api.scraper_runs with (security_invoker = true) as
select organization_id, id, source, status, leads_found, leads_created, leads_updated, leads_rejected, error, details, started_at, finished_at, updated_at
  from app.scraper_runs;

alter view api.scraper_runs alter column organization_id set default private.tenant();
comment on view api.scraper_runs is 'Each time that leads came in bulk. A scraper of your own adds its runs here.';
select private.describe_columns('api.scraper_runs', 'app.scraper_runs');

grant select (organization_id, id, source, status, leads_found, leads_created, leads_updated, leads_rejected, error, details, rows_done,
              started_at, finished_at, updated_at, workspace_id) on app.scraper_runs to tenant, workspace, analyst, analyst_all;
grant insert (organization_id, source, status, leads_found, leads_created, leads_updated, leads_rejected, error, details, rows_done, started_at, finished_at),
      update (status, leads_found, leads_created, leads_updated, leads_rejected, error, details, rows_done, finished_at)
   on app.scraper_runs to tenant;
grant select on api.scraper_runs to tenant, workspace, analyst, analyst_all;
grant insert (source, status, leads_found, leads_created, leads_updated, leads_rejected, error, details, started_at, finished_at),
      update (status, leads_found, leads_created, leads_updated, leads_rejected, error, details, finished_at)
   on api.scraper_runs to tenant;
