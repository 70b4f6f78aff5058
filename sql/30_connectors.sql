-- Connections: what an organization has connected of an outside service (a vendor of connectors/), and the credentials of it.
-- Which fields a vendor has is said by its manifest there; here they are data.

create table if not exists app.connections (
  organization_id uuid           not null,
  id              uuid           not null default uuidv7(),
  vendor          text           not null,
  name            text           not null default 'default',
  settings        jsonb          not null default '{}',
  enabled         boolean        not null default true,
  token_hash      bytea,
  token_prefix    text,
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  constraint connections_pkey primary key (organization_id, id),
  -- one of each vendor for most; a business with three forms names them
  constraint connections_name_key unique (organization_id, vendor, name),
  constraint connections_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade,
  constraint connections_vendor   check (vendor ~ '^[a-z][a-z0-9-]{0,49}$'),
  constraint connections_name     check (name ~ '^[a-z0-9][a-z0-9_-]{0,49}$'),
  constraint connections_settings check (jsonb_typeof(settings) = 'object'),
  constraint connections_token    check (octet_length(token_hash) = 32 and token_prefix is not null or token_hash is null)
);

-- whoever calls a hook brings only the token
create index if not exists connections_by_token on app.connections using hash (token_hash);

comment on table  app.connections                 is 'What an organization has connected of an outside service. Credentials are apart, encrypted.';
comment on column app.connections.organization_id is 'Organization.';
comment on column app.connections.id              is 'Connection id.';
comment on column app.connections.vendor          is 'Outside service, as connectors/ names it, e.g. meta-lead-ads.';
comment on column app.connections.name            is 'Tells several connections of one vendor apart; default unless given.';
comment on column app.connections.settings        is 'Its settings, without secrets; what is left out has the vendor''s default.';
comment on column app.connections.enabled         is 'Whether hooks are accepted and processed; while it is not, what waits is kept.';
comment on column app.connections.token_hash      is 'SHA-256 of the token in its hook''s address; null: the vendor calls nothing.';
comment on column app.connections.token_prefix    is 'First characters of that token, to recognise it by.';
comment on column app.connections.created_at      is 'When it was made.';
comment on column app.connections.updated_at      is 'When it last changed.';
comment on constraint connections_name_key on app.connections is 'name: another connection of this vendor has this name';
comment on constraint connections_vendor   on app.connections is 'vendor: must be the name of a connector';
comment on constraint connections_name     on app.connections is 'name: lower-case letters, digits, - and _, at most 50';
comment on constraint connections_settings on app.connections is 'settings: must be an object';
comment on constraint connections_token    on app.connections is 'token_hash: must be a SHA-256, with its prefix';

-- Credentials, each encrypted by itself with a key that the database never sees, so that one can be replaced without reading
-- the others (AES-256-GCM; organization, vendor, connection and field are authenticated too, so a ciphertext copied to another
-- row does not decrypt there).
create table if not exists app.connection_secrets (
  organization_id uuid           not null,
  connection_id   uuid           not null,
  name            text           not null,
  ciphertext      bytea          not null,
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  constraint connection_secrets_pkey primary key (organization_id, connection_id, name),
  constraint connection_secrets_connection_fkey foreign key (organization_id, connection_id)
    references app.connections (organization_id, id) on delete cascade
);

comment on table  app.connection_secrets                 is 'Credentials of connections, encrypted.';
comment on column app.connection_secrets.organization_id is 'Organization.';
comment on column app.connection_secrets.connection_id   is 'Connection it is a credential of.';
comment on column app.connection_secrets.name            is 'Field of the vendor''s manifest.';
comment on column app.connection_secrets.ciphertext      is 'The credential, encrypted.';
comment on column app.connection_secrets.created_at      is 'When it was first set.';
comment on column app.connection_secrets.updated_at      is 'When it was last replaced.';

-- What hooks and polls leave behind. Apart from the connection, because every hook writes it and nobody audits it.
create table if not exists app.connection_health (
  organization_id  uuid           not null,
  connection_id    uuid           not null,
  last_received_at timestamptz(3),
  last_lead_at     timestamptz(3),
  last_error       text,
  last_error_at    timestamptz(3),
  failing_since    timestamptz(3),
  last_call_at     timestamptz(3),
  held_until       timestamptz(3),
  constraint connection_health_pkey primary key (organization_id, connection_id),
  constraint connection_health_connection_fkey foreign key (organization_id, connection_id)
    references app.connections (organization_id, id) on delete cascade
) with (fillfactor = 50);

