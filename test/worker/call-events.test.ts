import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Worker } from '../../src/worker/worker.ts';
import { addCall, done, restorer } from '../sql/dispatch-fixtures.ts';
import { type Api, type Caller, startApi } from '../support/api.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { attemptsOf, registerEndpoint, startTestWorker, statesOf, until } from './fixtures.ts';

// A call on its way: told of over HTTP or in psql, classified, dispatched, and each step told to a receiver in its turn.

const EVENTS = ['call.received', 'call.classified', 'call.qualified'];
const TRANSCRIPT =
  'Agent: Thank you for calling.\nCaller: Hi, I have water coming through my basement ceiling, I think a pipe burst. Can you send somebody today?';

let api: Api;
let caller: Caller;
let organization: string;
let receiver: Receiver;
let endpoint: string;
const workers: Worker[] = [];

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());
beforeEach(async () => {
  // open around the clock
  const day = [['00:00', '24:00']];
  organization = await restorer(api.db, {
    business_hours: { mon: day, tue: day, wed: day, thu: day, fri: day, sat: day, sun: day },
  });
  caller = await api.key(organization);
  receiver = await startReceiver();
  endpoint = (await registerEndpoint(api.db, organization, receiver.url, EVENTS)).id;
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop();
  await receiver.close();
});

const start = async (count = 1) => {
  for (let i = 0; i < count; i++) workers.push(await startTestWorker(api.db));
};
const post = async (more: object = {}) => {
  const reply = await caller.post('/calls', {
    caller_number: '+14045550173',
    caller_name: 'Sarah Mitchell',
    caller_postal_code: '30060',
    tracking_number: '+17705550199',
    answered: true,
    duration_seconds: 142,
    transcript: TRANSCRIPT,
    ...more,
  });
  expect(reply.status, reply.text).toBe(201);
  return reply.body.id as string;
};
interface Told {
  type: string;
  data: { id: string; classification: { intent: string; qualified: boolean } | null };
}
const told = (): Told[] => receiver.requests.map(({ rawBody }) => JSON.parse(rawBody.toString()));
const toldOf = (call: string) =>
  told()
    .filter(({ data }) => data.id === call)
    .map(({ type }) => type);

test('a call that is posted is classified and dispatched, and its answer says so', async () => {
  await start();
  const id = await post();
  const call = await until(async () => {
    const { body } = await caller.get(`/calls/${id}`);
    return body.dispatch_decision ? body : undefined;
  }, 'its dispatch');
  expect(call).toMatchObject({
    classification: { intent: 'water', qualified: true },
    dispatch_decision: { action: 'auto_dispatch', reason: 'in_service_radius + qualified + business_hours' },
  });
  await until(() => receiver.requests.length === 3, 'its events');
  expect(toldOf(id)).toEqual(EVENTS);
  expect(told().map(({ data }) => data.classification?.intent)).toEqual([undefined, 'water', 'water']);
  const { rows } = await api.db.admin.query("select id from app.calls where app.typeid('call', id) = $1", [id]);
  expect(await done(api.db, rows[0].id)).toMatchObject({ messages: 1, jobs: 1, lead: expect.any(String) });
});

test('many calls at once, through several workers, in psql too: each call’s events arrive in their order', async () => {
  await start(2);
  const slow = (number: number) => (number % 3 === 0 ? { delayMs: 30 } : {});
  receiver.answer((_request, number) => slow(number));
  await Promise.all(Array.from({ length: 15 }, (_, i) => post({ caller_number: `+1404555${String(1000 + i)}` })));
  await api.db.admin.query(
    `insert into app.calls (organization_id, source, caller_number, caller_postal_code, answered, duration_seconds, transcript)
     select $1, 'psql', '+1404556' || (1000 + n), '30060', true, 100, $2 from generate_series(1, 15) as n`,
    [organization, TRANSCRIPT],
  );
  await until(() => receiver.requests.length >= 90, 'their events');
  const ids = [...new Set(told().map(({ data }) => data.id))];
  expect(ids).toHaveLength(30);
  for (const id of ids) expect(toldOf(id)).toEqual(EVENTS);
});

