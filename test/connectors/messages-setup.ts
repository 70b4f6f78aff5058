import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { sendMessage } from '../../src/worker/tasks/send-message.ts';
import type { Worker, WorkerOptions } from '../../src/worker/worker.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { createOrganization, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startTestWorker, until } from '../worker/fixtures.ts';
import type { Service } from './case.ts';
import { CASES } from './cases.ts';
import { type Operator, startOperator } from './fixtures.ts';
import { type MailAnswer, type MailVisit, startMailServer } from './smtp-service.ts';
import { mailSettings } from './vendors/smtp.ts';
import { twilioApi } from './vendors/twilio.ts';

// An organization that writes at any time of the day, a Twilio and a mail server, and a gateway, for every test of the file that
// imports this.

export const PUBLIC_URL = 'https://trunkline.example.com';
export const secrets = CASES.twilio?.secrets as Record<string, string>;
export let db: TestDatabase;
export let gateway: TestGateway;
export let operator: Operator;
export let api: Receiver;
export let mailServer: Service<MailAnswer, MailVisit>;
export let organization: string;
export let outbox: string;
const workers: Worker[] = [];

beforeAll(async () => {
  db = await createDatabase();
  gateway = await startTestGateway(db, { publicUrl: PUBLIC_URL });
  operator = await startOperator(db);
});
beforeEach(async () => {
  api = await startReceiver(twilioApi);
  mailServer = await startMailServer();
  outbox = mkdtempSync(join(tmpdir(), 'trunkline-outbox-'));
  organization = await createOrganization(db);
  await db.admin.query(
    'update app.message_settings set quiet_from = null, quiet_until = null where organization_id = $1',
    [organization],
  );
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop();
  await api.close();
  await mailServer.close();
  rmSync(outbox, { recursive: true, force: true, maxRetries: 10 });
});
afterAll(async () => {
  await operator.stop();
  await gateway.stop();
  await db.drop();
});

/** Connects Twilio, and returns the path of its hook. */
export const connectTwilio = (changes: object = {}): Promise<string> =>
  operator.connect(organization, 'twilio', { settings: { ...CASES.twilio?.settings(api.url), ...changes }, secrets });

export async function connectMail(): Promise<void> {
  const connection = { settings: mailSettings(mailServer.url), secrets: CASES.smtp?.secrets };
  await operator.save(organization, 'smtp', connection);
}

/** A worker whose retries come at once. */
export async function work(changes: Partial<WorkerOptions> = {}): Promise<Worker> {
  const tasks = { pollMs: 20, kinds: [sendMessage([0.05, 0.05])] };
  const inbound = { pollMs: 20, retrySchedule: [0.01] };
  const worker = await startTestWorker(db, { tasks, inbound, outboxDir: outbox, ...changes });
  workers.push(worker);
  return worker;
}

export async function query<Row extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<Row[]> {
  return db.as<Row>('tenant', { organization_id: organization, scopes: ['*'] }, text, values);
}

/** Queues a message; returns its id. */
export async function queue(channel: 'sms' | 'email', more: Record<string, unknown> = {}): Promise<string> {
  const given = {
    channel,
    to_address: channel === 'sms' ? '(404) 555-0173' : 'sarah.mitchell@example.com',
    body: 'We call you back.',
    ...more,
  };
  const names = Object.keys(given);
  const [made] = await query<{ id: string }>(
    `select id from app.queue_message(${names.map((name, at) => `${name} => $${at + 1}`).join(', ')})`,
    Object.values(given),
  );
  return made?.id as string;
}

export interface StoredMessage extends Record<string, unknown> {
  state: string;
  error: string | null;
  attempts: number;
  vendor: string | null;
  external_id: string | null;
}

export const message = async (id: string): Promise<StoredMessage> =>
  (await query<StoredMessage>('select * from app.messages where id = $1', [id]))[0] as StoredMessage;

/** Waits until a message is in this state, and returns it. */
export const inState = (id: string, state: string): Promise<StoredMessage> =>
  until(async () => {
    const found = await message(id);
    return found.state === state ? found : undefined;
  }, state);
