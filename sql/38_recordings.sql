-- Recordings of calls: fetched from the tracker into a storage of our own, and heard through signed addresses.
--
--   recording_source_url ──task fetch_recording──► storage: recordings/<organization>/<call> ──► recording_key
--   {public url}/recordings/<call>?exp=<unix seconds>&sig=<HMAC-SHA256>        valid for an hour, for this call alone
--
-- The address is signed here, so that it is the same wherever a call is shown: in an answer, in a webhook, in psql.

create table if not exists private.installation (
  sole        boolean        not null default true,
  signing_key bytea          not null,
  public_url  text           not null default '',
  noted_at    timestamptz(3) not null default now(),
  constraint installation_pkey primary key (sole),
  constraint installation_one check (sole)
);

comment on table  private.installation             is 'One row: what this installation signs addresses with, and how the outside reaches it.';
comment on column private.installation.sole        is 'Always true: there is one row.';
comment on column private.installation.signing_key is 'Key of the HMAC in signed addresses; random, made once.';
comment on column private.installation.public_url  is 'How the outside reaches the gateway, without a slash at its end; empty until a gateway has said so.';
comment on column private.installation.noted_at    is 'When the address last changed.';
comment on constraint installation_one on private.installation is 'sole: there is one row';

alter table private.installation enable row level security;
alter table private.installation force row level security;
drop policy if exists "the core's own functions use it" on private.installation;
create policy "the core's own functions use it" on private.installation to trunkline_owner using (true) with check (true);

insert into private.installation (signing_key) values (public.gen_random_bytes(32)) on conflict do nothing;

-- Says how the outside reaches the gateway. A gateway does so when it starts.
create or replace function app.note_public_url(url text) returns void
language sql volatile security definer
set search_path = ''
as $$ update private.installation set public_url = url, noted_at = now() where public_url <> url $$;

comment on function app.note_public_url is 'Says how the outside reaches the gateway.';

-- HMAC of a call's recording and the time its address ends; base64url without padding.
create or replace function private.recording_signature(organization uuid, call uuid, expires bigint) returns text
language sql stable security definer
set search_path = ''
as $$
  select translate(encode(public.hmac(convert_to(format('recording %s %s %s', organization, call, expires), 'UTF8'), i.signing_key, 'sha256'), 'base64'), '+/=', '-_')
    from private.installation as i
$$;

comment on function private.recording_signature is 'Signature in the address of a call''s recording.';

-- Address of a call's recording, valid for an hour; null when there is none yet, or for a request that may not read the call.
create or replace function app.recording_url(organization uuid, call uuid, recording_key text) returns text
language plpgsql stable security definer
set search_path = ''
as $$
declare
  expires constant bigint := floor(extract(epoch from now())) + 3600;
begin
  -- whoever has claims signs for no other organization; without claims, it is the core itself
  if recording_key is null or private.claims() is not null and organization is distinct from private.readable('calls') then
    return null;
  end if;
  return (select i.public_url from private.installation as i)
      || format('/recordings/%s?exp=%s&sig=%s', substr(app.typeid('call', call), 6), expires,
                private.recording_signature(organization, call, expires));
end
$$;

comment on function app.recording_url is 'Signed address of a call''s recording, valid for an hour; null when there is none.';

-- The recording that a signed address is for. No row when the call has none, the time is over or the signature is another's.
create or replace function app.open_recording(call uuid, expires bigint, signature text)
returns table (storage_key text, media_type text)
language sql stable security definer
set search_path = ''
as $$
  select c.recording_key, c.recording_type
    from app.calls as c
   where c.id = open_recording.call
     and c.recording_key is not null
     and expires between extract(epoch from now()) and extract(epoch from now()) + 3700
     -- compared by their hashes, so that how long it takes says nothing
     and sha256(convert_to(signature, 'UTF8')) = sha256(convert_to(private.recording_signature(c.organization_id, c.id, expires), 'UTF8'))
$$;

comment on function app.open_recording is 'Where the recording of a signed address is stored; no row when the address is not, or no longer, valid.';

-- a signed address names no organization
create index if not exists calls_by_id on app.calls (id) where recording_key is not null;

-- Asks for a recording that a tracker told of. The query of its address is left out of the comparison: a tracker that signs its own
-- addresses tells a new one every time.
create or replace function app.ask_for_recording() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if new.recording_source_url is not null
     and (tg_op = 'INSERT' or split_part(new.recording_source_url, '?', 1) is distinct from split_part(old.recording_source_url, '?', 1)) then
    perform app.add_task(new.organization_id, 'fetch_recording', new.id, 5);
  end if;
  return null;
end
$$;

comment on function app.ask_for_recording is 'Trigger: asks for the recording that a call was told to have.';

create or replace trigger _600_recording after insert or update of recording_source_url on app.calls
  for each row execute function app.ask_for_recording();

-- A removed call's recording is removed too.
create or replace function app.remove_recording() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if old.recording_key is not null then
    perform app.add_task(old.organization_id, 'remove_recording', old.id);
  end if;
  return null;
end
$$;

comment on function app.remove_recording is 'Trigger: asks that the recording of a removed call be removed.';

create or replace trigger _600_remove_recording after delete on app.calls for each row execute function app.remove_recording();

grant execute on function app.note_public_url, app.open_recording to gateway;
grant execute on function app.recording_url to tenant, worker;
