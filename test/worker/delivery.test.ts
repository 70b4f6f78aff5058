import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { verifyEalSignature } from '../../src/webhooks/signing.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { type ReceivedRequest, type Receiver, startReceiver } from '../support/receiver.ts';
import {
  type AttemptRow,
  addLeads,
  attemptsOf,
  claimsOf,
  createOrganization,
  jobs,
  registerEndpoint,
  rotateSecret,
  startTestWorker,
  statesOf,
  until,
} from './fixtures.ts';

let db: TestDatabase;
let worker: Worker;
let receiver: Receiver;
let organization: string;

beforeAll(async () => {
  db = await createDatabase();
  // leads are not scored: what is told here is told of the test's own changes
  worker = await startTestWorker(db, { tasks: { kinds: [] } });
});
afterAll(async () => {
  await worker?.stop();
  await db?.drop();
});
beforeEach(async () => {
  receiver = await startReceiver();
  organization = await createOrganization(db);
});
afterEach(() => receiver.close());

const bodyOf = (request: ReceivedRequest | undefined) => JSON.parse(request?.rawBody.toString() ?? 'null');
const signatureOf = (request: ReceivedRequest) => request.headers['x-eal-signature'] as string;

function loggedAttempts(endpointId: string): Promise<AttemptRow[]> {
  return until(async () => {
    const rows = await attemptsOf(db, endpointId);
    return rows.length > 0 ? rows : undefined;
  }, 'an attempt');
}

test('a lead added in plain SQL reaches the receiver, signed both ways, and the log has the attempt', async () => {
  const endpoint = await registerEndpoint(db, organization, receiver.url);
  const [leadId] = await addLeads(db, organization);
  const request = await until(() => receiver.requests[0], 'the delivery');

  expect(request.method).toBe('POST');
  expect(verifyEalSignature({ header: signatureOf(request), body: request.rawBody, secrets: [endpoint.secret] })).toBe(
    true,
  );
  const verified = new Webhook(endpoint.secret).verify(request.rawBody, request.headers as Record<string, string>);
  expect(verified).toMatchObject({ type: 'lead.created', organization_id: organization, data: { id: leadId } });

  const [attempt] = await loggedAttempts(endpoint.id);
  expect(attempt).toMatchObject({ attempt: 1, status: 'delivered', response_status: 200, error: null });
  expect(request.headers).toMatchObject({
    'content-type': 'application/json',
    'user-agent': 'Trunkline/1.0',
    'x-eal-event': 'lead.created',
    'x-eal-event-id': bodyOf(request).id,
    'webhook-id': bodyOf(request).id,
    'x-eal-delivery-id': attempt?.public_id,
    'x-eal-attempt': '1',
  });
  expect(bodyOf(request).id).toMatch(/^evt_[0-9a-f]{16}$/);
  await until(async () => Object.keys(await jobs(db)).length === 0, 'the job being settled');
});

test('an update in plain SQL fires lead.updated, and every change streams as audit.log.event', async () => {
  await registerEndpoint(db, organization, receiver.url, ['lead.updated', 'audit.log.event']);
  const [leadId] = await addLeads(db, organization);
  await db.admin.query('update app.leads set lead_score = 92 where id = $1', [leadId]);

  const updated = await until(
    () => receiver.requests.map(bodyOf).find((body) => body.type === 'lead.updated'),
    'the event',
  );
  expect(updated.data).toMatchObject({ id: leadId, lead_score: 92 });
  const streamed = await until(
    () =>
      receiver.requests
        .map(bodyOf)
        .find((body) => body.type === 'audit.log.event' && body.data.action === 'lead.updated'),
    'the entry of the audit log',
  );
  expect(streamed.data.payload.diff.lead_score).toMatchObject({ to: 92 });
});

test('what fails twice is delivered by the third attempt of the schedule', async () => {
  receiver.answer((_request, number) => ({ status: number < 3 ? 500 : 200, body: `answer ${number}` }));
  const endpoint = await registerEndpoint(db, organization, receiver.url);
  await addLeads(db, organization);
  await until(async () => (await statesOf(db, endpoint.id)).delivered === 1, 'the delivery');

  const attempts = await attemptsOf(db, endpoint.id);
  expect(attempts.map((a) => [a.attempt, a.status, a.response_status, a.response_body])).toEqual([
    [1, 'failed', 500, 'answer 1'],
    [2, 'failed', 500, 'answer 2'],
    [3, 'delivered', 200, 'answer 3'],
  ]);
  expect(attempts[1]?.attempted_at.getTime()).toBeGreaterThanOrEqual(attempts[0]?.next_attempt_at?.getTime() as number);
  const ids = receiver.requests.map((request) => request.headers['x-eal-event-id']);
  expect(new Set(ids).size).toBe(1);
  expect(receiver.requests.map((r) => r.headers['x-eal-delivery-id'])).toEqual(attempts.map((a) => a.public_id));
  expect(receiver.requests.map((r) => r.headers['x-eal-attempt'])).toEqual(['1', '2', '3']);
});

