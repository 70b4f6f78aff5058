-- Organizations: the tenants. One per franchise location or business; a parent may stand above several.
--
-- A parent creates its children and sees that they exist. Their data it reads only under a grant, which only the child gives.

create table if not exists app.organizations (
  id                     uuid           not null default uuidv7(),
  parent_organization_id uuid,
  name                   text           not null,
  slug                   text           not null,
  industry               text,
  settings               jsonb          not null default '{}',
  created_at             timestamptz(3) not null default now(),
  updated_at             timestamptz(3) not null default now(),
  constraint organizations_pkey primary key (id),
  -- what a grant refers to: only a child and its own parent
  constraint organizations_family_key unique (id, parent_organization_id),
  constraint organizations_parent_fkey foreign key (parent_organization_id) references app.organizations (id) on delete restrict,
  constraint organizations_name     check (name ~ '\S' and length(name) <= 200),
  constraint organizations_slug     check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  constraint organizations_industry check (length(industry) <= 100),
  constraint organizations_settings check (jsonb_typeof(settings) = 'object'),
  constraint organizations_parent   check (parent_organization_id <> id)
);

-- children of a parent, newest first
create index if not exists organizations_children on app.organizations (parent_organization_id, created_at desc, id desc);
-- slugs name a workspace in payloads; the index is not unique because a tenant must not learn which slugs others hold
create index if not exists organizations_by_slug on app.organizations (slug);

comment on table  app.organizations                        is 'Tenants. An organization may have a parent, which reads its data only under a grant.';
comment on column app.organizations.id                     is 'Organization id; the tenant id of every other table.';
comment on column app.organizations.parent_organization_id is 'The organization that created it, or null.';
comment on column app.organizations.name                   is 'Display name.';
comment on column app.organizations.slug                   is 'Short name for URLs and payloads: lower-case letters, digits, hyphens.';
comment on column app.organizations.industry               is 'Line of business, e.g. restoration.';
comment on column app.organizations.settings               is 'Settings by name; which exist is in app.setting_definitions.';
comment on column app.organizations.created_at             is 'When it was created.';
comment on column app.organizations.updated_at             is 'When it last changed.';
comment on constraint organizations_name     on app.organizations is 'name: must not be blank, at most 200 characters';
comment on constraint organizations_slug     on app.organizations is 'slug: lower-case letters, digits and hyphens, at most 63 characters';
comment on constraint organizations_industry on app.organizations is 'industry: at most 100 characters';
comment on constraint organizations_settings on app.organizations is 'settings: must be an object';
comment on constraint organizations_parent   on app.organizations is 'parent_organization_id: must be another organization';

-- Settings are data: a new one is a row here, and psql, PostgREST and the gateway refuse what is not.
create table if not exists app.setting_definitions (
  name        text not null,
  kind        text not null,
  description text not null,
  constraint setting_definitions_pkey primary key (name),
  constraint setting_definitions_kind check (kind in ('timezone', 'locale', 'toggles'))
);

comment on table  app.setting_definitions             is 'Settings an organization can have. The same for all, so it belongs to no organization.';
comment on column app.setting_definitions.name        is 'Setting name.';
comment on column app.setting_definitions.kind        is 'timezone: IANA name · locale: BCP 47 tag · toggles: object of vendor → true or false.';
comment on column app.setting_definitions.description is 'What it does.';

insert into app.setting_definitions (name, kind, description) values
  ('timezone',       'timezone', 'IANA time zone of the business, e.g. America/New_York.'),
  ('default_locale', 'locale',   'BCP 47 language tag, e.g. en-US.'),
  ('integrations',   'toggles',  'Integrations switched on or off: {"callrail": true}.')
on conflict (name) do update set kind = excluded.kind, description = excluded.description
  where (setting_definitions.kind, setting_definitions.description) is distinct from (excluded.kind, excluded.description);

