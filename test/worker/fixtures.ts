import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { createEncryption } from '../../src/security/encryption.ts';
import { createAddressGuard } from '../../src/webhooks/address-guard.ts';
import { generateSigningSecret, secretPrefix } from '../../src/webhooks/signing.ts';
import { startWorker, type Worker, type WorkerOptions } from '../../src/worker/worker.ts';
import { TEST_ENCRYPTION_KEY, type TestDatabase } from '../support/database.ts';
import { testStorage } from '../support/storage.ts';
import { until } from '../support/until.ts';

export { until };

const encryption = createEncryption(TEST_ENCRYPTION_KEY);

export const log = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });

/** A worker that may reach loopback, and whose clock runs in fractions of seconds. */
export function workerOptions(databaseUrl: string, changes: Partial<WorkerOptions> = {}): WorkerOptions {
  return {
    databaseUrl,
    encryption,
    guard: createAddressGuard({ allowHttp: true, allowSubnets: ['127.0.0.0/8'] }),
    storage: testStorage,
    retrySchedule: [0.2, 0.4],
    disableAfter: 86_400,
    outboxDir: join(tmpdir(), 'trunkline-test-outbox'),
    publicUrl: 'https://trunkline.example.com',
    log,
    relayPollMs: 20,
    queuePollMs: 50,
    // a test in which somebody never answers brings a shorter one; a busy machine alone is no reason to give up
    timeoutMs: 15_000,
    superviseSeconds: 1,
    tasks: { retrySchedule: [0.2, 0.4], pollMs: 50 },
    ...changes,
  };
}

export function startTestWorker(db: TestDatabase, changes: Partial<WorkerOptions> = {}): Promise<Worker> {
  return startWorker(workerOptions(db.loginUrl('worker'), changes));
}

export const claimsOf = (organizationId: string) => ({ organization_id: organizationId, scopes: ['*'] });

export async function createOrganization(db: TestDatabase): Promise<string> {
  const { rows } = await db.admin.query<{ id: string }>(
    "select (app.create_organization('Acme', 'restoration', $1, null)).id",
    [`acme-${randomUUID()}`],
  );
  return rows[0]?.id as string;
}

export interface Endpoint {
  id: string;
  secret: string;
}

export async function registerEndpoint(
  db: TestDatabase,
  organizationId: string,
  url: string,
  events = ['lead.created'],
): Promise<Endpoint> {
  const secret = generateSigningSecret();
  const secretId = randomUUID();
  const rows = await db.as<{ id: string }>(
    'tenant',
    claimsOf(organizationId),
    `select (endpoint).id from app.register_webhook('eal', $1, $2, null, null, $3, $4, $5)`,
    [url, events, secretId, encryption.encrypt(secret, `webhook_secret:${secretId}`), secretPrefix(secret)],
  );
  return { id: rows[0]?.id as string, secret };
}

/** Gives an endpoint a new secret and returns it. */
export async function rotateSecret(db: TestDatabase, organizationId: string, endpointId: string): Promise<string> {
  const secret = generateSigningSecret();
  const secretId = randomUUID();
  await db.as('tenant', claimsOf(organizationId), 'select app.rotate_webhook_secret($1, $2, $3, $4)', [
    endpointId,
    secretId,
    encryption.encrypt(secret, `webhook_secret:${secretId}`),
    secretPrefix(secret),
  ]);
  return secret;
}

/** Adds leads in plain SQL, as an administrator in psql would. Returns their ids. */
export async function addLeads(db: TestDatabase, organizationId: string, count = 1): Promise<string[]> {
  const { rows } = await db.admin.query<{ id: string }>(
    `insert into app.leads (organization_id, name, company, email)
     select $1, 'Sarah Mitchell', 'Mitchell Roofing', 'sarah' || n || '@example.com' from generate_series(1, $2::integer) as n
     returning id`,
    [organizationId, count],
  );
  return rows.map((row) => row.id);
}

export interface AttemptRow {
  id: string;
  public_id: string;
  delivery_id: string;
  attempt: number;
  status: string;
  response_status: number | null;
  response_body: string | null;
  error: string | null;
  attempted_at: Date;
  next_attempt_at: Date | null;
}

/** The delivery log of an endpoint, oldest first. */
export async function attemptsOf(db: TestDatabase, endpointId: string): Promise<AttemptRow[]> {
  const { rows } = await db.admin.query<AttemptRow>(
    `select a.*, app.typeid('whd', a.id) as public_id from app.delivery_attempts as a
      where endpoint_id = $1 order by attempted_at, attempt`,
    [endpointId],
  );
  return rows;
}

/** How many deliveries of an endpoint are in which state. */
export async function statesOf(db: TestDatabase, endpointId: string): Promise<Record<string, number>> {
  const { rows } = await db.admin.query<{ state: string; count: number }>(
    'select state, count(*)::integer from app.deliveries where endpoint_id = $1 group by state',
    [endpointId],
  );
  return Object.fromEntries(rows.map((row) => [row.state, row.count]));
}

/** Jobs of the delivery queue by state. */
export async function jobs(db: TestDatabase): Promise<Record<string, number>> {
  const { rows } = await db.admin.query<{ state: string; count: number }>(
    "select state::text, count(*)::integer from pgboss.job where name = 'webhook-delivery' group by state",
  );
  return Object.fromEntries(rows.map((row) => [row.state, row.count]));
}

/** Waits until nothing is left to be sent. */
export const everythingSent = (db: TestDatabase): Promise<unknown> =>
  until(async () => {
    const { rows } = await db.admin.query(
      "select (select count(*) from app.outbox) + (select count(*) from app.deliveries where state = 'pending') as left",
    );
    return rows[0].left === '0';
  }, 'everything being sent');