test('an exhausted schedule ends in a dead letter, which a retry by hand and a recovery deliver', async () => {
  receiver.answer({ status: 503 });
  const endpoint = await registerEndpoint(db, organization, receiver.url);
  await addLeads(db, organization, 2);
  await until(async () => (await statesOf(db, endpoint.id)).dead_letter === 2, 'the dead letters');
  const attempts = await attemptsOf(db, endpoint.id);
  expect(attempts.filter((a) => a.status === 'dead_letter').map((a) => a.attempt)).toEqual([3, 3]);

  receiver.answer({ status: 200 });
  await db.as('tenant', claimsOf(organization), 'select app.retry_delivery($1, $2)', [endpoint.id, attempts[0]?.id]);
  await until(async () => (await statesOf(db, endpoint.id)).delivered === 1, 'the delivery retried by hand');
  await db.as('tenant', claimsOf(organization), "select app.recover_webhook($1, now() - interval '1 hour')", [
    endpoint.id,
  ]);
  await until(async () => (await statesOf(db, endpoint.id)).delivered === 2, 'the recovered delivery');
  expect(receiver.requests).toHaveLength(8);
});

test('410 disables the endpoint at once and keeps its events', async () => {
  receiver.answer({ status: 410 });
  const endpoint = await registerEndpoint(db, organization, receiver.url);
  await addLeads(db, organization);
  await until(async () => (await statesOf(db, endpoint.id)).held === 1, 'the delivery being held');
  await addLeads(db, organization);
  await until(async () => (await statesOf(db, endpoint.id)).held === 2, 'the next event being held');
  const { rows } = await db.admin.query('select enabled, disabled_reason from app.webhook_endpoints where id = $1', [
    endpoint.id,
  ]);
  expect(rows).toEqual([{ enabled: false, disabled_reason: 'the receiver answered 410 Gone' }]);
  expect(receiver.requests).toHaveLength(1);
});

test('Retry-After puts the next attempt off', async () => {
  receiver.answer((_request, number) => (number === 1 ? { status: 429, headers: { 'retry-after': '2' } } : {}));
  const endpoint = await registerEndpoint(db, organization, receiver.url);
  await addLeads(db, organization);
  await until(async () => (await statesOf(db, endpoint.id)).delivered === 1, 'the delivery');
  const [first, second] = await attemptsOf(db, endpoint.id);
  const wait = (second?.attempted_at.getTime() ?? 0) - (first?.attempted_at.getTime() ?? 0);
  expect(wait).toBeGreaterThanOrEqual(2000);
});

test('for a day after a rotation, both secrets sign', async () => {
  const endpoint = await registerEndpoint(db, organization, receiver.url);
  const newSecret = await rotateSecret(db, organization, endpoint.id);
  await addLeads(db, organization);
  const request = await until(() => receiver.requests[0], 'the delivery');
  for (const secret of [endpoint.secret, newSecret]) {
    expect(verifyEalSignature({ header: signatureOf(request), body: request.rawBody, secrets: [secret] })).toBe(true);
    new Webhook(secret).verify(request.rawBody, request.headers as Record<string, string>);
  }
});

test('a forbidden address is an attempt that failed', async () => {
  const endpoint = await registerEndpoint(db, organization, 'http://169.254.169.254/latest/meta-data');
  await addLeads(db, organization);
  const [attempt] = await loggedAttempts(endpoint.id);
  expect(attempt).toMatchObject({ status: 'failed', error: 'forbidden_address', response_status: null });
});

test('an endpoint that is deleted and registered again gets what it missed, once', async () => {
  const endpoint = await registerEndpoint(db, organization, receiver.url);
  await addLeads(db, organization);
  await until(async () => (await statesOf(db, endpoint.id)).delivered === 1, 'the first delivery');
  await db.as('tenant', claimsOf(organization), 'select app.delete_webhook($1)', [endpoint.id]);
  const missed = await addLeads(db, organization, 3);
  await until(async () => (await statesOf(db, endpoint.id)).held === 3, 'the events being held');

  const again = await registerEndpoint(db, organization, receiver.url);
  expect(again.id).toBe(endpoint.id);
  await until(async () => (await statesOf(db, endpoint.id)).delivered === 4, 'the missed deliveries');
  const afterwards = receiver.requests.slice(1);
  expect(afterwards.map((request) => bodyOf(request).data.id).sort()).toEqual(missed.sort());
  for (const request of afterwards) {
    expect(verifyEalSignature({ header: signatureOf(request), body: request.rawBody, secrets: [again.secret] })).toBe(
      true,
    );
  }
});
