import type { TestDatabase } from './database.ts';

/** A CRM where nobody listens, in which this lead is as it is now, and this call a job, if one is given. */
export async function addPushed(
  db: TestDatabase,
  organization: string,
  lead: string,
  call: string | null = null,
  syncedAt = new Date().toISOString(),
): Promise<void> {
  await db.admin.query(
    `with connection as (
       insert into app.connections (organization_id, vendor, settings)
       values ($1, 'jobnimbus', '{"api_url":"http://127.0.0.1:9"}') returning *),
     record as (
       insert into app.crm_records (organization_id, connection_id, vendor, lead_id, state, external_id, last_synced_at, synced_hash)
       select $1, c.id, c.vendor, l.id, 'ok', 'jn_117422', $4::timestamptz, app.crm_hash(app.crm_lead(l), c.settings)
         from connection as c, app.leads as l where l.organization_id = $1 and l.id = $2 returning id)
     insert into app.crm_jobs (organization_id, record_id, call_id, external_id, made_at)
     select $1, r.id, c.id, 'jn_117423', now() from record as r, app.calls as c where c.organization_id = $1 and c.id = $3`,
    [organization, lead, call, syncedAt],
  );
}
