-- Who asks, and for which organization. This is the only place that answers it; every policy asks here.
--
-- A request carries its claims in request.jwt.claims, PostgREST's own setting; the gateway and the worker set the same:
--   organization_id         the organization the request acts for
--   key_id                  the API key it came with (none for the worker and the command line)
--   contract                the contract of that key
--   scopes                  what it may do: "leads.read", "leads.write", "webhooks.admin" … or "*"
--   reach                   "workspace": the request acts for the organization and every child of it (a workspace key)
--   target_organization_id  a child organization whose rows a parent wants to read
--   source                  api | cron | n8n | worker | system, as the audit log names it
--   correlation_id          request id
-- No claims: no rows.

create or replace function private.claims() returns jsonb
language sql stable
return nullif(current_setting('request.jwt.claims', true), '')::jsonb;

comment on function private.claims is 'Claims of the current request, or null. A pooled session holds '''' after the first local setting, which is no claim.';

-- Whether the claims hold any of the resource's scopes, or the one named action.
create or replace function private.holds(claims jsonb, resource text, action text default null) returns boolean
language sql immutable
return exists (
  select
    from jsonb_array_elements_text(claims -> 'scopes') as scope
   where scope = '*'
      or scope = resource || '.' || action
      or action is null and starts_with(scope, resource || '.')
);

comment on function private.holds is 'Whether claims hold the scope resource.action; with a null action, any scope of the resource.';

-- The organization the request acts for, or null without claims. Evaluated once a statement (as an InitPlan), so asking
-- the key's row here costs one index look-up and buys this: a revoked or expired key stops at once, on every process, and
-- even a JWT that was made for it a second ago is worth nothing.
-- Raises 401 when the key is not in force.
create or replace function private.tenant() returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
declare
  claims jsonb := private.claims();
begin
  if claims is null then
    return null;
  end if;
  if claims ? 'key_id' then
    perform from app.api_keys as k
      where k.organization_id = (claims ->> 'organization_id')::uuid
        and k.id = (claims ->> 'key_id')::uuid
        and k.revoked_at is null
        and (k.expires_at is null or k.expires_at > now());
    if not found then
      perform app.fail(401, 'unauthorized', 'The API key is not in force.');
    end if;
  end if;
  return (claims ->> 'organization_id')::uuid;
end
$$;

comment on function private.tenant is 'Organization the request acts for; null without claims; 401 when its key is revoked or expired.';

-- The organization of a request that holds a scope for the resource: for what no grant opens. Raises 403 without one.
create or replace function private.own(resource text) returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
declare
  own uuid := private.tenant();
begin
  if own is not null and not private.holds(private.claims(), resource) then
    perform app.fail(403, 'forbidden', format('The API key lacks the scope %s.read.', resource));
  end if;
  return own;
end
$$;

comment on function private.own is 'Organization of a request that holds a scope for the resource; 403 without one.';

-- The organization whose rows of this resource the request may read: its own, or the child it names, under a grant in force.
-- Raises 403 without a scope for the resource and 404 without a grant (whether the child exists is not told).
create or replace function private.readable(resource text) returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
declare
  claims jsonb := private.claims();
  own    uuid  := private.tenant();
  target uuid  := (claims ->> 'target_organization_id')::uuid;
begin
  if own is null then
    return null;
  end if;
  if not private.holds(claims, resource) then
    perform app.fail(403, 'forbidden', format('The API key lacks the scope %s.read.', resource));
  end if;
  if target is null or target = own then
    return own;
  end if;
  perform from app.grants as g
    where g.organization_id = target
      and g.parent_organization_id = own
      and g.scopes @> array[resource || '.read']
      and g.revoked_at is null
      and (g.expires_at is null or g.expires_at > now());
  if not found then
    perform app.fail(404, 'not_found', 'No such organization, or no grant from it is in force.',
                     jsonb_build_object('field', 'organization_id', 'reason', 'no grant in force'));
  end if;
  return target;
end
$$;

comment on function private.readable is 'Organization whose rows of the resource may be read: the own one, or the named child under a grant in force.';

-- The organization whose rows of this resource the request may change: always its own, with the right scope.
-- Raises 403 otherwise; a grant never covers writing.
create or replace function private.writable(resource text, action text default 'write') returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
declare
  claims jsonb := private.claims();
  own    uuid  := private.tenant();
begin
  if own is null then
    return null;
  end if;
  if not private.holds(claims, resource, action) then
    perform app.fail(403, 'forbidden', format('The API key lacks the scope %s.%s.', resource, action));
  end if;
  if (claims ->> 'target_organization_id')::uuid is distinct from own and claims ? 'target_organization_id' then
    perform app.fail(403, 'forbidden', 'A grant allows reading only.');
  end if;
  return own;
end
$$;

comment on function private.writable is 'Organization whose rows of the resource may be changed: the own one, given the scope resource.action.';

-- The workspace of a request that reaches all of it: the organization whose key it is, and its children. A parent reaches its
-- children's rows this way only with a key that the operator made for it; its other keys need a grant.
--   resource, action  as in private.holds; 403 without the scope
create or replace function private.workspace(resource text, action text default null) returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
declare
  claims jsonb := private.claims();
  own    uuid  := private.tenant();
begin
  if own is null then
    return null;
  end if;
  if not private.holds(claims, resource, action) then
    perform app.fail(403, 'forbidden', format('The API key lacks the scope %s.%s.', resource, coalesce(action, 'read')));
  end if;
  -- the claims say so, and the key's own row must too
  if claims ->> 'reach' is distinct from 'workspace' or claims ? 'key_id' and not exists (
       select from app.api_keys as k
        where k.organization_id = own and k.id = (claims ->> 'key_id')::uuid and k.reach = 'workspace') then
    perform app.fail(403, 'forbidden', 'The API key is locked to one business.');
  end if;
  return own;
end
$$;

comment on function private.workspace is 'Workspace whose rows of the resource the request may read (or, with an action, change); 403 without the scope or the reach.';

-- Every organization of the request's workspace: for tables whose rows are looked up by what they belong to.
create or replace function private.businesses(resource text, action text default null) returns uuid[]
language plpgsql stable security definer
set search_path = ''
as $$
declare
  own uuid := private.workspace(resource, action);
begin
  return array(select o.id from app.organizations as o where o.parent_organization_id = own) || own;
end
$$;

comment on function private.businesses is 'Organizations of the request''s workspace, as private.workspace finds it.';

-- The organization that a request means: the one it names, or its own.
-- Raises 404 for one that it does not reach; whether that one exists is not told.
create or replace function app.business(wanted uuid) returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
declare
  own uuid := private.tenant();
begin
  if wanted is null or wanted = own then
    return own;
  end if;
  if private.claims() ->> 'reach' = 'workspace' then
    perform from app.organizations as o where o.id = wanted and o.parent_organization_id = own;
    if found then
      return wanted;
    end if;
  end if;
  perform app.fail(404, 'not_found', 'No such business.', jsonb_build_object('field', 'businessId', 'reason', 'is not a business that the key reaches'));
end
$$;

comment on function app.business is 'Organization that a request means: the named one, or with null its own; 404 for one that it does not reach.';

-- A person's own database login, bound to an organization. The login is what was authenticated, so nothing that the
-- session can set is asked.
create table if not exists private.database_logins (
  login           name           not null,
  organization_id uuid           not null,
  created_at      timestamptz(3) not null default now(),
  constraint database_logins_pkey primary key (organization_id, login)
);

-- looked up by login at every statement of an analyst
create index if not exists database_logins_login on private.database_logins (login);

comment on table  private.database_logins                 is 'Database logins of people and BI tools, each bound to one organization.';
comment on column private.database_logins.login           is 'Role name; a member of analyst.';
comment on column private.database_logins.organization_id is 'The organization whose rows the login sees.';
comment on column private.database_logins.created_at      is 'When it was made.';

alter table private.database_logins enable row level security;
alter table private.database_logins force row level security;
drop policy if exists "the core's own functions look up a login" on private.database_logins;
create policy "the core's own functions look up a login" on private.database_logins to trunkline_owner using (true) with check (true);

-- A login that two rows bind to different organizations sees neither: the tables say nothing sure about it. (The body is
-- parsed when it is made, so no temporary object of the session can stand in for a name in it.)
create or replace function private.login_organization() returns uuid
language sql stable security definer
set search_path = ''
return (
  select (array_agg(l.organization_id))[1]
    from private.database_logins as l
   where l.login = session_user
  having count(*) = 1
);

comment on function private.login_organization is 'Organization the session''s login is bound to; null when it is bound to none, or to more than one.';

-- Policies call these as the role that reads; they live in a schema that no role can name.
grant execute on function private.tenant, private.own, private.readable, private.writable to tenant;
grant execute on function private.tenant, private.workspace, private.businesses to workspace;
grant execute on function private.login_organization to analyst;

-- The same for functions that run with the rights of their caller, which cannot name private.
create or replace function app.tenant() returns uuid
language sql stable
return private.tenant();

comment on function app.tenant is 'Organization the request acts for; null without claims; 401 when its key is revoked or expired.';

create or replace function app.key_id() returns uuid
language sql stable
return (private.claims() ->> 'key_id')::uuid;

comment on function app.key_id is 'API key the request came with; null when it came with none.';

grant execute on function private.claims to tenant, workspace;
grant execute on function app.tenant, app.key_id, app.business to tenant, workspace;
-- asked in the statement that takes the role, so before it is taken
grant execute on function app.tenant, private.tenant to gateway;

-- Every row-changing table has this as its first trigger: updated_at moves when, and only when, a column changed.
create or replace function private.touch() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  -- compares bytes: not every type has an equality (jsonpath has none)
  if new *<> old then
    new.updated_at := greatest(now(), old.updated_at);
  end if;
  return new;
end
$$;

comment on function private.touch is 'Trigger: moves updated_at when, and only when, a column changed.';
