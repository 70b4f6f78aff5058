import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { saveConnection } from '../../src/domain/connections.ts';
import { registerWebhook, relay } from '../sql/fixtures.ts';
import { createOrganization } from '../support/gateway.ts';
import { type ReceivedRequest, startReceiver } from '../support/receiver.ts';
import { until } from '../worker/fixtures.ts';
import {
  atCallRail,
  calls,
  connection,
  db,
  makeDue,
  operator,
  organization,
  polled,
  secrets,
  service,
  settings,
  stopWorkers,
  tell,
  worker,
} from './callrail-setup.ts';
import { ACCOUNT, API_KEY, apiCall, COMPANY, callId, callRailApi } from './vendors/callrail-api.ts';

const queryOf = ({ path }: ReceivedRequest): URLSearchParams => new URL(path, 'http://callrail').searchParams;
const offsets = (): number[] => service.requests.map((request) => Number(queryOf(request).get('offset') ?? 0));
const many = (count: number): void => {
  for (let number = 1; number <= count; number++) atCallRail.push(apiCall(number, count + 10 - number));
};
const minutes = (since: string | null, until: Date): number => (until.getTime() - Date.parse(`${since}:00Z`)) / 60_000;
const callEntries = async (): Promise<{ action: string; source: string; correlation_id: string }[]> =>
  (
    await db.admin.query(
      "select action, source, correlation_id from audit.platform_events where organization_id = $1 and action like 'call.%' order by id",
      [organization],
    )
  ).rows;
/** What a webhook tells of a call that the API tells of. */
const hookOf = (number: number, minutesAgo: number, more: object = {}): object => {
  const { id, company_id, tracker_id, agent_email, ...fields } = apiCall(number, minutesAgo);
  return {
    ...fields,
    id: 766970532 + number,
    resource_id: id,
    company_id: 155920786,
    company_resource_id: company_id,
    tracker_id: 354024023,
    tracker_resource_id: tracker_id,
    lead_status: '',
    note: '',
    value: '',
    duration: '142',
    recording_duration: 140,
    recording: `https://app.callrail.com/calls/${id}/recording/redirect?access_key=aaaaccccddddeeee`,
    ...more,
  };
};

describe('a first poll', () => {
  test('comes soon, looks back as far as is set, and finds what no webhook told of', async () => {
    atCallRail.push(apiCall(1, 30), apiCall(2, 60 * 24 * 6), apiCall(3, 60 * 24 * 9));
    await polled(worker);
    expect((await calls()).map((call) => call.external_id)).toEqual([callId(2), callId(1)]);
    const [, call] = await calls();
    expect(call).toMatchObject({
      source: 'callrail',
      caller_number: '+14045550173',
      tracking_number: '+17705550199',
      answered: true,
      voicemail: false,
      duration_seconds: 142,
      marketing_source: 'Google Ads',
      transcript: 'Water is coming through the ceiling.',
      recording_source_url: 'https://api.callrail.com/v3/a/227799611/calls/1/recording.json',
      extra: { company_resource_id: COMPANY, tags: ['emergency'], recording_duration: 140, utm_source: 'google' },
    });

    const [request] = service.requests as [ReceivedRequest];
    const { watermark, calls_found, last_call_at, due_in, ...state } = await connection();
    expect(request.headers.authorization).toBe(`Token token="${API_KEY}"`);
    expect(new URL(request.path, 'http://callrail').pathname).toBe(`/hook/a/${ACCOUNT}/calls.json`);
    const query = queryOf(request);
    expect(Object.fromEntries(query)).toMatchObject({
      relative_pagination: 'true',
      sort: 'start_time',
      order: 'asc',
      time_zone: 'Etc/UTC',
    });
    expect(Number(query.get('per_page'))).toBeLessThanOrEqual(250);
    expect(query.get('fields')?.split(',')).toEqual(expect.arrayContaining(['transcription', 'tags', 'call_type']));
    expect(Math.floor(minutes(query.get('start_date'), watermark))).toBe(7 * 24 * 60);

    expect(state).toMatchObject({ claim: null, page_cursor: null, started_at: null, failures: 0, error: null });
    expect({ calls_found, told: last_call_at !== null }).toEqual({ calls_found: '2', told: true });
    expect(due_in).toBeGreaterThan(800);
    expect(due_in).toBeLessThanOrEqual(900);
  });

  test('makes calls under the right to write calls alone, audited and announced like any other', async () => {
    await registerWebhook(db, organization, 'https://receiver.example.com/calls', ['call.received']);
    atCallRail.push(apiCall(1, 30));
    await polled(worker);
    expect(await callEntries()).toEqual([
      { action: 'call.created', source: 'worker', correlation_id: expect.stringMatching(/^poll_/) },
    ]);
    // the worker relays too: what it has in hand, another relay skips
    await stopWorkers();
    await relay(db);
    const { rows } = await db.admin.query('select type from app.events where organization_id = $1', [organization]);
    expect(rows).toEqual([{ type: 'call.received' }]);
  });

  test('of a company asks for its calls alone', async () => {
    atCallRail.push(apiCall(1, 30), apiCall(2, 20, { company_id: 'COM00000000000000000000000000000000' }));
    await operator.run(organization, saveConnection, {
      vendor: 'callrail',
      settings: settings({ company_id: COMPANY }),
    });
    await polled(worker);
    expect((await calls()).map((call) => call.external_id)).toEqual([callId(1)]);
  });

  test('is not made of a connection that is disabled', async () => {
    await operator.run(organization, saveConnection, { vendor: 'callrail', settings: settings(), enabled: false });
    const other = await createOrganization(db, 'Another');
    await operator.connect(other, 'callrail', { settings: settings(), secrets });
    await worker();
    await until(() => service.requests.length > 0);
    expect(await connection()).toMatchObject({ connection_id: null });
  });
});

