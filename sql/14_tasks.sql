-- Tasks: work that follows from a change and is not done in its transaction, because it takes long or waits for somebody else:
-- classify a call, fetch a recording, score a lead, push it to the CRM, send a message.
--
--   add_task ──► waiting ──relay──► a pg-boss job ──► done: the row is gone; what came of it is told by the row it was about
--                   ▲                   │
--                   └── asked for anew  └──► failed (again at run_at) ──► dead (given up; app.retry_tasks starts it anew)
--
-- A trigger adds the task in the transaction of the change, whoever made it, so that neither is there without the other. There is
-- one task of a kind for one row: asked for again while it waits, it is the same; while it is under way, it runs once more.

create table if not exists app.tasks (
  organization_id uuid           not null,
  id              uuid           not null default uuidv7(),
  kind            text           not null,
  subject_id      uuid           not null,
  version         integer        not null default 1,
  priority        integer        not null default 0,
  state           text           not null default 'waiting',
  enqueue         boolean        not null default true,
  attempts        integer        not null default 0,
  run_at          timestamptz(3) not null default now(),
  error           text,
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  constraint tasks_pkey primary key (organization_id, id),
  constraint tasks_subject_key unique (organization_id, kind, subject_id),
  constraint tasks_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade,
  constraint tasks_kind  check (kind ~ '^[a-z][a-z_]{0,49}$'),
  constraint tasks_state check (state in ('waiting', 'failed', 'dead'))
) with (fillfactor = 70);

-- what the relay takes next
create index if not exists tasks_relay on app.tasks (priority desc, id) where enqueue;

comment on table  app.tasks                 is 'Work that follows from changes and is not done yet. What is done is no longer here.';
comment on column app.tasks.organization_id is 'Organization it is done for.';
comment on column app.tasks.id              is 'Task id.';
comment on column app.tasks.kind            is 'What is to be done, e.g. score_lead.';
comment on column app.tasks.subject_id      is 'Row it is done with.';
comment on column app.tasks.version         is 'How often it was asked for; a run for an older version settles nothing.';
comment on column app.tasks.priority        is 'Higher first; 0 for what nobody waits for.';
comment on column app.tasks.state           is 'waiting (also while it runs) | failed (tried again) | dead (given up).';
comment on column app.tasks.enqueue         is 'Whether the relay has yet to make a job of it.';
comment on column app.tasks.attempts        is 'How often it failed since it was last asked for.';
comment on column app.tasks.run_at          is 'When it is due.';
comment on column app.tasks.error           is 'What went wrong last, without credentials.';
comment on column app.tasks.created_at      is 'When it was first asked for.';
comment on column app.tasks.updated_at      is 'When it last changed.';
comment on constraint tasks_kind  on app.tasks is 'kind: lower-case letters and _, at most 50';
comment on constraint tasks_state on app.tasks is 'state: must be waiting, failed or dead';

create or replace trigger _100_touch before update on app.tasks for each row execute function private.touch();

alter table app.tasks enable row level security;
alter table app.tasks force row level security;
drop policy if exists "the core's own functions reach every task" on app.tasks;
create policy "the core's own functions reach every task" on app.tasks to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's tasks" on app.tasks;
create policy "a key sees its organization's tasks" on app.tasks for select to tenant
  using (organization_id = (select private.tenant()));
drop policy if exists "a database login sees its organization's tasks" on app.tasks;
create policy "a database login sees its organization's tasks" on app.tasks for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every task" on app.tasks;
create policy "a login for all sees every task" on app.tasks for select to analyst_all using (true);

-- Asks for tasks of a kind, one for each subject. For triggers and functions of the core.
--   priority  higher first
--   run_at    not before; what is further away than ten years, infinity too, is ten years away: no job queue knows a later time
create or replace function app.add_tasks(organization uuid, kind text, subjects uuid[], priority integer default 0, run_at timestamptz default now())
returns void
language sql volatile security definer
set search_path = ''
as $$
  insert into app.tasks as t (organization_id, kind, subject_id, priority, run_at)
  -- in one order, so that two that ask for the same do not wait for each other
  select organization, add_tasks.kind, subject, add_tasks.priority, least(add_tasks.run_at, now() + interval '10 years') from (select distinct s as subject from unnest(subjects) as s) as d order by subject
  on conflict on constraint tasks_subject_key do update
     set version = t.version + 1, state = 'waiting', enqueue = true, attempts = 0, error = null,
         priority = greatest(t.priority, excluded.priority), run_at = excluded.run_at
$$;

comment on function app.add_tasks is 'Asks for tasks of a kind, one for each subject; one that waits already is the same task.';

