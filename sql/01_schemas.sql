-- Schemas. Everything after this file is created as trunkline_owner.
--
--   app      tables and domain functions
--   api      views and functions: what PostgREST, analysts and BI tools see
--   audit    the immutable record of every change
--   private  what no role may reach by name
--   eal …    one per contract: the wire shape of every resource
--   pgboss   the job queue's own tables (made and kept by pg-boss, owned by the worker)
do $$
declare
  wanted record;
begin
  execute format('grant create on database %I to trunkline_owner', current_database());
  for wanted in
    select * from (values
      ('app', 'trunkline_owner'), ('api', 'trunkline_owner'), ('audit', 'trunkline_owner'),
      ('private', 'trunkline_owner'), ('eal', 'trunkline_owner'), ('ai93', 'trunkline_owner'), ('pgboss', 'worker')
    ) as s (name, owner)
    where to_regnamespace(s.name) is null
  loop
    execute format('create schema %I authorization %I', wanted.name, wanted.owner);
  end loop;
end
$$;

-- Every login may call what PostgreSQL grants to PUBLIC. Some of it reaches across tenants: an advisory lock held by a reader
-- would hold up every writer that takes it, large objects, temporary tables and messages in the log fill the disk, a notification is heard
-- by all.
-- (Taking it back needs a superuser; where the administrator is none, the operator's logins keep these rights.)
do $$
declare
  reaching record;
begin
  execute format('revoke temporary on database %I from public', current_database());
  if not (select rolsuper from pg_roles where rolname = current_user) then
    return;
  end if;
  for reaching in
    select p.oid::regprocedure as signature
      from pg_proc as p
     where p.pronamespace = 'pg_catalog'::regnamespace
       and (p.proname ~ '^pg_(try_)?advisory_' or p.proname ~ '^lo_' or p.proname in ('lowrite', 'loread', 'pg_notify', 'pg_logical_emit_message'))
       and (has_function_privilege('public', p.oid, 'execute') or not has_function_privilege('workspace', p.oid, 'execute'))
  loop
    execute format('revoke execute on function %s from public', reaching.signature);
    execute format('grant execute on function %s to trunkline_owner, gateway, worker, tenant, workspace, anon', reaching.signature);
  end loop;
end
$$;

-- They come with PostgreSQL and are trusted, so no superuser is needed. pg_trgm: searching within words by an index;
-- btree_gin: the workspace as the first column of that index, so that a search reads nobody else's entries;
-- pgcrypto: HMAC, for signed addresses.
create extension if not exists pg_trgm;
create extension if not exists btree_gin;
create extension if not exists pgcrypto;

set local role trunkline_owner;

comment on schema app     is 'Tables and domain functions. Reached through roles under row-level security; never by analysts.';
comment on schema api     is 'Views and functions for PostgREST, analysts and BI tools. Every view runs with the rights of who reads it.';
comment on schema audit   is 'The immutable record of every change: monthly partitions, seven years, sealed every hour.';
comment on schema private is 'Machinery of the core. No role may reach it by name.';
comment on schema eal     is 'Wire shapes of the Expert AI Labs contract: one function per documented shape.';
comment on schema ai93    is 'Wire shapes of the AI93 contract: one function per documented shape.';

-- What is forgotten is refused: a new function can be called by nobody until it is granted.
alter default privileges for role trunkline_owner revoke execute on functions from public;


grant usage on schema api   to anon, tenant, workspace, analyst, analyst_all;
grant usage on schema app   to anon, tenant, workspace, gateway, worker;
grant usage on schema audit to tenant, worker;
grant usage on schema eal   to tenant, worker;
grant usage on schema ai93  to tenant, workspace, worker;

-- What has been applied, so that a start finds out with one look-up that there is nothing to do.
create table if not exists private.core_state (
  hash       text           not null,
  applied_at timestamptz(3) not null default now(),
  constraint core_state_pkey primary key (hash)
);
comment on table  private.core_state            is 'One row: which version of sql/ this database holds.';
comment on column private.core_state.hash       is 'SHA-256 over the files.';
comment on column private.core_state.applied_at is 'When they were applied.';

create table if not exists private.core_changes (
  name       text           not null,
  applied_at timestamptz(3) not null default now(),
  constraint core_changes_pkey primary key (name)
);
comment on table  private.core_changes            is 'Once-only steps of sql/changes that this database has behind it.';
comment on column private.core_changes.name       is 'File name.';
comment on column private.core_changes.applied_at is 'When it was applied.';

alter table private.core_state enable row level security;
alter table private.core_state force row level security;
alter table private.core_changes enable row level security;
alter table private.core_changes force row level security;
drop policy if exists "the core keeps its own state" on private.core_state;
create policy "the core keeps its own state" on private.core_state to trunkline_owner using (true) with check (true);
drop policy if exists "the core keeps its own history" on private.core_changes;
create policy "the core keeps its own history" on private.core_changes to trunkline_owner using (true) with check (true);

-- Columns of a view mean what the table's columns of the same name mean, and so have their comments.
create or replace function private.describe_columns(of_view regclass, from_table regclass) returns void
language plpgsql
set search_path = ''
as $$
declare
  described record;
begin
  for described in
    select v.attname as name, col_description(t.attrelid, t.attnum) as meaning
      from pg_catalog.pg_attribute as v
      join pg_catalog.pg_attribute as t on t.attrelid = from_table and t.attname = v.attname
     where v.attrelid = of_view and v.attnum > 0
  loop
    execute format('comment on column %s.%I is %L', of_view, described.name, described.meaning);
  end loop;
end
$$;

comment on function private.describe_columns is 'Gives a view''s columns the comments of the table''s columns of the same name.';