describe('a call that is known', () => {
  test('from its webhook is not made again, and what is unchanged is not written', async () => {
    atCallRail.push(apiCall(1, 30));
    await polled(worker);
    await tell(hookOf(1, 30));
    const [told] = await calls();
    expect(told.extra).toMatchObject({ company_resource_id: COMPANY, note: null });
    await polled(makeDue);
    const entries = await callEntries();
    const [before] = (await db.admin.query('select xmin, * from app.calls where organization_id = $1', [organization]))
      .rows;
    await polled(makeDue);
    await tell(hookOf(1, 30));
    await polled(makeDue);
    const after = (await db.admin.query('select xmin, * from app.calls where organization_id = $1', [organization]))
      .rows;
    expect(after).toEqual([before]);
    expect(await callEntries()).toEqual(entries);
    expect((await connection()).calls_found).toBe('1');
  });

  test('from its webhook keeps the address of the recording that needs no credentials', async () => {
    await polled(worker);
    await tell(hookOf(1, 30));
    atCallRail.push(apiCall(1, 30));
    await polled(makeDue);
    const redirect = `https://app.callrail.com/calls/${callId(1)}/recording/redirect?access_key=aaaaccccddddeeee`;
    expect(await calls()).toMatchObject([{ external_id: callId(1), recording_source_url: redirect }]);
    expect((await connection()).calls_found).toBe('0');
  });

  test('and was modified since is brought up to date, and no late webhook takes that back', async () => {
    atCallRail.push(apiCall(1, 60 * 20, { transcription: null }));
    await polled(worker);
    atCallRail[0] = apiCall(1, 60 * 20, {
      note: 'Booked',
      customer_name: 'Sarah Mitchell',
      tags: ['booked'],
      value: 900,
    });
    const { watermark } = await connection();
    await polled(makeDue);
    const since = queryOf(service.requests.at(-1) as ReceivedRequest).get('start_date');
    expect(Math.floor(minutes(since, watermark))).toBe(48 * 60);
    await tell(hookOf(1, 60 * 20));
    expect(await calls()).toMatchObject([
      {
        caller_name: 'Sarah Mitchell',
        transcript: 'Water is coming through the ceiling.',
        extra: { note: 'Booked', tags: ['booked'], value: 900 },
      },
    ]);
  });

  test('while it is under way is not taken for one that was missed', async () => {
    const ringing = { answered: false, duration: null, call_type: 'in_progress', recording: null, transcription: null };
    atCallRail.push(apiCall(1, 1, ringing));
    await polled(worker);
    expect(await calls()).toMatchObject([{ answered: null, duration_seconds: 0, recording_source_url: null }]);
    expect((await calls())[0].extra).not.toHaveProperty('call_type');
    await tell(hookOf(1, 1));
    expect(await calls()).toMatchObject([{ answered: true, duration_seconds: 142, extra: { call_type: 'answered' } }]);
  });
});

