-- API keys. At rest only a SHA-256 and a display prefix; the key itself is shown once and never stored.

create table if not exists app.api_keys (
  organization_id uuid           not null,
  id              uuid           not null default uuidv7(),
  contract        text           not null,
  environment     text           not null default 'live',
  name            text           not null,
  key_hash        bytea          not null,
  key_prefix      text           not null,
  scopes          text[]         not null,
  rate_per_minute integer,
  rate_burst      integer,
  expires_at      timestamptz(3),
  revoked_at      timestamptz(3),
  last_used_at    timestamptz(3),
  rotated_from    uuid,
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  reach           text           not null default 'organization',
  constraint api_keys_pkey primary key (organization_id, id),
  constraint api_keys_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade,
  constraint api_keys_rotated_from_fkey foreign key (organization_id, rotated_from) references app.api_keys (organization_id, id)
    on delete set null (rotated_from),
  constraint api_keys_contract    check (contract in ('eal', 'ai93', 'leadscraper')),
  constraint api_keys_environment check (environment in ('live', 'test')),
  constraint api_keys_name        check (name ~ '\S' and length(name) <= 100),
  constraint api_keys_hash        check (octet_length(key_hash) = 32),
  constraint api_keys_rate        check (rate_per_minute > 0 and rate_burst >= rate_per_minute),
  constraint api_keys_reach       check (reach = 'organization' or reach = 'workspace' and contract = 'ai93'),
  constraint api_keys_scopes      check (
    cardinality(scopes) > 0 and array_position(scopes, null) is null
    and case contract
          when 'eal'  then scopes <@ array['read', 'write', 'admin']
          when 'ai93' then scopes <@ array['leads:read', 'leads:write', 'leads:handoff', 'sources:read']
          else             scopes <@ array['read', 'write', 'delete']
        end)
);

-- a request brings only the key, so this is the one look-up without a tenant (190 random bits: no two are alike)
create index if not exists api_keys_by_hash on app.api_keys using hash (key_hash);
create index if not exists api_keys_newest on app.api_keys (organization_id, created_at desc, id desc);
-- the foreign key
create index if not exists api_keys_rotated_from on app.api_keys (organization_id, rotated_from) where rotated_from is not null;

comment on table  app.api_keys                 is 'API keys: hash, scopes and life of each. The key itself is never stored.';
comment on column app.api_keys.organization_id is 'Organization the key acts for.';
comment on column app.api_keys.id              is 'Key id, as the audit log names it.';
comment on column app.api_keys.contract        is 'eal | ai93 | leadscraper: the document its clients were written from.';
comment on column app.api_keys.environment     is 'live | test.';
comment on column app.api_keys.name            is 'What it is for.';
comment on column app.api_keys.key_hash        is 'SHA-256 of the key.';
comment on column app.api_keys.key_prefix      is 'First characters of the key, to recognise it by.';
comment on column app.api_keys.scopes          is 'Scopes in the contract''s own words.';
comment on column app.api_keys.rate_per_minute is 'Sustained requests a minute; null: the contract''s default.';
comment on column app.api_keys.rate_burst      is 'Most requests in any minute; null: the contract''s default.';
comment on column app.api_keys.expires_at      is 'When it stops by itself; null: never.';
comment on column app.api_keys.revoked_at      is 'When it was stopped.';
comment on column app.api_keys.last_used_at    is 'When it was last seen, to within a minute.';
comment on column app.api_keys.rotated_from    is 'The key this one replaces.';
comment on column app.api_keys.created_at      is 'When it was made.';
comment on column app.api_keys.updated_at      is 'When it last changed.';
comment on column app.api_keys.reach           is 'organization: locked to it · workspace: the organization and every child of it.';
comment on constraint api_keys_contract    on app.api_keys is 'contract: must be one of eal, ai93, leadscraper';
comment on constraint api_keys_environment on app.api_keys is 'environment: must be live or test';
comment on constraint api_keys_name        on app.api_keys is 'name: must not be blank, at most 100 characters';
comment on constraint api_keys_hash        on app.api_keys is 'key_hash: must be a SHA-256';
comment on constraint api_keys_scopes      on app.api_keys is 'scopes: at least one scope of the key''s contract';
comment on constraint api_keys_reach       on app.api_keys is 'reach: organization, or for a key of ai93 also workspace';
comment on constraint api_keys_rate        on app.api_keys is 'rate_burst: must be at least rate_per_minute';