comment on table  app.connection_health                  is 'How a connection has been doing.';
comment on column app.connection_health.organization_id  is 'Organization.';
comment on column app.connection_health.connection_id    is 'Connection.';
comment on column app.connection_health.last_received_at is 'When a hook of it was last accepted.';
comment on column app.connection_health.last_lead_at     is 'When it last made a lead.';
comment on column app.connection_health.last_error       is 'What went wrong last, without credentials.';
comment on column app.connection_health.last_error_at    is 'When that was.';
comment on column app.connection_health.failing_since    is 'First failure since the last success; null while it works.';
comment on column app.connection_health.last_call_at     is 'When it last told of a call.';
comment on column app.connection_health.held_until       is 'The service asked for a pause: nothing is sent to it before.';

create or replace trigger _100_touch before update on app.connections for each row execute function private.touch();
create or replace trigger _500_record after insert or update or delete on app.connections
  for each row execute function audit.record('connection', 'token_hash');
create or replace trigger _100_touch before update on app.connection_secrets for each row execute function private.touch();
create or replace trigger _500_record after insert or update or delete on app.connection_secrets
  for each row execute function audit.record('connection_secret', 'ciphertext');

alter table app.connections enable row level security;
alter table app.connections force row level security;
alter table app.connection_secrets enable row level security;
alter table app.connection_secrets force row level security;
alter table app.connection_health enable row level security;
alter table app.connection_health force row level security;

drop policy if exists "the core's own functions reach every connection" on app.connections;
create policy "the core's own functions reach every connection" on app.connections to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's connections" on app.connections;
create policy "a key sees its organization's connections" on app.connections for select to tenant
  using (organization_id = (select private.own('connectors')));
drop policy if exists "a database login sees its organization's connections" on app.connections;
create policy "a database login sees its organization's connections" on app.connections for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every connection" on app.connections;
create policy "a login for all sees every connection" on app.connections for select to analyst_all using (true);

drop policy if exists "the core's own functions reach every credential" on app.connection_secrets;
create policy "the core's own functions reach every credential" on app.connection_secrets to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees which credentials its organization has set" on app.connection_secrets;
create policy "a key sees which credentials its organization has set" on app.connection_secrets for select to tenant
  using (organization_id = (select private.own('connectors')));

drop policy if exists "the core's own functions keep every connection's health" on app.connection_health;
create policy "the core's own functions keep every connection's health" on app.connection_health to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its connections' health" on app.connection_health;
create policy "a key sees its connections' health" on app.connection_health for select to tenant
  using (organization_id = (select private.own('connectors')));
drop policy if exists "a database login sees its connections' health" on app.connection_health;
create policy "a database login sees its connections' health" on app.connection_health for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every connection's health" on app.connection_health;
create policy "a login for all sees every connection's health" on app.connection_health for select to analyst_all using (true);

-- A connection with what it takes to act for it; who may see it is decided by the functions that hand it out.
create or replace view private.opened_connections with (security_invoker = true) as
select c.organization_id, c.id, c.vendor, c.name, c.settings, c.enabled, c.token_hash, s.secret_names, s.ciphertexts
  from app.connections as c
 cross join lateral (
   select array_agg(x.name order by x.name) as secret_names, array_agg(x.ciphertext order by x.name) as ciphertexts
     from app.connection_secrets as x
    where x.organization_id = c.organization_id and x.connection_id = c.id
 ) as s;

comment on view   private.opened_connections                 is 'Connections with their credentials, encrypted: what named functions hand to gateway and worker.';
comment on column private.opened_connections.organization_id is 'Organization.';
comment on column private.opened_connections.id              is 'Connection id.';
comment on column private.opened_connections.vendor          is 'Outside service.';
comment on column private.opened_connections.name            is 'Its name.';
comment on column private.opened_connections.settings        is 'Its settings, without secrets.';
comment on column private.opened_connections.enabled         is 'Whether hooks are accepted and processed.';
comment on column private.opened_connections.token_hash      is 'SHA-256 of the token in its hook''s address.';
comment on column private.opened_connections.secret_names    is 'Fields that are credentials.';
comment on column private.opened_connections.ciphertexts     is 'The credentials, encrypted, in the order of secret_names.';

-- Scheme, host and port of an address; null for none. However many slashes, of whichever kind, stand before the host: who dials does not
-- count them.
create or replace function private.web_origin(address text) returns text
language sql immutable
set search_path = ''
as $$
  select lower(regexp_replace(address, '^ *([A-Za-z]+):[/\\]*([^/?#\\]*).*$', '\1://\2'))
   where address ~ '^ *[A-Za-z]+:'