describe('many calls', () => {
  test('come page by page, at the address that the page before named', async () => {
    many(250);
    await polled(worker);
    expect(await calls()).toHaveLength(250);
    expect(offsets()).toEqual([0, 1, 2]);
    expect(new URL(service.requests[1]?.path ?? '', 'http://callrail').pathname).toBe(`/hook/a/${ACCOUNT}/calls`);
  });

  test('are rested between, and gone on with where they were left', async () => {
    many(610);
    await worker();
    await until(async () => (await connection())?.claim === null && (await connection()).page_cursor !== null);
    expect(offsets()).toEqual([0, 1, 2, 3, 4]);
    expect(await calls()).toHaveLength(500);
    const resting = await connection();
    expect(resting).toMatchObject({ last_polled_at: null, watermark: null, failures: 0, error: null });
    expect(resting.due_in).toBeGreaterThan(90);
    await polled(makeDue);
    expect(offsets()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(await calls()).toHaveLength(610);
    expect((await connection()).watermark).toEqual(resting.started_at);
  });

  test('are polled by one of several workers', async () => {
    many(250);
    await polled(() => Promise.all([worker(), worker(), worker()]));
    expect(offsets()).toEqual([0, 1, 2]);
  });
});

describe('a worker that ends in the middle', () => {
  /** The second page is never answered. */
  const hanging = (request: ReceivedRequest) =>
    queryOf(request).get('offset') === '1' ? { hang: true } : callRailApi(() => atCallRail)(request);
  const wellAgain = (): void => service.answer(callRailApi(() => atCallRail));

  test('killed, leaves what another goes on with at the page it was at', async () => {
    many(250);
    service.answer(hanging);
    const program = fileURLToPath(new URL('../worker/worker-process.ts', import.meta.url));
    // what follows from a call is another matter
    const child = fork(program, [db.loginUrl('worker'), '{"tasks":{"kinds":[]}}'], { stdio: 'inherit' });
    await until(() => service.requests.length === 2, 'the second page was asked for');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await calls()).toHaveLength(100);
    const left = await connection();
    expect(left).toMatchObject({ claim: expect.any(String), page_cursor: expect.stringContaining('offset=1') });
    expect(left.due_in).toBeGreaterThan(0);

    wellAgain();
    await worker();
    await polled(makeDue); // its lease is over
    expect(offsets()).toEqual([0, 1, 1, 2]);
    expect(await calls()).toHaveLength(250);
    expect((await connection()).watermark).toEqual(left.started_at);
  });

  test('stopped, ends its page and leaves the rest to be gone on with at once', async () => {
    many(450);
    service.answer((request) => ({ ...callRailApi(() => atCallRail)(request), delayMs: 200 }));
    await worker();
    await until(() => service.requests.length > 0);
    await stopWorkers();
    const left = await connection();
    expect(left).toMatchObject({ claim: null, failures: 0, error: null });
    expect(await calls()).toHaveLength(Math.min(450, service.requests.length * 100));
    if (left.page_cursor !== null) {
      expect(left.due_in).toBeLessThanOrEqual(0);
      await polled(worker);
    }
    // no page was asked for twice
    expect(offsets()).toEqual([0, 1, 2, 3, 4]);
    expect(await calls()).toHaveLength(450);
  });

  test('that was taken over records nothing more', async () => {
    many(150);
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    service.answer(async (request, number) => {
      if (number === 1) {
        asked.resolve();
        await answered.promise;
      }
      return callRailApi(() => (number === 1 ? atCallRail : []))(request);
    });
    await worker();
    await asked.promise;
    // another account: what the old one answers is no longer wanted
    await polled(() =>
      operator.run(organization, saveConnection, { vendor: 'callrail', settings: settings({ overlap_hours: 24 }) }),
    );
    answered.resolve();
    await stopWorkers();
    expect(await calls()).toEqual([]);
  });
});