describe('an event whose predecessor is not answered yet', () => {
  const waiting = async () =>
    (
      await api.db.admin.query(
        'select count(*)::integer as waiting from app.deliveries where endpoint_id = $1 and waits_for is not null',
        [endpoint],
      )
    ).rows[0].waiting;

  test('waits for it, and goes out when it was', async () => {
    const answer = Promise.withResolvers<void>();
    receiver.answer(async (_request, number) => {
      if (number === 1) await answer.promise;
      return {};
    });
    await start(2);
    const id = await post();
    await until(async () => (await waiting()) === 2, 'the others to wait');
    expect(toldOf(id)).toEqual(['call.received']);
    answer.resolve();
    await until(() => receiver.requests.length === 3, 'the others');
    expect(toldOf(id)).toEqual(EVENTS);
  });

  test('does not wait for its retries', async () => {
    receiver.answer((_request, number) => (number === 1 ? { status: 500 } : {}));
    await start();
    const id = await post();
    await until(() => receiver.requests.length === 4, 'all of them');
    expect(toldOf(id)[0]).toBe('call.received');
    expect(toldOf(id).filter((type) => type !== 'call.received')).toEqual(['call.classified', 'call.qualified']);
    await until(async () => (await statesOf(api.db, endpoint)).delivered === 3, 'their delivery');
  });

  test('is held with it when the endpoint is disabled meanwhile, and comes after it when it is enabled again', async () => {
    const answer = Promise.withResolvers<void>();
    receiver.answer(async () => {
      await answer.promise;
      return { status: 500 };
    });
    await start();
    const id = await post();
    await until(async () => (await waiting()) === 2, 'the others to wait');
    await caller.patch(`/webhooks/${endpoint}`, { enabled: false });
    answer.resolve();
    await until(async () => {
      const states = await statesOf(api.db, endpoint);
      return (states.pending ?? 0) === 0 && (await attemptsOf(api.db, endpoint)).length === 1;
    }, 'their hold');
    receiver.answer({});
    const before = receiver.requests.length;
    await caller.patch(`/webhooks/${endpoint}`, { enabled: true });
    await caller.post(`/webhooks/${endpoint}/recover`, { since: '2020-01-01' });
    await until(async () => (await statesOf(api.db, endpoint)).delivered === 3, 'their delivery');
    expect(
      toldOf(id)
        .slice(before)
        .filter((type) => type !== 'call.received'),
    ).toEqual(['call.classified', 'call.qualified']);
  });
});

test('a transcript that comes later is classified anew: what was left to a person is dispatched', async () => {
  await start();
  const id = await post({ source: 'tracker', external_id: 'c-1', transcript: undefined });
  const decision = async () => (await caller.get(`/calls/${id}`)).body.dispatch_decision;
  await until(async () => (await decision())?.action === 'review', 'the review');
  const reply = await caller.post('/calls', { source: 'tracker', external_id: 'c-1', transcript: TRANSCRIPT });
  expect(reply.status).toBe(200);
  await until(async () => (await decision())?.action === 'auto_dispatch', 'the dispatch');
});

test('a task that was done is done again without doing anything twice', async () => {
  const call = await addCall(api.db, organization, { received_at: new Date(), created_at: new Date() });
  for (let i = 0; i < 3; i++) {
    await api.db.admin.query(
      "select app.add_task($1, kind, $2) from unnest('{classify_call,dispatch_call}'::text[]) as kind",
      [organization, call],
    );
    const worker = await startTestWorker(api.db);
    await until(async () => {
      const { rows } = await api.db.admin.query(
        "select from app.tasks where subject_id = $1 and kind in ('classify_call', 'dispatch_call')",
        [call],
      );
      return rows.length === 0;
    }, 'the tasks');
    await worker.stop();
  }
  expect(await done(api.db, call)).toMatchObject({ action: 'auto_dispatch', messages: 1, jobs: 1 });
});
