import { createHash, randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { TestDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';

export { until };

export const NO_SUCH_ID = '00000000-0000-4000-8000-000000000000';

/** Claims as the gateway sets them: all scopes of one organization, unless told otherwise. */
export const claimsOf = (organization: string, more: object = {}): object => ({
  organization_id: organization,
  scopes: ['*'],
  source: 'api',
  correlation_id: 'corr_test',
  ...more,
});

export async function makeOrganization(db: TestDatabase, name = 'Acme', parent: string | null = null): Promise<string> {
  const { rows } = await db.admin.query('select (app.create_organization($1, $2, null, $3)).id', [
    name,
    'restoration',
    parent,
  ]);
  return rows[0].id;
}

export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** A key of the Expert AI Labs contract; returns its id. */
export async function makeKey(db: TestDatabase, organization: string, expiresAt: string | null = null) {
  const { rows } = await db.admin.query(
    `insert into app.api_keys (organization_id, contract, name, key_hash, key_prefix, scopes, expires_at)
     values ($1, 'eal', 'Test key', $2, 'eal_live_test', '{read}', $3) returning id`,
    [organization, sha256(randomUUID()), expiresAt],
  );
  return rows[0].id as string;
}

/** A lead, as an administrator in psql adds it; returns its id. */
export async function addLead(db: TestDatabase, organization: string, name = 'Sarah Mitchell'): Promise<string> {
  const { rows } = await db.admin.query(
    'insert into app.leads (organization_id, name, email) values ($1, $2, $3) returning id',
    [organization, name, 'sarah@example.com'],
  );
  return rows[0].id;
}

/** A key of AI93 that reaches a whole workspace, unless told otherwise; returns its id. */
export async function makeWorkspaceKey(db: TestDatabase, organization: string, reach = 'workspace'): Promise<string> {
  const { rows } = await db.admin.query(
    `insert into app.api_keys (organization_id, contract, name, key_hash, key_prefix, scopes, reach)
     values ($1, 'ai93', 'Test key', $2, 'ai93_live_test', '{leads:read}', $3) returning id`,
    [organization, sha256(randomUUID()), reach],
  );
  return rows[0].id;
}

/** A lead that replied and was handed off, and a run: rows in every table that a workspace key can name. */
export async function fillBusiness(db: TestDatabase, organization: string): Promise<string> {
  const lead = await addLead(db, organization);
  const own = claimsOf(organization, { key_id: await makeKey(db, organization) });
  await db.as('tenant', own, "select from app.hand_off_lead($1, 'krew', '{}')", [lead]);
  await db.as('tenant', own, "insert into app.lead_replies (lead_id, message) values ($1, 'Yes')", [lead]);
  await db.as('tenant', own, "insert into app.scraper_runs (source) values ('reddit')");
  await db.as('tenant', own, "select app.keep_answer('a', $1, 201, $2)", [sha256('request'), Buffer.from('answer')]);
  return lead;
}

/** An entry of the audit log as it would have been written at that time; returns its id. */
export async function pastEntry(database: TestDatabase, tenant: string, at: string | Date): Promise<string> {
  const { rows } = await database.admin.query(
    `insert into audit.platform_events (organization_id, id, action, source, correlation_id, payload, created_at)
     values ($1, uuidv7(), 'lead.updated', 'api', 'corr_past', '{"diff": {"lead_score": {"from": 1, "to": 2}}}', $2) returning id`,
    [tenant, at],
  );
  return rows[0].id;
}

export async function registerWebhook(
  db: TestDatabase,
  organization: string,
  url: string,
  events: string[] = ['lead.created'],
  retrySchedule: string[] | null = null,
): Promise<{ id: string; created: boolean; secretId: string }> {
  const secretId = randomUUID();
  const [row] = await db.as(
    'tenant',
    claimsOf(organization),
    `select (endpoint).id, created from app.register_webhook('eal', $1, $2, null, $3, $4, $5, 'whsec_test')`,
    [url, events, retrySchedule, secretId, Buffer.from(`secret of ${secretId}`)],
  );
  return { id: row?.id, created: row?.created, secretId };
}

export interface DueDelivery {
  delivery_id: string;
  organization_id: string;
  endpoint_id: string;
  attempt: number;
  suspect: boolean;
  claimed: number;
}

/** Runs the relay as the worker does. */
export const relay = (db: TestDatabase, batch = 1000): Promise<DueDelivery[]> =>
  db.as<DueDelivery & pg.QueryResultRow>('worker', null, 'select * from app.relay_outbox($1)', [batch]);

/** What a statement failed with: SQLSTATE, the sentence, the code for machines, and the field at fault. */
export interface Failure {
  code: string;
  message: string;
  hint: string | undefined;
  detail: { field: string; reason: string } | undefined;
}

/** The error of something that must fail. */
export async function failure(attempt: Promise<unknown>): Promise<Failure> {
  let answer: unknown;
  try {
    answer = await attempt;
  } catch (error) {
    const { code = '', message, hint, detail } = error as pg.DatabaseError;
    return { code, message, hint, detail: detail?.startsWith('{') ? JSON.parse(detail) : undefined };
  }
  throw new Error(`It was not refused, and answered ${JSON.stringify(answer)}`);
}

/** Waits until a backend waits for a lock. */
export const untilBlocked = (db: TestDatabase, pid: number): Promise<boolean> =>
  until(async () => {
    const { rows } = await db.admin.query("select from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'", [
      pid,
    ]);
    return rows.length > 0;
  }, 'the wait for a lock');
