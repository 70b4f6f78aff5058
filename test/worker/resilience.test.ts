import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DEFAULT_LANES } from '../../src/worker/lanes.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import {
  addLeads,
  attemptsOf,
  createOrganization,
  jobs,
  registerEndpoint,
  startTestWorker,
  statesOf,
  until,
} from './fixtures.ts';

let db: TestDatabase;
let receiver: Receiver;
let organization: string;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  db = await createDatabase();
  receiver = await startReceiver();
  organization = await createOrganization(db);
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await receiver.close();
  await db.drop();
});

/** Leads are not scored: that takes its share of the machine. */
const NO_TASKS = { tasks: { kinds: [] } };

async function worker(changes = {}) {
  const started = await startTestWorker(db, { ...NO_TASKS, ...changes });
  cleanups.push(() => started.stop());
  return started;
}

async function workerProcess(): Promise<ChildProcess> {
  const child = fork(
    join(import.meta.dirname, 'worker-process.ts'),
    [db.loginUrl('worker'), JSON.stringify(NO_TASKS)],
    {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
  cleanups.push(async () => child.kill('SIGKILL'));
  await once(child, 'message');
  return child;
}

const leadsReceived = () => new Set(receiver.requests.map((r) => JSON.parse(r.rawBody.toString()).data.id));
const waitForQueueToEmpty = () => until(async () => Object.keys(await jobs(db)).length === 0, 'the queue to be empty');

/** Each delivery has one attempt in the log, whatever happened meanwhile. */
async function expectOneAttemptEach(endpointId: string, deliveries: number): Promise<void> {
  const attempts = await attemptsOf(db, endpointId);
  expect(attempts.map((a) => a.status)).toEqual(Array(deliveries).fill('delivered'));
  expect(new Set(attempts.map((a) => a.delivery_id)).size).toBe(deliveries);
}

test('after kill -9 in the middle, another worker delivers the rest, and the log has every attempt once', async () => {
  receiver.answer({ delayMs: 50 });
  const endpoint = await registerEndpoint(db, organization, receiver.url);
  const child = await workerProcess();
  const leads = await addLeads(db, organization, 300);
  await until(() => receiver.requests.length > 60, 'some deliveries');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(receiver.requests.length).toBeLessThan(300);

  await worker();
  await until(async () => (await statesOf(db, endpoint.id)).delivered === 300, 'all deliveries');
  expect(leadsReceived()).toEqual(new Set(leads));
  await expectOneAttemptEach(endpoint.id, 300);
  await waitForQueueToEmpty();
});

test('two workers share the deliveries: each is attempted once', async () => {
  receiver.answer({ delayMs: 5 });
  const endpoint = await registerEndpoint(db, organization, receiver.url);
  await Promise.all([worker(), worker()]);
  for (let i = 0; i < 10; i++) await addLeads(db, organization, 40);
  await until(async () => (await statesOf(db, endpoint.id)).delivered === 400, 'all deliveries');
  expect(receiver.requests).toHaveLength(400);
  await expectOneAttemptEach(endpoint.id, 400);
});

test('a receiver that hangs does not hold up another', async () => {
  const other = await startReceiver({ hang: true });
  cleanups.push(() => other.close());
  const hanging = await registerEndpoint(db, await createOrganization(db), other.url);
  const endpoint = await registerEndpoint(db, organization, receiver.url);
  const { rows } = await db.admin.query('select organization_id from app.webhook_endpoints where id = $1', [
    hanging.id,
  ]);
  await addLeads(db, rows[0].organization_id, 1500);
  // so long that only the end of the receiver could end an attempt within the test
  const patient = await startTestWorker(db, { timeoutMs: 120_000 });
  await until(() => other.requests.length > 0, 'the attempts that hang');
  await addLeads(db, organization, 200);
  await until(async () => (await statesOf(db, endpoint.id)).delivered === 200, 'the other deliveries');
  expect(await attemptsOf(db, hanging.id)).toEqual([]);
  expect(other.requests.length).toBeLessThanOrEqual(100);
  await other.close();
  await patient.stop();
});

test('a stopping worker ends its attempts and returns the jobs it has not started', async () => {
  receiver.answer({ delayMs: 300 });
  const endpoint = await registerEndpoint(db, organization, receiver.url);
  const lanes = { ...DEFAULT_LANES, prompt: { ...DEFAULT_LANES.prompt, placesPerEndpoint: 4 } };
  const stopping = await startTestWorker(db, { lanes });
  await addLeads(db, organization, 40);
  await until(() => receiver.requests.length >= 4, 'the first attempts');
  await stopping.stop();

  const { active = 0, created = 0, retry = 0 } = await jobs(db);
  const { delivered = 0 } = await statesOf(db, endpoint.id);
  expect(active).toBe(0);
  expect(delivered).toBe(receiver.requests.length);
  expect(created + retry).toBe(40 - delivered);

  await worker();
  await until(async () => (await statesOf(db, endpoint.id)).delivered === 40, 'the rest');
  expect(receiver.requests).toHaveLength(40);
});

test('losing the database connections costs no event and sends none twice', async () => {
  receiver.answer({ delayMs: 20 });
  const endpoint = await registerEndpoint(db, organization, receiver.url);
  await worker();
  for (let i = 0; i < 5; i++) {
    await addLeads(db, organization, 40);
    await until(() => receiver.requests.length > i * 40, 'deliveries');
    await db.admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'trunkline worker'",
    );
  }
  await until(async () => (await statesOf(db, endpoint.id)).delivered === 200, 'all deliveries');
  await waitForQueueToEmpty();
  await expectOneAttemptEach(endpoint.id, 200);
  expect(receiver.requests).toHaveLength(200);
});