-- Gateways hold keys in memory for a moment; this tells them to forget one. (It is a courtesy: private.tenant() asks the
-- table itself.)
create or replace function app.announce_key() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform pg_notify('trunkline_keys', encode(old.key_hash, 'hex'));
  return null;
end
$$;

comment on function app.announce_key is 'Trigger: tells gateways (channel trunkline_keys) to forget a key they hold in memory.';

-- Who reaches a whole workspace (a key, or a webhook endpoint) reads the children's rows without their grant. So only the operator
-- makes one, and only for the top.
create or replace function app.check_reach() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if new.reach <> 'workspace' then
    return new;
  end if;
  if private.claims() ? 'key_id' then
    perform app.fail(403, 'forbidden', 'Only the operator can give access to a whole workspace.');
  end if;
  perform from app.organizations as o where o.id = new.organization_id and o.parent_organization_id is not null;
  if found then
    perform app.fail(400, 'invalid_request', 'A business is no workspace: what is made for it is locked to it.',
      jsonb_build_object('field', 'reach', 'reason', 'workspace needs an organization without a parent'));
  end if;
  return new;
end
$$;

comment on function app.check_reach is 'Trigger: whole workspaces only for organizations without a parent, and only by the operator.';

create or replace trigger _200_check_reach before insert or update of reach, organization_id on app.api_keys
  for each row execute function app.check_reach();
create or replace trigger _100_touch before update of name, scopes, expires_at, revoked_at, rate_per_minute, rate_burst on app.api_keys
  for each row execute function private.touch();
create or replace trigger _500_record after insert or update or delete on app.api_keys
  for each row execute function audit.record('api_key', 'key_hash', 'last_used_at');
create or replace trigger _600_announce after update of scopes, expires_at, revoked_at, rate_per_minute, rate_burst or delete on app.api_keys
  for each row execute function app.announce_key();

alter table app.api_keys enable row level security;
alter table app.api_keys force row level security;
drop policy if exists "the core's own functions reach every key" on app.api_keys;
create policy "the core's own functions reach every key" on app.api_keys to trunkline_owner using (true) with check (true);
drop policy if exists "an admin key manages the keys of its organization" on app.api_keys;
create policy "an admin key manages the keys of its organization" on app.api_keys to tenant
  using (organization_id = (select private.writable('api_keys', 'admin')))
  with check (organization_id = (select private.writable('api_keys', 'admin')));

-- The key with this hash, whatever its state, for the gateway's key check; no row when there is none.
create or replace function app.authenticate(hash bytea)
returns table (organization_id uuid, key_id uuid, contract text, environment text, scopes text[],
               rate_per_minute integer, rate_burst integer, expires_at timestamptz, revoked_at timestamptz, reach text)
language sql stable security definer
set search_path = ''
as $$
  select k.organization_id, k.id, k.contract, k.environment, k.scopes,
         k.rate_per_minute, k.rate_burst, k.expires_at, k.revoked_at, k.reach
    from app.api_keys as k where k.key_hash = hash
$$;

comment on function app.authenticate is 'The key with this SHA-256, in force or not; no row when there is none. For the gateway''s key check only.';

-- Notes when keys were last seen. The gateway collects them and calls this once in a while, so that reading costs no write.
--   uses  [{"organization_id": …, "key_id": …, "at": …}]
create or replace function app.note_key_uses(uses jsonb) returns void
language sql security definer
set search_path = ''
as $$
  update app.api_keys as k
     set last_used_at = u.at
    from jsonb_to_recordset(uses) as u (organization_id uuid, key_id uuid, at timestamptz)
   where k.organization_id = u.organization_id and k.id = u.key_id
     and (k.last_used_at is null or k.last_used_at < u.at)
