import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Worker } from '../../src/worker/worker.ts';
import { json } from '../connectors/http-service.ts';
import { jobNimbusAccount } from '../connectors/vendors/jobnimbus.ts';
import { type Api, type Caller, expectError, startApi, until } from '../support/api.ts';
import { createOrganization, type Reply } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startTestWorker } from '../worker/fixtures.ts';

// POST /leads/{id}/push-to-crm, with a worker and JobNimbus behind it.

let api: Api;
let one: Caller;
let jobNimbus: Receiver;
let worker: Worker | undefined;
beforeAll(async () => {
  api = await startApi();
  jobNimbus = await startReceiver();
});
beforeEach(async () => {
  jobNimbus.requests.length = 0;
  one = await api.key(await createOrganization(api.db));
});
afterEach(async () => {
  await worker?.stop();
  worker = undefined;
});
afterAll(async () => {
  await api.stop();
  await jobNimbus.close();
});

const work = async () => {
  worker = await startTestWorker(api.db);
};
const connect = async () => {
  const settings = { api_url: jobNimbus.url };
  const reply = await one.put('/connectors/jobnimbus', { settings, secrets: { api_key: 'jilqy9efy8jk79v9' } });
  expect(reply.status, reply.text).toBeLessThan(300);
};
const newLead = async (): Promise<string> =>
  (await one.post('/leads', { name: 'Sarah Mitchell', email: 'sarah.mitchell@example.com' })).body.id;
const push = (lead: string, headers?: Record<string, string>) =>
  one.post(`/leads/${lead}/push-to-crm`, undefined, headers);
/** Asks until it is done: the five seconds that an answer waits may be over before, on a busy machine. */
const pushed = (lead: string): Promise<Reply> =>
  until(async () => {
    const reply = await push(lead);
    return reply.body.crm_sync.status === 'pending' ? undefined : reply;
  }, 'the push');
const AT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

test('answers as the document prints it, and the same when it is asked again', async () => {
  const account = jobNimbusAccount();
  jobNimbus.answer(account.answer);
  await connect();
  await work();
  const lead = await newLead();
  const first = await pushed(lead);
  expect(first.status).toBe(200);
  expect(Object.keys(first.body)).toEqual(['id', 'crm_sync']);
  expect(Object.keys(first.body.crm_sync)).toEqual(['vendor', 'external_id', 'status', 'last_synced_at']);
  expect(first.body).toEqual({
    id: lead,
    crm_sync: {
      vendor: 'jobnimbus',
      external_id: 'jn_contacts_1',
      status: 'ok',
      last_synced_at: expect.stringMatching(AT),
    },
  });
  const asked = jobNimbus.requests.length;
  expect((await push(lead)).body).toEqual(first.body);
  expect(jobNimbus.requests).toHaveLength(asked);

  await one.patch(`/leads/${lead}`, { name: 'Sarah Jones' });
  const again = await pushed(lead);
  expect(again.body.crm_sync).toMatchObject({ external_id: 'jn_contacts_1', status: 'ok' });
  expect(account.contacts).toMatchObject([{ last_name: 'Jones', status_name: 'Lead' }]);
});

test('asked for ten times at once, it is one contact, and all are told the same id', async () => {
  const account = jobNimbusAccount();
  jobNimbus.answer(account.answer);
  await connect();
  await work();
  const lead = await newLead();
  const replies = await Promise.all(Array.from({ length: 10 }, () => pushed(lead)));
  expect(new Set(replies.map(({ body }) => body.crm_sync.external_id))).toEqual(new Set(['jn_contacts_1']));
  expect(account.contacts).toHaveLength(1);
});

test('without a CRM it is 409, and says what to do', async () => {
  const lead = await newLead();
  expectError(await push(lead), 409, 'conflict', {
    field: 'crm',
    reason: 'connect one of http-crm, hubspot, jobnimbus, or enable its connection',
  });
});

test('what went wrong is told', async () => {
  jobNimbus.answer(json({ message: 'Invalid record_type_name' }, 400));
  await connect();
  await work();
  const lead = await newLead();
  const { status, body } = await pushed(lead);
  expect(status).toBe(200);
  expect(body.crm_sync).toEqual({
    vendor: 'jobnimbus',
    external_id: null,
    status: 'failed',
    last_synced_at: null,
    last_error: expect.stringMatching(/answered 400: Invalid record_type_name\.$/),
  });
  jobNimbus.answer(jobNimbusAccount().answer);
  expect((await pushed(lead)).body.crm_sync).toMatchObject({ status: 'ok', external_id: 'jn_contacts_1' });
});

describe('while no worker does it', () => {
  test('it is pending, which an Idempotency-Key keeps', async () => {
    jobNimbus.answer(jobNimbusAccount().answer);
    await connect();
    const lead = await newLead();
    const key = { 'idempotency-key': 'push-1' };
    const pending = await push(lead, key);
    expect(pending.body.crm_sync).toEqual({
      vendor: 'jobnimbus',
      external_id: null,
      status: 'pending',
      last_synced_at: null,
    });
    await work();
    expect((await pushed(lead)).body.crm_sync.status).toBe('ok');
    expect((await push(lead, key)).text).toBe(pending.text);
  });
});
