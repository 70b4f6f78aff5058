-- What DBAs, analysts and keys see of the CRM, and do with it.

create or replace view api.crm_records with (security_invoker = true) as
select r.organization_id, r.id, r.connection_id, r.vendor, r.lead_id, l.name, l.company, l.email, l.pipeline_stage, r.state, r.external_id,
       r.url, r.attempts, r.last_error, r.last_error_at, t.run_at as next_attempt_at, r.requested_at, r.last_synced_at, r.created_at,
       r.updated_at
  from app.crm_records as r
  join app.leads as l on l.organization_id = r.organization_id and l.id = r.lead_id
  left join app.tasks as t on t.organization_id = r.organization_id and t.kind = 'push_to_crm' and t.subject_id = r.id and t.state <> 'dead';

comment on view api.crm_records is 'Leads in the CRM, how the last attempt went, and when the next one is.';
select private.describe_columns('api.crm_records', 'app.leads');
select private.describe_columns('api.crm_records', 'app.crm_records');
comment on column api.crm_records.next_attempt_at is 'When it is tried next; null: done, or given up until it is asked for again.';

create or replace view api.crm_jobs with (security_invoker = true) as
select j.organization_id, j.id, j.record_id, r.vendor, r.lead_id, j.call_id, j.external_id, j.url, j.made_at, j.created_at
  from app.crm_jobs as j
  join app.crm_records as r on r.organization_id = j.organization_id and r.id = j.record_id;

comment on view api.crm_jobs is 'Jobs in the CRM that were made for calls. One without external_id is still to be made; its record says why.';
select private.describe_columns('api.crm_jobs', 'app.crm_records');
select private.describe_columns('api.crm_jobs', 'app.crm_jobs');

-- Pushes one of your leads to the CRM. The worker does it; ask again, or look at api.crm_records, for what came of it.
create or replace function api.push_to_crm(lead_id uuid)
returns table (id uuid, vendor text, external_id text, status text, last_synced_at timestamptz)
language sql volatile
set search_path = ''
as $$ select r.lead_id, r.vendor, r.external_id, r.state, r.last_synced_at::timestamptz from app.push_to_crm(lead_id) as r $$;

comment on function api.push_to_crm is 'Pushes one of your leads to the CRM; status ok at once when it is there as it is now. 409 when no CRM is connected.';

grant select on api.crm_records, api.crm_jobs to tenant, analyst, analyst_all;
grant execute on function api.push_to_crm to tenant;
