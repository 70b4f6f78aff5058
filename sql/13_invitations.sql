-- Invitations: how a new child organization gets its first admin key. The link works once, for seven days.

create table if not exists app.invitations (
  organization_id uuid           not null,
  id              uuid           not null default uuidv7(),
  email           text           not null,
  token_hash      bytea          not null,
  expires_at      timestamptz(3) not null default now() + interval '7 days',
  accepted_at     timestamptz(3),
  accepted_key_id uuid,
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  constraint invitations_pkey primary key (organization_id, id),
  constraint invitations_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade,
  constraint invitations_key_fkey foreign key (organization_id, accepted_key_id) references app.api_keys (organization_id, id)
    on delete set null (accepted_key_id),
  constraint invitations_token check (octet_length(token_hash) = 32),
  constraint invitations_email check (email ~ '^[^\s@]+@[^\s@]+\.[^\s@]+$' and length(email) <= 254)
);

-- whoever opens the link brings only the token
create index if not exists invitations_by_token on app.invitations using hash (token_hash);
create index if not exists invitations_key on app.invitations (organization_id, accepted_key_id);

comment on table  app.invitations                 is 'Invitations of the first administrator of an organization.';
comment on column app.invitations.organization_id is 'Organization the invitation is for.';
comment on column app.invitations.id              is 'Invitation id.';
comment on column app.invitations.email           is 'Whom it was meant for.';
comment on column app.invitations.token_hash      is 'SHA-256 of the token in the link.';
comment on column app.invitations.expires_at      is 'When the link stops working.';
comment on column app.invitations.accepted_at     is 'When it was accepted.';
comment on column app.invitations.accepted_key_id is 'The key that accepting it made.';
comment on column app.invitations.created_at      is 'When it was made.';
comment on column app.invitations.updated_at      is 'When it last changed.';
comment on constraint invitations_token on app.invitations is 'token_hash: must be a SHA-256';
comment on constraint invitations_email on app.invitations is 'primary_admin_email: must be an email address';

create or replace trigger _100_touch before update on app.invitations for each row execute function private.touch();
create or replace trigger _500_record after insert or update or delete on app.invitations
  for each row execute function audit.record('invitation', 'token_hash');

alter table app.invitations enable row level security;
alter table app.invitations force row level security;
drop policy if exists "the core's own functions reach every invitation" on app.invitations;
create policy "the core's own functions reach every invitation" on app.invitations to trunkline_owner using (true) with check (true);

-- Creates a child of the calling organization and the invitation of its first administrator.
create or replace function app.create_child_organization(
  name text, industry text, settings jsonb, admin_email text, token_hash bytea,
  out organization app.organizations, out invitation app.invitations
)
language plpgsql security definer
set search_path = ''
as $$
declare
  parent uuid := private.writable('organizations', 'admin');
begin
  -- without a parent it would be nobody's
  if parent is null then
    perform app.fail(401, 'unauthorized', 'An organization is created by its parent.');
  end if;
  insert into app.organizations (parent_organization_id, name, slug, industry, settings)
  values (parent, create_child_organization.name, app.slug(create_child_organization.name),
          create_child_organization.industry, app.merge_settings('{}', create_child_organization.settings))
  returning * into organization;
  insert into app.invitations (organization_id, email, token_hash)
  values (organization.id, admin_email, create_child_organization.token_hash)
  returning * into invitation;
end
$$;

comment on function app.create_child_organization is 'Creates a child of the calling organization and the invitation of its first administrator (expires after 7 days).';

-- What an invitation is for, and whether it can still be accepted; no row for an unknown token.
create or replace function app.show_invitation(hash bytea)
returns table (organization_name text, email text, expires_at timestamptz, state text)
language sql stable security definer
set search_path = ''
as $$
  select o.name, i.email, i.expires_at,
         case when i.accepted_at is not null then 'accepted' when i.expires_at <= now() then 'expired' else 'open' end
    from app.invitations i
    join app.organizations o on o.id = i.organization_id
   where i.token_hash = hash
$$;

comment on function app.show_invitation is 'What an invitation is for and whether it is open, accepted or expired; no row for an unknown token.';

-- Accepts an invitation: makes the organization's first admin key from the hash the gateway computed. Works once.
-- Raises 404 for an unknown token, 409 when it was accepted before, 410 when it has expired.
create or replace function app.accept_invitation(hash bytea, key_hash bytea, key_prefix text)
returns table (organization_id uuid, organization_name text, key_id uuid)
language plpgsql security definer
set search_path = ''
as $$
declare
  invited app.invitations;
  made    app.api_keys;
begin
  select * into invited from app.invitations where token_hash = hash for update;
  if invited.id is null then
    perform app.fail(404, 'not_found', 'No such invitation.');
  elsif invited.accepted_at is not null then
    perform app.fail(409, 'conflict', 'This invitation has been accepted already.');
  elsif invited.expires_at <= now() then
    perform app.fail(410, 'gone', 'This invitation has expired. Ask the operator of this service for a key.');
  end if;
  insert into app.api_keys (organization_id, contract, name, key_hash, key_prefix, scopes)
  values (invited.organization_id, 'eal', 'First admin key', accept_invitation.key_hash, accept_invitation.key_prefix, array['admin', 'read', 'write'])
  returning * into made;
  update app.invitations i set accepted_at = now(), accepted_key_id = made.id
   where i.organization_id = invited.organization_id and i.id = invited.id;
  return query select o.id, o.name, made.id from app.organizations o where o.id = invited.organization_id;
end
$$;

comment on function app.accept_invitation is 'Accepts an invitation once: makes the first admin key. 404 unknown, 409 accepted before, 410 expired.';

grant execute on function app.create_child_organization to tenant;
grant execute on function app.show_invitation, app.accept_invitation to anon;
