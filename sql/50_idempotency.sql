-- Idempotency keys: the answer to a POST is kept for 24 hours under the key its client chose, and replayed.

create table if not exists app.idempotency_keys (
  organization_id uuid           not null,
  key_id          uuid           not null,
  idempotency_key text           not null,
  fingerprint     bytea          not null,
  status          integer        not null,
  answer          bytea          not null,
  created_at      timestamptz(3) not null default now(),
  expires_at      timestamptz(3) not null default now() + interval '24 hours',
  constraint idempotency_keys_pkey primary key (organization_id, key_id, idempotency_key),
  constraint idempotency_keys_key_fkey foreign key (organization_id, key_id) references app.api_keys (organization_id, id) on delete cascade,
  constraint idempotency_keys_length check (length(idempotency_key) between 1 and 255)
);

-- removal of what has expired
create index if not exists idempotency_keys_expiry on app.idempotency_keys (expires_at);

comment on table  app.idempotency_keys                 is 'Answers to POST requests, kept for 24 hours to be replayed.';
comment on constraint idempotency_keys_length on app.idempotency_keys is 'Idempotency-Key: 1 to 255 characters';
comment on column app.idempotency_keys.organization_id is 'Organization.';
comment on column app.idempotency_keys.key_id          is 'API key the request came with.';
comment on column app.idempotency_keys.idempotency_key is 'Idempotency-Key header.';
comment on column app.idempotency_keys.fingerprint     is 'SHA-256 of method, path and body.';
comment on column app.idempotency_keys.status          is 'HTTP status of the answer.';
comment on column app.idempotency_keys.answer          is 'Body of the answer, encrypted: it may hold a secret that is shown once.';
comment on column app.idempotency_keys.created_at      is 'When the request was answered.';
comment on column app.idempotency_keys.expires_at      is 'When the key can be used anew.';

alter table app.idempotency_keys enable row level security;
alter table app.idempotency_keys force row level security;
drop policy if exists "the core's own functions remove what has expired" on app.idempotency_keys;
create policy "the core's own functions remove what has expired" on app.idempotency_keys to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees and keeps its own answers" on app.idempotency_keys;
create policy "a key sees and keeps its own answers" on app.idempotency_keys to tenant, workspace
  using (organization_id = (select private.tenant()) and key_id = (select (private.claims() ->> 'key_id')::uuid))
  with check (organization_id = (select private.tenant()) and key_id = (select (private.claims() ->> 'key_id')::uuid));

-- Opens a request under an idempotency key, at the start of its transaction.
-- Returns the kept answer to replay, or nulls: the request is the first, and its transaction must end with keep_answer.
-- Raises 409 while another request with the key is under way, 422 when the key came with another request.
-- A crash or an error leaves nothing behind: the lock goes with the transaction, and the request may be sent again.
create or replace function app.claim_idempotency_key(wanted text, request_fingerprint bytea, out status integer, out answer bytea)
language plpgsql
set search_path = ''
as $$
declare
  kept app.idempotency_keys;
begin
  if not pg_try_advisory_xact_lock(hashtextextended(app.key_id() || ':' || wanted, 0)) then
    perform app.fail(409, 'conflict', 'A request with this Idempotency-Key is still being processed.',
      jsonb_build_object('field', 'Idempotency-Key', 'reason', 'in flight; try again shortly'));
  end if;
  select * into kept from app.idempotency_keys as k
   where k.organization_id = app.tenant() and k.key_id = app.key_id() and k.idempotency_key = wanted;
  if kept.expires_at <= now() then
    delete from app.idempotency_keys as k
     where k.organization_id = kept.organization_id and k.key_id = kept.key_id and k.idempotency_key = wanted;
    return;
  end if;
  if kept.fingerprint <> request_fingerprint then
    perform app.fail(422, 'unprocessable', 'This Idempotency-Key was used with another request.',
      jsonb_build_object('field', 'Idempotency-Key', 'reason', 'reused with another method, path or body'));
  end if;
  status := kept.status;
  answer := kept.answer;
end
$$;

comment on function app.claim_idempotency_key is 'Opens a request under an idempotency key: the answer to replay, or nulls for the first request; 409 in flight, 422 reused.';

-- Keeps the answer of the request, in its transaction.
create or replace function app.keep_answer(wanted text, request_fingerprint bytea, answer_status integer, answer bytea) returns void
language sql
set search_path = ''
as $$
  insert into app.idempotency_keys (organization_id, key_id, idempotency_key, fingerprint, status, answer)
  values (app.tenant(), app.key_id(), wanted, request_fingerprint, answer_status, keep_answer.answer)
$$;

comment on function app.keep_answer is 'Keeps the answer to a request under its idempotency key for 24 hours.';

grant select (organization_id, key_id, idempotency_key, fingerprint, status, answer, created_at, expires_at),
      insert (organization_id, key_id, idempotency_key, fingerprint, status, answer), delete
   on app.idempotency_keys to tenant, workspace;
grant execute on function app.claim_idempotency_key, app.keep_answer to tenant, workspace;
