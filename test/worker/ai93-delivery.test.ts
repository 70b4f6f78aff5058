import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { cleanUp } from '../start/process.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { asRequest, bodyOf, type Subscriber, subscribe, webhooks } from './ai93-fixtures.ts';
import { verifyAi93 } from './ai93-verifier.ts';
import {
  addLeads,
  attemptsOf,
  createOrganization,
  everythingSent,
  startTestWorker,
  statesOf,
  until,
} from './fixtures.ts';

// Retries and signatures as AI93's document describes them, on a shortened schedule of the same five attempts.

const SCHEDULE = [0.2, 0.4, 0.6, 0.8];

let db: TestDatabase;
let worker: Worker;
let one: Subscriber;

beforeAll(async () => {
  db = await createDatabase();
  // one attempt is never answered, and ends with its time; none of the others may, however busy the machine is
  worker = await startTestWorker(db, { retrySchedule: SCHEDULE, timeoutMs: 5000 });
});
afterAll(async () => {
  await worker?.stop();
  await cleanUp();
  await db?.drop();
});
beforeEach(async () => {
  one = await subscribe(db, await createOrganization(db), { events: ['lead.created'] });
});
afterEach(() => one.receiver.close());

test('the schedule unless told otherwise is the document’s: 1 min, 5 min, 30 min, 2 h', () => {
  expect(readConfig({}).webhooks.retrySchedule).toEqual([60, 300, 1800, 7200]);
});

test('what fails in whatever way is tried five times, then dead-lettered, and a retry by hand delivers it', async () => {
  const failures = [{ status: 410 }, { status: 302, headers: { location: 'http://127.0.0.1:9/' } }, { hang: true }];
  one.receiver.answer((_request, number) => failures[number - 1] ?? { status: 404, body: 'not here' });
  await addLeads(db, one.organizationId);
  await until(async () => (await statesOf(db, one.id)).dead_letter === 1, 'the dead letter');

  const log = await webhooks(db, 'deliveries', one);
  const shown = log.map(({ attempt, status, response_status }: Record<string, unknown>) => [
    attempt,
    status,
    response_status,
  ]);
  expect(shown.toReversed()).toEqual([
    [1, 'failed', 410],
    [2, 'failed', 302],
    [3, 'failed', null],
    [4, 'failed', 404],
    [5, 'dead_letter', 404],
  ]);
  expect(new Set(log.map(({ id }: { id: string }) => id)).size).toBe(5);

  // times are counted from the first attempt, and no attempt comes before its time; one that is late is followed at once
  const attempts = await attemptsOf(db, one.id);
  const start = attempts[0]?.attempted_at.getTime() ?? Number.NaN;
  const after = attempts.map(({ attempted_at: at }) => at.getTime() - start);
  const planned = attempts.map(({ next_attempt_at: next }) => next && next.getTime() - start);
  expect(planned).toEqual([...SCHEDULE.map((seconds, index) => Math.max(seconds * 1000, after[index] ?? 0)), null]);
  for (const [index, due] of planned.slice(0, 4).entries())
    expect(after[index + 1]).toBeGreaterThanOrEqual(due ?? Number.NaN);

  one.receiver.answer({ status: 204 });
  const [dead] = log;
  await webhooks(db, 'retry', one, '--delivery', dead.id);
  await until(async () => (await statesOf(db, one.id)).delivered === 1, 'the delivery retried by hand');
  expect((await webhooks(db, 'deliveries', one))[0]).toMatchObject({
    attempt: 6,
    status: 'delivered',
    response_status: 204,
  });

  // to its receiver it is one event, told six times
  const { requests } = one.receiver;
  expect(requests.map(({ headers }) => headers['x-ai93-attempt'])).toEqual(['1', '2', '3', '4', '5', '6']);
  expect(requests.map(({ headers }) => headers['user-agent'])).toEqual([
    'AI93Platform/1.0',
    ...Array.from({ length: 5 }, () => 'AI93Platform/1.0 (retry)'),
  ]);
  expect(new Set(requests.map(({ headers }) => headers['x-ai93-event-id']))).toEqual(
    new Set([bodyOf(requests[0] as never).id]),
  );
  expect(new Set(requests.map(({ rawBody }) => rawBody.toString())).size).toBe(1);
  for (const request of requests) expect(await verifyAi93(asRequest(request), one.secret)).toBe(true);
});

test.each([200, 201, 202, 204, 299])('%i is success', async (status) => {
  one.receiver.answer({ status });
  await addLeads(db, one.organizationId);
  await everythingSent(db);
  expect((await attemptsOf(db, one.id)).map((attempt) => [attempt.status, attempt.response_status])).toEqual([
    ['delivered', status],
  ]);
});

describe('a receiver’s check', () => {
  const received = async () => {
    await addLeads(db, one.organizationId);
    await everythingSent(db);
    return one.receiver.requests.at(-1) ?? expect.fail('nothing came');
  };

  test('accepts what came, and nothing that differs in body, time or secret', async () => {
    await db.admin.query("insert into app.leads (organization_id, name, notes) values ($1, 'Zoë 🏠', $2)", [
      one.organizationId,
      'two\nlines, "quoted" \\ </script> \u2028',
    ]);
    const request = await received();
    for (const each of one.receiver.requests) expect(await verifyAi93(asRequest(each), one.secret)).toBe(true);
    const changed = (headers: object, body = request.rawBody) =>
      verifyAi93(asRequest({ ...request, headers: { ...request.headers, ...headers }, rawBody: body }), one.secret);
    const timestamp = Number(request.headers['x-ai93-timestamp']);
    expect(await changed({ 'x-ai93-timestamp': String(timestamp - 1) })).toBe(false);
    expect(await changed({ 'x-ai93-timestamp': String(timestamp - 400) })).toBe(false);
    expect(await changed({}, Buffer.concat([request.rawBody, Buffer.from(' ')]))).toBe(false);
    expect(await verifyAi93(asRequest(request), `${one.secret}x`)).toBe(false);
  });

  test('by the library of Standard Webhooks accepts it too', async () => {
    const request = await received();
    const verified = new Webhook(one.secret).verify(request.rawBody, request.headers as Record<string, string>);
    expect(verified).toEqual(bodyOf(request));
    expect(request.headers['webhook-id']).toBe(request.headers['x-ai93-event-id']);
    expect(request.headers['webhook-timestamp']).toBe(request.headers['x-ai93-timestamp']);
  });

  test('goes on with the new secret at once after a rotation, and by the library with both', async () => {
    const { signing_secret: fresh } = await webhooks(db, 'rotate-secret', one);
    expect(fresh).toMatch(/^whsec_/);
    const request = await received();
    expect(await verifyAi93(asRequest(request), fresh)).toBe(true);
    expect(await verifyAi93(asRequest(request), one.secret)).toBe(false);
    for (const secret of [fresh, one.secret]) {
      new Webhook(secret).verify(request.rawBody, request.headers as Record<string, string>);
    }
  });
});
