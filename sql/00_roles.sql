-- Roles. Nobody but these reaches the core, and none of them can log in and own anything at once.
--
--   trunkline_owner   owns every object; no login. Its security-definer functions are the only way across tenants.
--   gateway           login of the HTTP gateway: may become anon, tenant or workspace, and nothing else.
--   postgrest         login of PostgREST: may become anon, tenant or workspace, and nothing else.
--   worker            login of the background worker: may become tenant; crosses tenants only through named functions.
--   anon              a request without a key.
--   tenant            a request with a key: rows of one organization.
--   workspace         a request with a key that sees every business of a workspace: a parent organization and its children.
--   analyst           a person's own database login, bound to one organization. Reads only.
--   analyst_all       a person's own database login that reads every organization. Reads only.
--
-- Roles belong to the cluster, not to a database: another database of the same cluster may have made them already.
do $$
declare
  role record;
begin
  for role in
    select *
      from (values
        ('trunkline_owner', 'nologin'),
        ('anon',            'nologin'),
        ('tenant',          'nologin'),
        ('workspace',       'nologin'),
        ('analyst',         'nologin'),
        ('analyst_all',     'nologin'),
        ('gateway',         'login noinherit'),
        ('postgrest',       'login noinherit'),
        ('worker',          'login noinherit')
      ) as wanted (name, attributes)
     where not exists (select from pg_roles where rolname = wanted.name)
  loop
    begin
      execute format('create role %I %s', role.name, role.attributes);
    exception
      -- two databases of one cluster being set up at the same moment
      when duplicate_object or unique_violation then null;
    end;
  end loop;
end
$$;

-- Membership with SET but without INHERIT: a login has no right of its own until it says which role it takes.
do $$
declare
  membership record;
begin
  for membership in
    select *
      from (values
        ('anon', 'gateway'), ('tenant', 'gateway'), ('workspace', 'gateway'),
        ('anon', 'postgrest'), ('tenant', 'postgrest'), ('workspace', 'postgrest'),
        ('tenant', 'worker')
      ) as wanted (role, member)
     where not exists (
       select from pg_auth_members m
        where m.roleid = wanted.role::regrole and m.member = wanted.member::regrole
     )
  loop
    begin
      execute format('grant %I to %I with inherit false, set true', membership.role, membership.member);
    exception
      -- another database of the cluster was quicker
      when unique_violation then null;
    end;
  end loop;

  -- An administrator who is no superuser (a managed database) must be able to create objects as their owners.
  if not (select rolsuper from pg_roles where rolname = current_user) then
    if not pg_has_role(current_user, 'trunkline_owner', 'set') then
      execute format('grant trunkline_owner to %I with inherit true, set true', current_user);
    end if;
    if not pg_has_role(current_user, 'worker', 'set') then
      execute format('grant worker to %I with inherit true, set true', current_user);
    end if;
  end if;
end
$$;

-- PostgREST has no time-out of its own, and a query goes on when its client has left.
do $$
begin
  if not exists (select from pg_db_role_setting as s
                  where s.setrole = 'postgrest'::regrole and s.setdatabase = 0 and s.setconfig @> array['statement_timeout=10s']) then
    alter role postgrest set statement_timeout = '10s';
    alter role postgrest set idle_in_transaction_session_timeout = '10s';
  end if;
end
$$;