-- Refuses settings that are not defined, or whose value is not of their kind.
create or replace function app.check_settings() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  setting record;
begin
  for setting in
    select s.key, s.value, d.kind
      from jsonb_each(new.settings) as s
      left join app.setting_definitions as d on d.name = s.key
  loop
    if setting.kind is null then
      perform app.fail(400, 'invalid_request', format('Unknown setting: %s.', setting.key),
        jsonb_build_object('field', 'settings.' || setting.key,
                           'reason', 'unknown setting; known are ' || (select string_agg(name, ', ' order by name) from app.setting_definitions)));
    elsif setting.kind = 'timezone' and not exists (
            select from pg_catalog.pg_timezone_names where name = setting.value #>> '{}' and name !~ '^(posix|right)/|^posixrules$') then
      perform app.fail(400, 'invalid_request', 'The time zone is not known.',
        jsonb_build_object('field', 'settings.' || setting.key, 'reason', 'must be an IANA time zone name, e.g. America/New_York'));
    elsif setting.kind = 'locale' and coalesce(setting.value #>> '{}', '') !~ '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$' then
      perform app.fail(400, 'invalid_request', 'The locale is not a language tag.',
        jsonb_build_object('field', 'settings.' || setting.key, 'reason', 'must be a BCP 47 language tag, e.g. en-US'));
    elsif setting.kind = 'toggles' and (jsonb_typeof(setting.value) <> 'object' or exists (
            select from jsonb_each(setting.value) t where jsonb_typeof(t.value) <> 'boolean')) then
      perform app.fail(400, 'invalid_request', 'Integrations are switched with true or false.',
        jsonb_build_object('field', 'settings.' || setting.key, 'reason', 'must be an object of integration names and true or false'));
    end if;
  end loop;
  return new;
end
$$;

create or replace trigger _100_touch before update on app.organizations for each row execute function private.touch();
create or replace trigger _200_check_settings before insert or update of settings on app.organizations
  for each row execute function app.check_settings();
create or replace trigger _500_record after insert or update or delete on app.organizations
  for each row execute function audit.record('organization');

alter table app.organizations enable row level security;
alter table app.organizations force row level security;
alter table app.setting_definitions enable row level security;
alter table app.setting_definitions force row level security;

drop policy if exists "the core's own functions reach every organization" on app.organizations;
create policy "the core's own functions reach every organization" on app.organizations to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization and the children of it" on app.organizations;
create policy "a key sees its organization and the children of it" on app.organizations for select to tenant
  using (id = (select private.tenant()) or parent_organization_id = (select private.tenant()));
drop policy if exists "an admin key creates children of its organization" on app.organizations;
create policy "an admin key creates children of its organization" on app.organizations for insert to tenant
  with check (parent_organization_id = (select private.writable('organizations', 'admin')));
drop policy if exists "an admin key changes its organization and the children of it" on app.organizations;
create policy "an admin key changes its organization and the children of it" on app.organizations for update to tenant
  using (id = (select private.writable('organizations', 'admin')) or parent_organization_id = (select private.writable('organizations', 'admin')));
drop policy if exists "a database login sees its organization" on app.organizations;
create policy "a database login sees its organization" on app.organizations for select to analyst
  using (id = (select private.login_organization()));
drop policy if exists "a login for all sees every organization" on app.organizations;
create policy "a login for all sees every organization" on app.organizations for select to analyst_all using (true);
drop policy if exists "everybody may know which settings exist" on app.setting_definitions;
create policy "everybody may know which settings exist" on app.setting_definitions for select using (true);
drop policy if exists "the core defines settings" on app.setting_definitions;
create policy "the core defines settings" on app.setting_definitions to trunkline_owner using (true) with check (true);

-- Changes name and settings of the own organization or a child. Settings are merged; a null removes one.
-- Raises 404 when the organization is neither.
create or replace function app.update_organization(organization uuid, new_name text, new_industry text, new_settings jsonb)
returns app.organizations
language plpgsql
set search_path = ''
as $$
declare
  updated app.organizations;
begin
  update app.organizations as o
     set name     = coalesce(new_name, o.name),
         industry = coalesce(new_industry, o.industry),
         settings = app.merge_settings(o.settings, new_settings)
   where o.id = organization
  returning * into updated;
  if updated.id is null then
    perform app.fail(404, 'not_found', 'No such organization.');
  end if;
  return updated;
end
$$;

comment on function app.update_organization is 'Changes name, industry and settings (merged) of the own organization or a child; 404 when it is neither.';

-- Merges one level deep, and toggles by name: {"integrations":{"callrail":true}} leaves the other toggles as they were.
create or replace function app.merge_settings(settings jsonb, changes jsonb) returns jsonb
language sql immutable
return coalesce((
  select jsonb_object_agg(key,
           case when jsonb_typeof(settings -> key) = 'object' and jsonb_typeof(changes -> key) = 'object'
                then jsonb_strip_nulls((settings -> key) || (changes -> key))
                else coalesce(changes -> key, settings -> key) end)
    from (select jsonb_object_keys(settings || coalesce(changes, '{}')) as key) as keys
   where coalesce(changes -> key, settings -> key) <> 'null'
), '{}');

comment on function app.merge_settings is 'Settings with changes applied: a null removes a setting, toggles are merged by name.';

-- A slug for a name: what remains of it in lower-case letters, digits and hyphens.
create or replace function app.slug(name text) returns text
language sql immutable
return coalesce(nullif(left(trim(both '-' from regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g')), 60), ''), 'organization');

-- Creates an organization without a parent; with one, a child. For the operator's command line only.
create or replace function app.create_organization(name text, industry text, slug text, parent uuid) returns app.organizations
language sql security definer
set search_path = ''
as $$
  insert into app.organizations (parent_organization_id, name, slug, industry)
  values (parent, create_organization.name, coalesce(create_organization.slug, app.slug(create_organization.name)), create_organization.industry)
  returning *
$$;

comment on function app.check_settings is 'Trigger: refuses settings that are not defined, or whose value is not of their kind.';
comment on function app.slug           is 'A slug for a name: lower-case letters, digits and hyphens.';
comment on function app.create_organization is 'Creates an organization, with or without a parent. For the operator''s command line only.';

grant select (id, parent_organization_id, name, slug, industry, settings, created_at, updated_at)
   on app.organizations to tenant, analyst, analyst_all;
grant insert (parent_organization_id, name, slug, industry, settings), update (name, industry, settings) on app.organizations to tenant;
grant select (name, kind, description) on app.setting_definitions to tenant, analyst, analyst_all;
grant execute on function app.update_organization, app.merge_settings, app.slug to tenant;
grant execute on function app.check_settings to tenant;

create or replace view api.organizations with (security_invoker = true) as
select id, parent_organization_id, name, slug, industry, settings, created_at, updated_at
  from app.organizations;

comment on view   api.organizations                        is 'Your organization, and the children it created.';
comment on column api.organizations.id                     is 'Organization id.';
comment on column api.organizations.parent_organization_id is 'The organization that created it, or null.';
comment on column api.organizations.name                   is 'Display name.';
comment on column api.organizations.slug                   is 'Short name for URLs and payloads.';
comment on column api.organizations.industry               is 'Line of business.';
comment on column api.organizations.settings               is 'Settings by name.';
comment on column api.organizations.created_at             is 'When it was created.';
comment on column api.organizations.updated_at             is 'When it last changed.';
grant select on api.organizations to tenant, analyst, analyst_all;