$$;

comment on function app.note_key_uses is 'Sets last_used_at of many keys at once: [{"organization_id","key_id","at"}].';

-- Makes a key for the request's organization from a hash that the gateway computed.
create or replace function app.create_key(
  contract text, environment text, name text, hash bytea, prefix text, scopes text[], expiry timestamptz, rotated_from uuid default null,
  reach text default 'organization'
) returns app.api_keys
language plpgsql
set search_path = ''
as $$
declare
  made app.api_keys;
begin
  if expiry <= now() then
    perform app.fail(400, 'invalid_request', 'The key would have expired already.',
      jsonb_build_object('field', 'expires_at', 'reason', 'must be in the future'));
  end if;
  insert into app.api_keys (organization_id, contract, environment, name, key_hash, key_prefix, scopes, expires_at, rotated_from, reach)
  values (app.tenant(), create_key.contract, create_key.environment, create_key.name, hash, prefix,
          array(select s from unnest(create_key.scopes) with ordinality as given (s, position) group by s order by min(position)), expiry, create_key.rotated_from,
          create_key.reach)
  returning * into made;
  return made;
end
$$;

comment on function app.create_key is 'Makes a key for the calling organization from the hash and display prefix the gateway computed.';

-- Replaces a key by a new one with the same rights; the old one stays in force for `overlap`.
-- Raises 404 when there is no such key in force.
create or replace function app.rotate_key(key_id uuid, hash bytea, prefix text, overlap interval) returns app.api_keys
language plpgsql
set search_path = ''
as $$
declare
  old_key app.api_keys;
  made    app.api_keys;
  expiry  timestamptz;
begin
  select k.expires_at into expiry from app.api_keys as k where k.organization_id = app.tenant() and k.id = key_id;
  update app.api_keys
     set expires_at = least(expires_at, now() + overlap),
         revoked_at = case when overlap <= interval '0' then now() end
   where organization_id = app.tenant() and id = key_id
     and revoked_at is null and (expires_at is null or expires_at > now())
  returning * into old_key;
  if old_key.id is null then
    perform app.fail(404, 'not_found', 'No such API key.');
  end if;
  insert into app.api_keys (organization_id, contract, environment, name, key_hash, key_prefix, scopes, rate_per_minute, rate_burst, expires_at, rotated_from, reach)
  values (old_key.organization_id, old_key.contract, old_key.environment, old_key.name, hash, prefix, old_key.scopes,
          old_key.rate_per_minute, old_key.rate_burst, expiry, old_key.id, old_key.reach)
  returning * into made;
  return made;
end
$$;

comment on function app.rotate_key is 'Replaces a key by a new one with the same rights; the old one stays in force for the overlap. 404 when there is none.';

-- Stops a key at once. Raises 404 when there is no such key in force.
create or replace function app.revoke_key(key_id uuid) returns app.api_keys
language plpgsql
set search_path = ''
as $$
declare
  stopped app.api_keys;
begin
  update app.api_keys set revoked_at = now()
   where organization_id = app.tenant() and id = key_id and revoked_at is null
  returning * into stopped;
  if stopped.id is null then
    perform app.fail(404, 'not_found', 'No such API key.');
  end if;
  return stopped;
end
$$;

comment on function app.revoke_key is 'Stops a key of the calling organization at once; 404 when there is none in force.';

grant select (organization_id, id, contract, environment, name, key_prefix, scopes, rate_per_minute, rate_burst, expires_at, revoked_at, last_used_at, rotated_from, created_at, updated_at, key_hash, reach),
      insert (organization_id, contract, environment, name, key_hash, key_prefix, scopes, rate_per_minute, rate_burst, expires_at, rotated_from, reach),
      update (expires_at, revoked_at)
   on app.api_keys to tenant;
grant execute on function app.authenticate, app.note_key_uses to gateway;
grant execute on function app.create_key, app.rotate_key, app.revoke_key to tenant;
