import { describe, expect, test } from 'vitest';
import { fitCall } from '../../connectors/call-draft.ts';
import { saveConnection } from '../../src/domain/connections.ts';
import { registerWebhook, relay } from '../sql/fixtures.ts';
import { createOrganization } from '../support/gateway.ts';
import { until } from '../worker/fixtures.ts';
import {
  calls,
  db,
  deliver,
  gateway,
  operator,
  organization,
  secrets,
  send,
  settings,
  settled,
  stopWorkers,
  tell,
  worker,
} from './callrail-setup.ts';
import { leadsOf, receiptsOf } from './fixtures.ts';
import { CALLRAIL_EXAMPLE, COMPANY, callRailDelivery } from './vendors/callrail-api.ts';

const ID = 'CALb14811eb573645c6989000cf426b9772';

/** What CallRail tells when a phone rings: nothing is known yet of how it ends. */
const PRE_CALL = {
  resource_id: ID,
  company_resource_id: COMPANY,
  company_name: 'Water & Fire',
  tracker_resource_id: 'TRK8154748ae6bd4e278a7cddd38a662f4f',
  person_resource_id: 'PER8154748ae6bd4e278a7cddd38a662f4f',
  answered: false,
  voicemail: false,
  call_type: 'missed',
  duration: 0,
  direction: 'inbound',
  customer_name: 'MITCHELL SARAH',
  customer_phone_number: '+14045550173',
  customer_city: 'Atlanta',
  customer_state: 'GA',
  customer_country: 'US',
  tracking_phone_number: '+17705550199',
  source_name: 'Google Ads pool',
  start_time: '2026-04-27T13:42:11.214-04:00',
};
const ROUTED = { ...PRE_CALL, business_phone_number: '+17705550100', tags: ['emergency'] };
const POST_CALL = {
  ...ROUTED,
  answered: true,
  call_type: 'first_call',
  duration: 142,
  source: 'Google Ads',
  recording: 'https://app.callrail.com/calls/CALb1/recording/redirect?access_key=aaaa',
  recording_duration: 140,
  transcription: 'Water is coming through the ceiling.',
  keywords: 'water damage atlanta',
  note: '',
  gclid: 'Cj0KCQ',
  utm_source: 'google',
  utm_campaign: 'Water damage',
};
const MODIFIED = {
  ...POST_CALL,
  customer_name: 'Sarah Mitchell',
  note: 'Call back',
  tags: ['emergency', 'booked'],
  changes: ['note', 'tags'],
};