-- The same for one subject.
create or replace function app.add_task(organization uuid, kind text, subject uuid, priority integer default 0, run_at timestamptz default now())
returns void
language sql volatile security definer
set search_path = ''
as $$ select app.add_tasks(organization, kind, array[subject], priority, run_at) $$;

comment on function app.add_task is 'Asks for a task of a kind about one subject.';

-- Takes up to `batch` tasks that need a job. The caller makes the jobs in the same transaction.
create or replace function app.relay_tasks(batch integer)
returns table (organization_id uuid, task_id uuid, kind text, version integer, priority integer, run_at timestamptz)
language plpgsql security definer
set search_path = ''
as $$
begin
  -- it is asked several times a second, and mostly for nothing
  perform from app.tasks as t where t.enqueue order by t.priority desc, t.id limit 1;
  if not found then return; end if;
  return query
  with due as materialized (
    select t.organization_id, t.id from app.tasks as t where t.enqueue order by t.priority desc, t.id limit batch for update skip locked
  )
  update app.tasks as t set enqueue = false
    from due
   where t.organization_id = due.organization_id and t.id = due.id
  returning t.organization_id, t.id, t.kind, t.version, t.priority, t.run_at::timestamptz;
end
$$;

comment on function app.relay_tasks is 'Takes a batch of tasks that need a job; the caller makes the jobs in the same transaction.';

-- The tasks of a job that are still to be done, as they were asked for: what was asked for anew has another job.
create or replace function app.open_tasks(organization uuid, tasks uuid[], versions integer[])
returns table (task_id uuid, subject_id uuid, version integer, attempt integer)
language sql stable security definer
set search_path = ''
as $$
  select t.id, t.subject_id, t.version, t.attempts + 1
    from unnest(tasks, versions) as given (id, version)
    join app.tasks as t on t.organization_id = organization and t.id = given.id and t.version = given.version
   where t.state <> 'dead'
$$;

comment on function app.open_tasks is 'Tasks of a job that are still to be done.';

-- Settles tasks: done, failed (again after `pause`), later (again after `pause`, nothing went wrong) or dead. Returns those that
-- it settled, with when the next job is due; what was asked for anew meanwhile is not among them, and has a job of its own.
create or replace function app.settle_tasks(organization uuid, tasks uuid[], versions integer[], outcome text, error text default null, pause interval default null)
returns table (task_id uuid, run_at timestamptz)
language plpgsql security definer
set search_path = ''
as $$
begin
  if outcome = 'done' then
    return query
    delete from app.tasks as t using unnest(tasks, versions) as given (id, version)
     where t.organization_id = organization and t.id = given.id and t.version = given.version
    returning t.id, null::timestamptz;
    return;
  end if;
  return query
  update app.tasks as t
     set state    = case outcome when 'dead' then 'dead' when 'failed' then 'failed' else 'waiting' end,
         attempts = t.attempts + case when outcome = 'later' then 0 else 1 end,
         error    = settle_tasks.error,
         run_at   = case when outcome = 'dead' then t.run_at else now() + pause end
    from unnest(tasks, versions) as given (id, version)
   where t.organization_id = organization and t.id = given.id and t.version = given.version
  returning t.id, case when outcome <> 'dead' then t.run_at::timestamptz end;
end
$$;

comment on function app.settle_tasks is 'Settles tasks as done, failed, later or dead; returns those that it settled and when their next job is due.';

-- Starts anew what was given up or waits for its next attempt: one kind, or all; one subject, or all. Returns how many.
create or replace function app.retry_tasks(kind text default null, subject uuid default null) returns bigint
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant  uuid := private.writable('organizations', 'admin');
  retried bigint;
begin
  update app.tasks as t set state = 'waiting', enqueue = true, attempts = 0, error = null, run_at = now(), version = t.version + 1
   where t.organization_id = tenant and t.state in ('failed', 'dead')
     and (retry_tasks.kind is null or t.kind = retry_tasks.kind) and (subject is null or t.subject_id = subject);
  get diagnostics retried = row_count;
  return retried;
end
$$;

comment on function app.retry_tasks is 'Starts tasks anew that were given up or wait for their next attempt; returns how many.';

create or replace view api.tasks with (security_invoker = true) as
select organization_id, id, kind, subject_id, state, attempts, error, run_at, created_at, updated_at from app.tasks;

comment on view api.tasks is 'Work that follows from changes and is not done yet, or was given up.';
select private.describe_columns('api.tasks', 'app.tasks');

grant select (organization_id, id, kind, subject_id, state, attempts, error, run_at, created_at, updated_at) on app.tasks to tenant, analyst, analyst_all;
grant select on api.tasks to tenant, analyst, analyst_all;
grant execute on function app.relay_tasks, app.open_tasks, app.settle_tasks to worker;
grant execute on function app.retry_tasks to tenant;
