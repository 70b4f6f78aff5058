-- The push itself, as the worker does it: claimed, made at the CRM outside of any transaction, settled.

-- Claims a record for whoever pushes it, with everything that takes: one at a time, also when it was asked for twice.
--   lease  longer than a push can take: until then nobody else begins, so that what was done and not recorded has arrived there
-- No row: there is nothing to do. With `wait`, somebody is at it for at most so many seconds; with `held`, the CRM asked for a pause of
-- so many seconds. Without a claim and wait, why it
-- cannot be done.
create or replace function app.claim_crm_push(organization uuid, record uuid, lease interval, out claim uuid, out wait integer, out held integer,
  out lead jsonb, out lead_due boolean, out external_id text, out hash bytea, out jobs jsonb, out connection_id uuid, out enabled boolean,
  out organization_id uuid, out vendor text, out name text, out settings jsonb, out secret_names text[], out ciphertexts bytea[])
returns setof record
language plpgsql security definer
set search_path = ''
as $$
declare
  own    app.crm_records;
  pushed app.leads;
begin
  select * into own from app.crm_records as r where r.organization_id = organization and r.id = record for update;
  if own.id is null then
    return;
  end if;
  if own.claimed_until > now() then
    wait := greatest(1, ceil(extract(epoch from own.claimed_until - now())));
    return next;
    return;
  end if;
  select * into pushed from app.leads as l where l.organization_id = organization and l.id = own.lead_id;
  select o.id, o.enabled, o.organization_id, o.vendor, o.name, o.settings, o.secret_names, o.ciphertexts
    into connection_id, enabled, organization_id, vendor, name, settings, secret_names, ciphertexts
    from private.opened_connections as o where o.organization_id = organization and o.id = own.connection_id;
  if connection_id is null then
    update app.crm_records as r set state = 'failed', last_error = 'The connection was removed.', last_error_at = now()
     where r.organization_id = organization and r.id = own.id and r.state <> 'ok';
    return;
  end if;
  held := (select ceil(extract(epoch from h.held_until - now())) from app.connection_health as h
            where h.organization_id = organization and h.connection_id = own.connection_id and h.held_until > now());
  if held is not null then
    return next;
    return;
  end if;
  lead := app.crm_lead(pushed);
  hash := app.crm_hash(lead, settings);
  external_id := own.external_id;
  lead_due := own.external_id is null or own.synced_hash is distinct from hash;
  -- a few at a time, so that the lease is long enough
  jobs := (select coalesce(jsonb_agg(jsonb_build_object('id', due.id, 'call', due.call) order by due.id), '[]')
             from (select j.id, app.crm_call(c) as call
                     from app.crm_jobs as j
                     join app.calls as c on c.organization_id = j.organization_id and c.id = j.call_id
                    where j.organization_id = organization and j.record_id = own.id and j.external_id is null
                    order by j.id limit 3) as due);
  if not lead_due and jobs = '[]' then
    -- what was still to do is gone
    update app.crm_records as r set state = 'ok', last_error = null
     where r.organization_id = organization and r.id = own.id and r.state <> 'ok';
    return;
  end if;
  claim := uuidv7();
  update app.crm_records as r set claim = claim_crm_push.claim, claimed_until = now() + lease, attempts = r.attempts + 1
   where r.organization_id = organization and r.id = own.id;
  return next;
end
$$;

comment on function app.claim_crm_push is 'Claims a record for a push, with the lead, its jobs, and the connection with its encrypted credentials; no row when there is nothing to do.';

-- Settles a claimed push.
--   pushed  {"external_id", "url", "hash"} of the lead, hash in hexadecimal; null when it was not pushed
--   made    [{"id", "external_id", "url"}] of the jobs that were made
--   error   what went wrong; null when nothing did
-- What was asked for anew meanwhile, or changed, has a task of its own. False: the claim was lost, and nothing is recorded.
create or replace function app.settle_crm_push(record uuid, claim uuid, pushed jsonb, made jsonb, error text) returns boolean
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  tenant uuid := private.writable('leads');
  own    app.crm_records;
  more   boolean;
begin
  perform from app.calls as c
    where c.organization_id = tenant
      and c.id in (select j.call_id from app.crm_jobs as j where j.organization_id = tenant and j.record_id = settle_crm_push.record)
    order by c.id for no key update;
  perform from app.leads as l
    where l.organization_id = tenant
      and l.id = (select r.lead_id from app.crm_records as r where r.organization_id = tenant and r.id = settle_crm_push.record)
      for no key update;
  select * into own from app.crm_records as r
   where r.organization_id = tenant and r.id = settle_crm_push.record and r.claim = settle_crm_push.claim
     for update;
  if own.id is null then
    return false;
  end if;

  update app.crm_jobs as j set external_id = m.external_id, url = m.url, made_at = now()
    from jsonb_to_recordset(made) as m (id uuid, external_id text, url text)
   where j.organization_id = tenant and j.record_id = own.id and j.id = m.id;

  update app.crm_records as r
     set external_id    = coalesce(pushed ->> 'external_id', r.external_id),
         url            = coalesce(pushed ->> 'url', r.url),
         synced_hash    = coalesce(decode(pushed ->> 'hash', 'hex'), r.synced_hash),
         last_synced_at = case when pushed is not null then now() else r.last_synced_at end
   where r.organization_id = tenant and r.id = own.id
  returning * into own;

  select error is null
         and (exists (select from app.crm_jobs as j where j.organization_id = tenant and j.record_id = own.id and j.external_id is null)
              or own.synced_hash <> app.crm_hash(app.crm_lead(l), c.settings))
    into more
    from app.leads as l, app.connections as c
   where l.organization_id = tenant and l.id = own.lead_id and c.organization_id = tenant and c.id = own.connection_id;
  update app.crm_records as r
     set state         = case when error is not null then 'failed' when more then 'pending' else 'ok' end,
         last_error    = settle_crm_push.error,
         last_error_at = case when error is not null then now() else r.last_error_at end,
         claim = null, claimed_until = null
   where r.organization_id = tenant and r.id = own.id;
  if more then
    perform app.add_task(tenant, 'push_to_crm', own.id, 1);
  end if;
  perform app.note_connection(tenant, own.connection_id, false, false, error);
  return true;
end
$$;

comment on function app.settle_crm_push is 'Settles a claimed push: what the CRM took, the jobs that were made, or what went wrong; false when the claim was lost.';

grant execute on function app.claim_crm_push to worker;
grant execute on function app.settle_crm_push to tenant;