$$;

comment on function private.web_origin is 'Scheme, host and port of an address; null for none.';

-- Connects, or changes what is connected: settings that are given replace those that are there, credentials that are not named stay.
--   settings                     null: those that are there, which a new connection has none of
--   required_settings            settings the vendor cannot do without, for a new connection that is given none
--   secret_names, ciphertexts    credentials to set, encrypted
--   removed_secrets              credentials to remove
--   required_secrets             credentials the vendor cannot do without
--   token_hash, token_prefix     of the hook's address; used when the connection is new. Null: the vendor calls nothing.
--   endpoints                    settings that are addresses which credentials are sent to, each with its default (or null).
--                                Whoever leads one to another host must bring all credentials anew: nobody is to read those that
--                                are kept by having them sent to a server of his own.
create or replace function app.save_connection(
  vendor text, name text, settings jsonb, enabled boolean, secret_names text[], ciphertexts bytea[], required_secrets text[],
  token_hash bytea, token_prefix text, endpoints jsonb default '{}', removed_secrets text[] default '{}', required_settings text[] default '{}',
  out connection app.connections, out created boolean, out secrets_set text[]
)
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant  uuid := private.writable('connectors', 'admin');
  before  app.connections;
  moved   text;
  missing text;
begin
  insert into app.connections (organization_id, vendor, name, settings, enabled, token_hash, token_prefix)
  values (tenant, save_connection.vendor, save_connection.name, coalesce(save_connection.settings, '{}'), coalesce(save_connection.enabled, true),
          save_connection.token_hash, save_connection.token_prefix)
  on conflict on constraint connections_name_key do nothing
  returning * into connection;
  created := connection.id is not null;
  if created and save_connection.settings is null and cardinality(required_settings) > 0 then
    perform app.fail(400, 'invalid_request', format('%s is required.', required_settings[1]),
                     jsonb_build_object('field', 'settings.' || required_settings[1], 'reason', 'is required'));
  end if;
  if not created then
    before := app.own_connection(tenant, save_connection.vendor, save_connection.name);
    settings := coalesce(save_connection.settings, before.settings);
    select e.key into moved from jsonb_each_text(endpoints) as e
     where private.web_origin(coalesce(before.settings ->> e.key, e.value))
           is distinct from private.web_origin(coalesce(save_connection.settings ->> e.key, e.value))
       and exists (select from app.connection_secrets as s
                    where s.organization_id = tenant and s.connection_id = before.id and s.name <> all (secret_names || removed_secrets))
     limit 1;
    if moved is not null then
      perform app.fail(400, 'invalid_request', format('%s leads to another host: give the credentials anew.', moved),
                       jsonb_build_object('field', 'settings.' || moved, 'reason', 'leads to another host; give all secrets anew'));
    end if;
    delete from app.connection_secrets as s
     where s.organization_id = tenant and s.connection_id = before.id and s.name = any (removed_secrets);
    update app.connections as c
       set settings = save_connection.settings, enabled = coalesce(save_connection.enabled, c.enabled)
     where c.organization_id = tenant and c.id = before.id
    returning * into connection;
    -- what the service asked for, it asked of the credentials and the address that were there
    update app.connection_health as h set held_until = null
     where h.organization_id = tenant and h.connection_id = before.id and h.held_until is not null;
  end if;
  insert into app.connection_secrets as s (organization_id, connection_id, name, ciphertext)
  select tenant, connection.id, given.name, given.ciphertext
    from unnest(save_connection.secret_names, save_connection.ciphertexts) as given (name, ciphertext)
  on conflict on constraint connection_secrets_pkey do update set ciphertext = excluded.ciphertext;

  select r into missing from unnest(required_secrets) as r
   where not exists (select from app.connection_secrets as s
                      where s.organization_id = tenant and s.connection_id = connection.id and s.name = r)
   limit 1;
  if missing is not null then
    perform app.fail(400, 'invalid_request', format('%s is required.', missing),
                     jsonb_build_object('field', 'secrets.' || missing, 'reason', 'is required'));
  end if;
  -- told from here, because the statement that called does not see what it changed
  secrets_set := array(select s.name from app.connection_secrets as s
                        where s.organization_id = tenant and s.connection_id = connection.id order by s.name);
end
$$;

comment on function app.save_connection is 'Connects an outside service, or changes what is connected; settings that are not given and credentials that are not named stay. 400 when a required one is missing, or when kept ones would be sent to another host.';