describe('a delivery', () => {
  test('is stored as it came, answered, and becomes a call, under no more than the right to write calls', async () => {
    expect(await deliver(POST_CALL)).toBe(200);
    expect(await receiptsOf(db, organization)).toMatchObject([{ state: 'pending', attempts: 0 }]);
    await worker();
    await settled('done');
    const [call, ...more] = await calls();
    expect(more).toEqual([]);
    expect(call).toMatchObject({
      source: 'callrail',
      external_id: ID,
      received_at: new Date('2026-04-27T17:42:11.214Z'),
      tracking_number: '+17705550199',
      caller_number: '+14045550173',
      caller_name: 'MITCHELL SARAH',
      caller_city: 'Atlanta',
      caller_state: 'GA',
      caller_country: 'US',
      direction: 'inbound',
      answered: true,
      voicemail: false,
      duration_seconds: 142,
      marketing_source: 'Google Ads',
      recording_source_url: POST_CALL.recording,
      transcript: 'Water is coming through the ceiling.',
    });
    const [receipt] = await receiptsOf(db, organization);
    expect(receipt).toMatchObject({ state: 'done', attempts: 1, error: null, lead_ids: [], call_ids: [call.id] });
    expect(await leadsOf(db, organization)).toEqual([]);
    const entries = await db.admin.query(
      "select source, correlation_id from audit.platform_events where organization_id = $1 and action = 'call.created'",
      [organization],
    );
    expect(entries.rows).toEqual([{ source: 'worker', correlation_id: `hook_${receipt?.id}` }]);
  });

  test('is accepted while somebody keeps the call locked that the one before it told of', async () => {
    await worker();
    await tell(POST_CALL);
    const somebody = await db.admin.connect();
    await somebody.query('begin');
    await somebody.query('select from app.calls where organization_id = $1 for update', [organization]);
    expect(await deliver(MODIFIED)).toBe(200);
    await until(
      async () =>
        (
          await db.admin.query(
            "select from pg_stat_activity where datname = current_database() and application_name = 'trunkline worker' and wait_event_type = 'Lock'",
          )
        ).rowCount,
      'the worker to wait',
    );
    const status = await deliver({ ...POST_CALL, resource_id: ID.replace('b', 'c') });
    await somebody.query('rollback');
    somebody.release();
    expect(status).toBe(200);
    await settled('done', 3);
    expect(await calls()).toHaveLength(2);
  });

  test('keeps in extra what no column is for', async () => {
    await worker();
    await tell({ ...POST_CALL, brand_new: { nested: [1, '😀'] } });
    const [{ extra }] = await calls();
    expect(extra).toMatchObject({
      business_phone_number: '+17705550100',
      company_resource_id: COMPANY,
      source_name: 'Google Ads pool',
      keywords: 'water damage atlanta',
      tags: ['emergency'],
      gclid: 'Cj0KCQ',
      utm_campaign: 'Water damage',
      brand_new: { nested: [1, '😀'] },
    });
    for (const name of ['resource_id', 'customer_name', 'answered', 'transcription'])
      expect(extra).not.toHaveProperty(name);
  });

  test('that is a form with the same fields makes the same call', async () => {
    const { tags, ...fields } = POST_CALL;
    const form = new URLSearchParams();
    for (const [name, value] of Object.entries(fields)) form.append(name, String(value));
    for (const tag of [...tags, 'second']) form.append('tags[]', tag);
    expect(await deliver(form.toString(), 'application/x-www-form-urlencoded; charset=utf-8')).toBe(200);
    await worker();
    await settled('done');
    expect(await calls()).toMatchObject([
      {
        external_id: ID,
        answered: true,
        voicemail: false,
        duration_seconds: 142,
        received_at: new Date('2026-04-27T17:42:11.214Z'),
        extra: { tags: ['emergency', 'second'] },
      },
    ]);
  });

  test('with nothing that fits still makes its call, and keeps what did not', async () => {
    const deep = `${'['.repeat(1000)}1${']'.repeat(1000)}`;
    const odd = {
      resource_id: `CAL\0${'f'.repeat(400)}`,
      company_resource_id: COMPANY,
      answered: 'perhaps',
      voicemail: null,
      duration: 1e9,
      direction: 'sideways',
      customer_name: `\uD800${'é'.repeat(300)}`,
      customer_phone_number: '4'.repeat(60),
      customer_city: { name: 'Atlanta' },
      customer_state: 'x'.repeat(500),
      tracking_phone_number: '1',
      recording: 'javascript:alert(1)',
      transcription: 'w'.repeat(250_000),
      start_time: '9999-12-31T23:59:59Z',
      'no\0t': '\0\uDC00',
    };
    expect(await deliver(JSON.stringify(odd).replace(/}$/, `,"__proto__":{"a":1},"deep":${deep}}`))).toBe(200);
    await worker();
    await until(async () => (await receiptsOf(db, organization)).every(({ state }) => state !== 'pending'));
    expect(await receiptsOf(db, organization)).toMatchObject([{ state: 'done', attempts: 1, error: null }]);
    const [call] = await calls();
    expect(call).toMatchObject({
      answered: null,
      duration_seconds: 0,
      direction: 'inbound',
      caller_number: null,
      caller_city: null,
      tracking_number: null,
      recording_source_url: null,
      extra: {
        answered: 'perhaps',
        duration_seconds: 1e9,
        direction: 'sideways',
        caller_number: odd.customer_phone_number,
        customer_city: { name: 'Atlanta' },
        received_at: '9999-12-31T23:59:59.000Z',
        not: '\uFFFD',
      },
    });
    expect(call.external_id).toHaveLength(255);
    expect(call.caller_name).toHaveLength(200);
    expect(call.transcript).toHaveLength(200_000);
    expect(call.received_at.getTime()).toBeLessThanOrEqual(Date.now());
  });
});

