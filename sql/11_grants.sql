-- Grants: a child lets its parent read some of its data, until it expires or is revoked. It never lets it write.

create table if not exists app.grants (
  organization_id        uuid           not null,
  id                     uuid           not null default uuidv7(),
  parent_organization_id uuid           not null,
  scopes                 text[]         not null,
  expires_at             timestamptz(3),
  revoked_at             timestamptz(3),
  created_at             timestamptz(3) not null default now(),
  updated_at             timestamptz(3) not null default now(),
  constraint grants_pkey primary key (organization_id, id),
  constraint grants_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade,
  -- only to its own parent: the pair must exist, so a key learns nothing of other organizations by trying
  constraint grants_parent_fkey foreign key (organization_id, parent_organization_id)
    references app.organizations (id, parent_organization_id) on delete cascade,
  constraint grants_scopes check (
    cardinality(scopes) > 0 and array_position(scopes, null) is null
    and scopes <@ array['leads.read', 'calls.read', 'audit_log.read'])
);

-- asked by every statement of a parent that reads a child
create index if not exists grants_in_force on app.grants (organization_id, parent_organization_id) where revoked_at is null;
-- the foreign key, and the list of children
create index if not exists grants_parent on app.grants (parent_organization_id, organization_id);

comment on table  app.grants                        is 'What a child organization lets its parent read.';
comment on column app.grants.organization_id        is 'The child that grants.';
comment on column app.grants.id                     is 'Grant id.';
comment on column app.grants.parent_organization_id is 'The parent that may read.';
comment on column app.grants.scopes                 is 'leads.read, calls.read, audit_log.read.';
comment on column app.grants.expires_at             is 'When it ends by itself; null: never.';
comment on column app.grants.revoked_at             is 'When the child ended it.';
comment on column app.grants.created_at             is 'When it was given.';
comment on column app.grants.updated_at             is 'When it last changed.';
comment on constraint grants_scopes on app.grants is 'scopes: at least one of leads.read, calls.read, audit_log.read';

create or replace trigger _100_touch before update on app.grants for each row execute function private.touch();
create or replace trigger _500_record after insert or update or delete on app.grants for each row execute function audit.record('grant');

alter table app.grants enable row level security;
alter table app.grants force row level security;
drop policy if exists "the core's own functions reach every grant" on app.grants;
create policy "the core's own functions reach every grant" on app.grants to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees the grants its organization gave or was given" on app.grants;
create policy "a key sees the grants its organization gave or was given" on app.grants for select to tenant
  using (organization_id = (select private.tenant()) or parent_organization_id = (select private.tenant()));
drop policy if exists "only an admin key of the child grants" on app.grants;
create policy "only an admin key of the child grants" on app.grants for insert to tenant
  with check (organization_id = (select private.writable('organizations', 'admin')));
drop policy if exists "only an admin key of the child revokes" on app.grants;
create policy "only an admin key of the child revokes" on app.grants for update to tenant
  using (organization_id = (select private.writable('organizations', 'admin')));

-- Gives the parent a grant. Only the child itself may, and only to its parent.
--   raises 404 when the organization is not visible, 403 when it is not the caller's own, 400 when the parent is another
create or replace function app.give_grant(organization uuid, parent uuid, granted_scopes text[], expiry timestamptz)
returns app.grants
language plpgsql
set search_path = ''
as $$
declare
  child app.organizations;
  given app.grants;
begin
  select * into child from app.organizations where id = organization;
  if child.id is null then
    perform app.fail(404, 'not_found', 'No such organization.');
  elsif child.id <> app.tenant() then
    perform app.fail(403, 'forbidden', 'Only the child organization itself may grant access to its data.');
  elsif child.parent_organization_id is distinct from parent then
    perform app.fail(400, 'invalid_request', 'A grant can only be given to the parent organization.',
      jsonb_build_object('field', 'parent_organization_id', 'reason', 'is not the parent of this organization'));
  elsif expiry <= now() then
    perform app.fail(400, 'invalid_request', 'The grant would have expired already.',
      jsonb_build_object('field', 'expires_at', 'reason', 'must be in the future'));
  end if;
  insert into app.grants (organization_id, parent_organization_id, scopes, expires_at)
  values (organization, parent, array(select s from unnest(granted_scopes) with ordinality as given (s, position) group by s order by min(position)), expiry)
  returning * into given;
  return given;
end
$$;

comment on function app.give_grant is 'The calling child gives its parent a grant; 404, 403 or 400 when it is not the caller''s to give.';

-- Ends a grant at once. Raises 404 when it is not the calling organization's, or has ended already.
create or replace function app.revoke_grant(organization uuid, grant_id uuid) returns app.grants
language plpgsql
set search_path = ''
as $$
declare
  ended app.grants;
begin
  update app.grants set revoked_at = now()
   where organization_id = organization and id = grant_id and revoked_at is null
  returning * into ended;
  if ended.id is null then
    perform app.fail(404, 'not_found', 'No such grant.');
  end if;
  return ended;
end
$$;

comment on function app.revoke_grant is 'Ends a grant of the calling organization at once; 404 when there is none.';

grant select (organization_id, id, parent_organization_id, scopes, expires_at, revoked_at, created_at, updated_at),
      insert (organization_id, parent_organization_id, scopes, expires_at),
      update (revoked_at)
   on app.grants to tenant;
grant execute on function app.give_grant, app.revoke_grant to tenant;