describe('a service that is not well', () => {
  /** Fails once a poll has come to its second page. */
  async function failing(answer: object): Promise<Awaited<ReturnType<typeof connection>>> {
    many(150);
    service.answer((request) =>
      queryOf(request).get('offset') === '1' ? answer : callRailApi(() => atCallRail)(request),
    );
    await worker();
    await until(async () => (await connection())?.failures > 0, 'the poll failed');
    return connection();
  }
  async function recovers(asked: number[]): Promise<void> {
    service.answer(callRailApi(() => atCallRail));
    await polled(makeDue);
    expect(offsets()).toEqual(asked);
    expect(await calls()).toHaveLength(150);
    expect(await connection()).toMatchObject({ failures: 0, error: null, failing_since: null });
  }

  test.each([
    ['answers 500', { status: 500, body: 'no' }, /answered 500/, 60],
    ['answers with a page', { status: 200, body: '<html>Maintenance</html>' }, /not with JSON/, 60],
    ['answers something else', { status: 200, body: '{"calls":7}' }, /no list of calls/, 60],
    ['has enough, and does not say for how long', { status: 429, body: '{}' }, /answered 429/, 900],
    ['has enough, and says for how long', { status: 429, headers: { 'retry-after': '7200' } }, /answered 429/, 7200],
  ])('and %s is asked again later, for the same page', async (_how, answer, error, pause) => {
    const failed = await failing(answer);
    expect(failed).toMatchObject({
      claim: null,
      last_polled_at: null,
      last_error: expect.stringMatching(error),
      failing_since: expect.any(Date),
      page_cursor: expect.stringContaining('offset=1'),
    });
    expect(failed.due_in).toBeGreaterThan(pause - 50);
    expect(failed.due_in).toBeLessThanOrEqual(pause);
    expect(await calls()).toHaveLength(100);
    await recovers([0, 1, 1]);
  });

  test('and no longer knows the page is asked from the beginning', async () => {
    const failed = await failing({ status: 404, body: '{"error":"Not found"}' });
    expect(failed).toMatchObject({ page_cursor: null, last_error: expect.stringContaining('Not found') });
    await recovers([0, 1, 0, 1]);
  });

  test('fails again and again, and is asked less and less', async () => {
    service.answer({ status: 503 });
    await worker();
    const pauses: number[] = [];
    for (let failure = 1; failure <= 5; failure++) {
      await until(async () => (await connection())?.failures === failure && (await connection()).claim === null);
      pauses.push(Math.ceil((await connection()).due_in / 60));
      await makeDue();
    }
    expect(pauses).toEqual([1, 5, 15, 60, 60]);
  });

  test('refuses the key, and is asked again at once when that is replaced', async () => {
    atCallRail.push(apiCall(1, 30));
    await operator.run(organization, saveConnection, {
      vendor: 'callrail',
      settings: settings(),
      secrets: { api_key: 'another-key-0123' },
    });
    await worker();
    await until(async () => (await connection())?.failures > 0);
    const failed = await connection();
    expect(failed).toMatchObject({ last_error: expect.stringContaining('Access denied'), last_polled_at: null });
    expect(failed.due_in).toBeGreaterThan(3500);
    expect(JSON.stringify(failed)).not.toContain('another-key-0123');
    await polled(() =>
      operator.run(organization, saveConnection, { vendor: 'callrail', settings: settings(), secrets }),
    );
    expect(await calls()).toHaveLength(1);
  });

  test('or lies about its next page gets the key sent nowhere else', async () => {
    const other = await startReceiver();
    service.answer({ body: JSON.stringify({ calls: [], has_next_page: true, next_page: `${other.url}/a/calls` }) });
    await worker();
    await until(async () => (await connection())?.failures > 0);
    expect(await connection()).toMatchObject({ error: expect.stringContaining('another service') });
    expect(other.requests).toEqual([]);
    await other.close();
  });

  test('or sends anything as a call does not keep the others out', async () => {
    await db.admin.query("alter table app.calls add constraint odd check (caller_name <> 'Odd') not valid");
    try {
      const odd = [
        { answered: 1 },
        { id: null },
        { id: 'CAL1', duration: 'x', start_time: {}, tags: '\0', answered: [] },
      ];
      const page = [...odd, apiCall(7, 5, { customer_name: 'Odd' }), apiCall(8, 4)];
      service.answer({ body: JSON.stringify({ calls: page, has_next_page: false }) });
      await polled(worker);
      expect((await calls()).map((call) => call.external_id).toSorted()).toEqual([callId(8), 'CAL1']);
      expect(await connection()).toMatchObject({
        error: expect.stringContaining('cannot be stored'),
        calls_found: '2',
      });
    } finally {
      await db.admin.query('alter table app.calls drop constraint odd');
    }
  });
});
