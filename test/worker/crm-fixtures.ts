import { randomUUID } from 'node:crypto';
import { secretContext } from '../../src/connections/opened.ts';
import { createEncryption } from '../../src/security/encryption.ts';
import { TEST_ENCRYPTION_KEY, type TestDatabase } from '../support/database.ts';
import { claimsOf } from './fixtures.ts';

const encryption = createEncryption(TEST_ENCRYPTION_KEY);

/** Connects a CRM as the gateway does. Saved again, its settings are replaced. */
export async function connectCrm(
  db: TestDatabase,
  organization: string,
  vendor: string,
  settings: object,
  secrets: Record<string, string>,
  { name = 'default', enabled = true } = {},
): Promise<string> {
  const fields = Object.keys(secrets);
  const rows = await db.as<{ id: string }>(
    'tenant',
    claimsOf(organization),
    'select (connection).id from app.save_connection($1, $2, $3, $4, $5, $6, $7, null, null)',
    [
      vendor,
      name,
      JSON.stringify(settings),
      enabled,
      fields,
      fields.map((field) =>
        encryption.encrypt(secrets[field] as string, secretContext(organization, vendor, name, field)),
      ),
      fields,
    ],
  );
  return rows[0]?.id as string;
}

export interface CrmRow {
  id: string;
  vendor: string;
  state: string;
  external_id: string | null;
  url: string | null;
  attempts: number;
  last_error: string | null;
  next_attempt_at: Date | null;
  last_synced_at: Date | null;
}

/** Where a lead is in the CRM, as analysts see it; the newest first. */
export async function crmOf(db: TestDatabase, lead: string): Promise<CrmRow[]> {
  const { rows } = await db.admin.query<CrmRow>(
    'select * from api.crm_records where lead_id = $1 order by created_at desc, id desc',
    [lead],
  );
  return rows;
}

export async function addLead(db: TestDatabase, organization: string, columns: object = {}): Promise<string> {
  const lead = { name: 'Sarah Mitchell', email: `${randomUUID()}@example.com`, pipeline_stage: 'new', ...columns };
  const names = Object.keys(lead);
  const { rows } = await db.admin.query<{ id: string }>(
    `insert into app.leads (organization_id, ${names.join(', ')})
     values ($1, ${names.map((_, index) => `$${index + 2}`).join(', ')}) returning id`,
    [organization, ...Object.values(lead)],
  );
  return rows[0]?.id as string;
}

export async function addCall(db: TestDatabase, organization: string, columns: object = {}): Promise<string> {
  const call = { source: 'test', caller_number: '+14045550173', ...columns };
  const names = Object.keys(call);
  const { rows } = await db.admin.query<{ id: string }>(
    `insert into app.calls (organization_id, ${names.join(', ')})
     values ($1, ${names.map((_, index) => `$${index + 2}`).join(', ')}) returning id`,
    [organization, ...Object.values(call)],
  );
  return rows[0]?.id as string;
}

/** Asks for a push as dispatch does. */
export async function requestPush(db: TestDatabase, organization: string, lead: string, call: string | null = null) {
  const { rows } = await db.admin.query<{ id: string | null; state: string | null }>(
    'select * from app.push_lead($1, $2, $3)',
    [organization, lead, call],
  );
  return rows;
}