-- A connection of the calling organization by vendor and name, locked. Raises 404 when there is none.
create or replace function app.own_connection(tenant uuid, vendor text, name text) returns app.connections
language plpgsql
set search_path = ''
as $$
declare
  own app.connections;
begin
  select * into own from app.connections as c
   where c.organization_id = tenant and c.vendor = own_connection.vendor and c.name = own_connection.name
     for update;
  if own.id is null then
    perform app.fail(404, 'not_found', 'No such connection.');
  end if;
  return own;
end
$$;

comment on function app.own_connection is 'Connection of an organization by vendor and name, locked; 404 when there is none.';

-- Removes a connection with its credentials and what its hooks brought. Leads stay.
create or replace function app.delete_connection(vendor text, name text) returns uuid
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant uuid := private.writable('connectors', 'admin');
  own    app.connections := app.own_connection(tenant, vendor, name);
begin
  -- each credential's end is recorded while its connection is still there
  delete from app.connection_secrets as s where s.organization_id = tenant and s.connection_id = own.id;
  delete from app.connections as c where c.organization_id = tenant and c.id = own.id;
  return own.id;
end
$$;

comment on function app.delete_connection is 'Removes a connection with its credentials and receipts; its leads stay. 404 when there is none.';

-- Gives a connection's hook a new address; the one before is unknown at once.
create or replace function app.rotate_hook_token(vendor text, name text, token_hash bytea, token_prefix text) returns app.connections
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant uuid := private.writable('connectors', 'admin');
  own    app.connections := app.own_connection(tenant, vendor, name);
begin
  update app.connections as c set token_hash = rotate_hook_token.token_hash, token_prefix = rotate_hook_token.token_prefix
   where c.organization_id = tenant and c.id = own.id
  returning * into own;
  return own;
end
$$;

comment on function app.rotate_hook_token is 'Gives a connection''s hook a new address; the old one is unknown at once. 404 when there is no connection.';

-- The enabled connection whose hook has this token, with its credentials; no row for any other.
create or replace function app.find_hook(vendor text, hash bytea)
returns table (organization_id uuid, id uuid, vendor text, name text, settings jsonb, secret_names text[], ciphertexts bytea[])
language sql stable security definer
set search_path = ''
as $$
  select o.organization_id, o.id, o.vendor, o.name, o.settings, o.secret_names, o.ciphertexts
    from private.opened_connections as o
   where o.token_hash = hash and o.vendor = find_hook.vendor and o.enabled
$$;

comment on function app.find_hook is 'The enabled connection whose hook has this token, with its encrypted credentials; no row for any other.';

-- A connection with its credentials, to try it out. The gateway has checked who asks.
create or replace function app.open_connection(organization uuid, vendor text, name text)
returns table (organization_id uuid, id uuid, vendor text, name text, settings jsonb, secret_names text[], ciphertexts bytea[])
language sql stable security definer
set search_path = ''
as $$
  select o.organization_id, o.id, o.vendor, o.name, o.settings, o.secret_names, o.ciphertexts
    from private.opened_connections as o
   where o.organization_id = organization and o.vendor = open_connection.vendor and o.name = open_connection.name
$$;

comment on function app.open_connection is 'A connection with its encrypted credentials, to try it out; no row when there is none.';

-- The enabled connections of some vendors, the oldest first, with their credentials. For the worker, which acts for them.
create or replace function app.open_connections(organization uuid, vendors text[])
returns table (organization_id uuid, id uuid, vendor text, name text, settings jsonb, secret_names text[], ciphertexts bytea[])
language sql stable security definer
set search_path = ''
as $$
  select o.organization_id, o.id, o.vendor, o.name, o.settings, o.secret_names, o.ciphertexts
    from private.opened_connections as o
   where o.organization_id = organization and o.vendor = any (vendors) and o.enabled
   order by o.id
$$;

comment on function app.open_connections is 'The enabled connections of some vendors with their encrypted credentials, the oldest first.';

grant select (organization_id, id, vendor, name, settings, enabled, token_prefix, created_at, updated_at)
   on app.connections to tenant, analyst, analyst_all;
-- the ciphertext is written and read only by named functions
grant select (organization_id, connection_id, name, created_at, updated_at) on app.connection_secrets to tenant;
grant select (organization_id, connection_id, last_received_at, last_lead_at, last_error, last_error_at, failing_since, last_call_at, held_until)
   on app.connection_health to tenant, analyst, analyst_all;
grant execute on function app.save_connection, app.delete_connection, app.rotate_hook_token to tenant;
grant execute on function app.find_hook, app.open_connection to gateway;
grant execute on function app.open_connections to worker;