describe('a forged delivery stores nothing', () => {
  test.each([
    ['signed with another key', () => send(callRailDelivery(POST_CALL, 'another key'))],
    ['not signed', () => send({ body: JSON.stringify(POST_CALL), headers: {} })],
    [
      'tampered with',
      () => {
        const { body, headers } = callRailDelivery(POST_CALL, secrets.signing_key);
        return send({ body: body.replace('142', '143'), headers });
      },
    ],
  ])('%s', async (_how, forged) => {
    expect(await forged()).toBe(401);
    expect(await receiptsOf(db, organization)).toEqual([]);
    await worker();
    expect(await calls()).toEqual([]);
  });

  test('while what CallRail published as an example, with its key and signature, is taken', async () => {
    const { body, signature } = CALLRAIL_EXAMPLE;
    expect(await send({ body, headers: { 'content-type': 'application/json', signature } })).toBe(200);
    await worker();
    await settled('done');
    expect(await calls()).toMatchObject([{ external_id: '766970532', voicemail: true, duration_seconds: 13 }]);
  });
});

describe('what is told of one call several times', () => {
  test('is one call with the newest facts, announced once', async () => {
    await registerWebhook(db, organization, 'https://receiver.example.com/calls', ['call.received']);
    await worker();
    await tell(PRE_CALL);
    expect(await calls()).toMatchObject([{ external_id: ID, answered: null, duration_seconds: 0, transcript: null }]);
    await tell(ROUTED, POST_CALL, POST_CALL, MODIFIED);
    expect(await calls()).toMatchObject([
      {
        external_id: ID,
        answered: true,
        duration_seconds: 142,
        caller_name: 'Sarah Mitchell',
        extra: { note: 'Call back', tags: ['emergency', 'booked'], call_type: 'first_call', gclid: 'Cj0KCQ' },
      },
    ]);
    // the worker relays too: what it has in hand, another relay skips
    await stopWorkers();
    await relay(db);
    const { rows } = await db.admin.query('select type from app.events where organization_id = $1', [organization]);
    expect(rows).toEqual([{ type: 'call.received' }]);
  });

  test('at once, by several workers, is one call', async () => {
    await worker();
    await worker();
    await Promise.all([1, 2, 3, 4, 5, 6].map(() => deliver(POST_CALL)));
    await settled('done', 6);
    expect(await calls()).toHaveLength(1);
  });

  test('and overtaken: what was told while it rang takes nothing back', async () => {
    await worker();
    await tell(POST_CALL, PRE_CALL);
    expect(await calls()).toMatchObject([
      { answered: true, duration_seconds: 142, extra: { call_type: 'first_call', tags: ['emergency'] } },
    ]);
  });

  test('of a call that nobody answered, says so once it is over', async () => {
    await worker();
    await tell(PRE_CALL, { ...PRE_CALL, recording: null, voicemail: true, duration: '9' });
    expect(await calls()).toMatchObject([{ answered: false, voicemail: true, duration_seconds: 9 }]);
  });

  test('and modified before it was told how it ended: nothing that was modified is taken back, what is missing is filled in', async () => {
    const { transcription, recording, ...modified } = MODIFIED;
    await worker();
    await tell({ ...modified, value: 900 }, { ...POST_CALL, value: '', utm_term: 'burst pipe' });
    expect(await calls()).toMatchObject([
      {
        caller_name: 'Sarah Mitchell',
        transcript: transcription,
        recording_source_url: recording,
        extra: { note: 'Call back', tags: ['emergency', 'booked'], value: 900, utm_term: 'burst pipe' },
      },
    ]);
  });

  test('in whichever order it comes, and at once, is the same call in the end', async () => {
    const told = [PRE_CALL, ROUTED, POST_CALL, MODIFIED];
    await worker();
    await worker();
    const found: object[] = [];
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [2, 3, 0, 1],
      [1, 3, 2, 0],
    ]) {
      const id = `CAL${crypto.randomUUID().replaceAll('-', '')}`;
      await tell(...order.map((index) => ({ ...told[index], resource_id: id })));
      const { caller_name, answered, duration_seconds, transcript, extra } = (await calls()).find(
        (call) => call.external_id === id,
      );
      found.push({ caller_name, answered, duration_seconds, transcript, extra });
    }
    expect(new Set(found.map((call) => JSON.stringify(Object.entries(call).toSorted())))).toHaveLength(1);
    expect(found[0]).toMatchObject({ caller_name: 'Sarah Mitchell', answered: true, extra: { note: 'Call back' } });
  });

  test('and told the same again, writes nothing', async () => {
    await worker();
    await tell(POST_CALL, MODIFIED);
    const before = await calls();
    await tell(MODIFIED, POST_CALL, PRE_CALL);
    expect(await calls()).toEqual(before);
    const { rows } = await db.admin.query(
      "select action from audit.platform_events where organization_id = $1 and action like 'call.%'",
      [organization],
    );
    expect(rows.map(({ action }) => action)).toEqual(['call.created', 'call.updated']);
  });
});

