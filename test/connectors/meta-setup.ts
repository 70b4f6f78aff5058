import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { Worker, WorkerOptions } from '../../src/worker/worker.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { createOrganization, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startTestWorker, until } from '../worker/fixtures.ts';
import { CASES } from './cases.ts';
import { type Operator, receiptsOf, startOperator } from './fixtures.ts';
import { graphApi, metaDelivery } from './vendors/meta-lead-ads.ts';

// An organization with Meta Lead Ads connected, and a Graph API of its own, for every test of the file that imports this.

export const secrets = CASES['meta-lead-ads']?.secrets as Record<string, string>;
export let db: TestDatabase;
export let gateway: TestGateway;
export let operator: Operator;
export let graph: Receiver;
export let organization: string;
export let hook: string;
export const workers: Worker[] = [];

beforeAll(async () => {
  db = await createDatabase();
  gateway = await startTestGateway(db);
  operator = await startOperator(db);
});
beforeEach(async () => {
  graph = await startReceiver(graphApi);
  organization = await createOrganization(db);
  hook = await operator.connect(organization, 'meta-lead-ads', { settings: { api_url: graph.url }, secrets });
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop();
  await graph.close();
});
afterAll(async () => {
  await operator.stop();
  await gateway.stop();
  await db.drop();
});

/** Starts a worker whose retries come at once. */
export async function worker(inbound: WorkerOptions['inbound'] = {}): Promise<void> {
  const options = { pollMs: 20, retrySchedule: [0.01, 0.01, 0.01], ...inbound };
  workers.push(await startTestWorker(db, { inbound: options }));
}

export async function deliver(payload: object, appSecret = secrets.app_secret as string): Promise<number> {
  return (await gateway.request('POST', hook, metaDelivery(payload, appSecret))).status;
}
/** Waits until as many of the organization's receipts are in this state. */
export const settled = (state: string, count = 1): Promise<unknown> =>
  until(async () => (await receiptsOf(db, organization)).filter((one) => one.state === state).length === count, state);

/** Delivers to another address from then on. */
export function deliverTo(path: string): void {
  hook = path;
}
