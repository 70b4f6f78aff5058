import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { Worker } from '../../src/worker/worker.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { createOrganization, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startTestWorker, until } from '../worker/fixtures.ts';
import { CASES } from './cases.ts';
import { type Operator, receiptsOf, startOperator } from './fixtures.ts';
import { ACCOUNT, type ApiCall, callRailApi, callRailDelivery } from './vendors/callrail-api.ts';

// An organization with CallRail connected, and an API of CallRail's of its own, for every test of the file that imports this.

export const secrets = CASES.callrail?.secrets as { signing_key: string; api_key: string };
export let db: TestDatabase;
export let gateway: TestGateway;
export let operator: Operator;
export let service: Receiver;
export let organization: string;
let hook: string;
/** what the account has */
export const atCallRail: ApiCall[] = [];
const workers: Worker[] = [];

beforeAll(async () => {
  db = await createDatabase();
  gateway = await startTestGateway(db);
  operator = await startOperator(db);
});
beforeEach(async () => {
  atCallRail.splice(0);
  service = await startReceiver(callRailApi(() => atCallRail));
  organization = await createOrganization(db);
  hook = await operator.connect(organization, 'callrail', { settings: settings(), secrets });
});
afterEach(async () => {
  await stopWorkers();
  await service.close();
  // so that the workers of the next test are concerned with its organization alone
  await db.admin.query('update app.connections set enabled = false');
});
afterAll(async () => {
  await operator.stop();
  await gateway.stop();
  await db.drop();
});

export const settings = (more: object = {}): object => ({ api_url: service.url, account_id: ACCOUNT, ...more });

export async function worker(): Promise<Worker> {
  const started = await startTestWorker(db, {
    inbound: { pollMs: 20, retrySchedule: [0.01, 0.01] },
    polls: { pollMs: 20 },
    // what follows from a call is another matter
    tasks: { kinds: [] },
  });
  workers.push(started);
  return started;
}
export async function stopWorkers(): Promise<void> {
  for (const one of workers.splice(0)) await one.stop();
}

export const send = async (delivery: { body: string; headers: Record<string, string> }): Promise<number> =>
  (await gateway.request('POST', hook, delivery)).status;
export const deliver = (fields: object | string, type?: string): Promise<number> =>
  send(callRailDelivery(fields, secrets.signing_key, type));
export const settled = (state: string, count = 1): Promise<unknown> =>
  until(async () => (await receiptsOf(db, organization)).filter((one) => one.state === state).length === count, state);
/** Delivers one after the other, each processed before the next. */
export async function tell(...payloads: object[]): Promise<void> {
  const before = (await receiptsOf(db, organization)).length;
  for (const [index, payload] of payloads.entries()) {
    expect(await deliver(payload)).toBe(200);
    await settled('done', before + index + 1);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was stored
export const calls = async (): Promise<any[]> =>
  (await db.admin.query('select * from app.calls where organization_id = $1 order by received_at, id', [organization]))
    .rows;

/** How the connection is doing, and how far it is polled. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was stored
export const connection = async (): Promise<any> =>
  (
    await db.admin.query(
      `select p.*, v.last_error, v.failing_since, v.calls_found, v.next_poll_at, v.last_call_at,
              extract(epoch from p.next_due_at - now())::integer as due_in
         from api.connections as v left join app.connection_polls as p on p.connection_id = v.id
        where v.organization_id = $1`,
      [organization],
    )
  ).rows[0];
/** Makes the connection due now, as if its time had come. */
export const makeDue = (): Promise<unknown> =>
  db.admin.query('update app.connection_polls set next_due_at = now() where organization_id = $1', [organization]);
/** Does what leads to another complete poll, and waits for that: it may be over before the next look at the database. */
export async function polled(cause: () => unknown): Promise<void> {
  const before = (await connection()).last_polled_at?.getTime();
  await cause();
  await until(async () => {
    const at = (await connection()).last_polled_at?.getTime();
    return at !== undefined && at !== before;
  }, 'a complete poll');
}