describe('what makes no call is kept as done, and says why', () => {
  test.each([
    [
      'a text message',
      { id: 7, resource_id: 'SMSb14811eb573645c6989000cf426b9772', content: 'Hello', source_number: '+14045550173' },
    ],
    ['a form', { id: 8, company_id: 155_920_786, form_data: { name: 'Sarah' }, form_url: 'https://example.com' }],
    ['an id of nothing', { answered: true }],
  ])('%s', async (_what, payload) => {
    await worker();
    await tell(payload);
    expect(await receiptsOf(db, organization)).toMatchObject([
      { state: 'done', error: 'It tells of no call: a text message or a form, perhaps.' },
    ]);
    expect(await calls()).toEqual([]);
    const { rows } = await db.admin.query(
      'select last_error, failing_since from api.connections where organization_id = $1',
      [organization],
    );
    expect(rows).toEqual([{ last_error: null, failing_since: null }]);
  });

  test('a call of another company', async () => {
    await operator.run(organization, saveConnection, {
      vendor: 'callrail',
      settings: settings({ company_id: COMPANY }),
    });
    await worker();
    await tell({ ...POST_CALL, company_resource_id: 'COM00000000000000000000000000000000' }, POST_CALL);
    expect((await receiptsOf(db, organization)).map(({ state, error }) => [state, error])).toEqual([
      ['done', 'It tells of a call of another company than company_id.'],
      ['done', null],
    ]);
    expect(await calls()).toHaveLength(1);
  });
});

test('what cannot be read is given up with a reason', async () => {
  await deliver('not JSON');
  await worker();
  await settled('dead');
  expect(await receiptsOf(db, organization)).toMatchObject([{ error: expect.stringContaining('has no fields') }]);
});

test('a call of an organization is a call of no other', async () => {
  const other = await createOrganization(db, 'Another');
  const theirs = await operator.connect(other, 'callrail', { settings: settings(), secrets });
  await gateway.request('POST', theirs, callRailDelivery(POST_CALL, secrets.signing_key));
  await worker();
  await tell(POST_CALL);
  await until(async () => (await receiptsOf(db, other)).every(({ state }) => state === 'done'));
  const { rows } = await db.admin.query('select organization_id from app.calls where external_id = $1', [ID]);
  expect(rows.filter(({ organization_id: id }) => id === organization || id === other)).toHaveLength(2);
});

test('a draft keeps a part of a text, but never of a number', () => {
  const draft = { source: 'callrail', external_id: '1', caller_name: 'x'.repeat(201), caller_number: '1'.repeat(41) };
  expect(fitCall(draft)).toEqual({
    source: 'callrail',
    external_id: '1',
    caller_name: 'x'.repeat(200),
    extra: { caller_number: '1'.repeat(41) },
  });
});
