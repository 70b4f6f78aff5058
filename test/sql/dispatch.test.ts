import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { AFTER_HOURS, addCall, done, IN_HOURS, restorer } from './dispatch-fixtures.ts';
import { claimsOf, failure, makeOrganization, NO_SUCH_ID, untilBlocked } from './fixtures.ts';

let db: TestDatabase;
let organization: string;
beforeAll(async () => {
  db = await createDatabase();
  organization = await restorer(db);
});
afterAll(() => db.drop());

const decide = async (columns: object, owner = organization) => {
  const call = await addCall(db, owner, columns);
  const { rows } = await db.admin.query(
    'select d.* from app.calls as c cross join lateral app.decide_dispatch(c) as d where c.id = $1',
    [call],
  );
  return rows[0];
};
const dispatch = (call: string, owner = organization) =>
  db.as('tenant', claimsOf(owner), 'select from app.dispatch_call($1)', [call]);
const set = (changes: object, owner = organization) =>
  db.as('tenant', claimsOf(owner), 'select from app.update_dispatch_settings($1)', [JSON.stringify(changes)]);
const leadsOf = async (owner: string) =>
  (await db.admin.query('select * from app.leads where organization_id = $1 order by created_at', [owner])).rows;

describe('what is to be done about a call', () => {
  const missed = {
    answered: false,
    transcript: null,
    duration_seconds: 0,
    intent: 'other',
    confidence: 0.2,
    qualified: null,
  };
  test.each([
    ['auto_dispatch', 'in_service_radius + qualified + business_hours', {}],
    ['callback', 'in_service_radius + qualified + after_hours', { received_at: AFTER_HOURS, created_at: AFTER_HOURS }],
    ['callback', 'missed_call + business_hours', missed],
    ['callback', 'missed_call + after_hours', { ...missed, received_at: AFTER_HOURS, created_at: AFTER_HOURS }],
    ['callback', 'voicemail + business_hours', { ...missed, voicemail: true }],
    ['ignore', 'sales_pitch', { intent: 'sales_pitch', qualified: false }],
    ['ignore', 'wrong_number', { ...missed, intent: 'wrong_number', confidence: 0.9, qualified: false }],
    ['ignore', 'not_qualified', { intent: 'other', qualified: false }],
    ['ignore', 'out_of_service_radius + qualified + business_hours', { caller_postal_code: '10001' }],
    ['review', 'missed_call + business_hours + number_withheld', { ...missed, caller_number: 'Anonymous' }],
    [
      'review',
      'in_service_radius + qualified + business_hours + number_withheld',
      { caller_number: null, caller_name: null },
    ],
    [
      'review',
      'in_service_radius + qualified + after_hours + number_withheld',
      { caller_number: '+266696687', received_at: AFTER_HOURS, created_at: AFTER_HOURS },
    ],
    ['auto_dispatch', 'in_service_radius + qualified + business_hours', { caller_number: null }],
    ['review', 'low_confidence', { confidence: 0.59 }],
    ['review', 'low_confidence', { intent: 'sales_pitch', confidence: 0.5, qualified: false }],
    ['review', 'qualification_unknown', { intent: 'other', qualified: null }],
    ['review', 'qualified + intent_not_served', { intent: 'other' }],
    ['review', 'place_unknown + qualified + business_hours', { caller_postal_code: null }],
    ['review', 'place_unknown + qualified + business_hours', { caller_postal_code: 'K1A 0B1' }],
    [
      'auto_dispatch',
      'in_service_radius + qualified + business_hours',
      { caller_postal_code: ' ', caller_city: 'Marietta', caller_state: 'GA' },
    ],
    [
      'review',
      'place_unknown + qualified + business_hours',
      { caller_postal_code: null, caller_city: 'New York', caller_state: 'NY' },
    ],
    [
      'callback',
      'place_unknown + qualified + after_hours',
      {
        caller_postal_code: null,
        caller_city: 'New York',
        caller_state: 'NY',
        received_at: AFTER_HOURS,
        created_at: AFTER_HOURS,
      },
    ],
    ['review', 'classified_too_late', { classified_at: '2026-07-06T21:11:00Z' }],
    ['review', 'told_too_late', { created_at: '2026-07-06T21:11:00Z' }],
    ['auto_dispatch', 'in_service_radius + qualified + business_hours', { created_at: '2026-07-06T21:10:00Z' }],
    [null, null, { direction: 'outbound' }],
    [null, null, { classified_at: null }],
  ])('%s: %s', async (action, reason, columns) => {
    expect(await decide(columns)).toEqual({ action, reason });
  });

  test('nothing by itself, until a service area is set', async () => {
    const fresh = await makeOrganization(db, 'Fresh');
    expect(await decide({}, fresh)).toEqual({
      action: 'review',
      reason: 'service_area_not_set + qualified + business_hours',
    });
  });

  test('follows the settings', async () => {
    const owner = await restorer(db, { auto_dispatch: false, qualified_intents: ['fire'] });
    expect(await decide({}, owner)).toEqual({ action: 'review', reason: 'qualified + intent_not_served' });
    await set({ qualified_intents: ['water'] }, owner);
    expect(await decide({}, owner)).toEqual({
      action: 'review',
      reason: 'in_service_radius + qualified + business_hours + auto_dispatch_off',
    });
    await set({ auto_dispatch: true, urgent_at_any_hour: true }, owner);
    const night = { received_at: AFTER_HOURS, created_at: AFTER_HOURS };
    expect(await decide(night, owner)).toEqual({
      action: 'auto_dispatch',
      reason: 'in_service_radius + qualified + urgent_after_hours',
    });
    expect((await decide({ ...night, urgency: 'medium' }, owner)).action).toBe('callback');
  });
});

describe('a call that is dispatched', () => {
  test('makes a lead, a text message and a job in the CRM', async () => {
    const owner = await restorer(db);
    const call = await addCall(db, owner, { marketing_source: 'Google Ads' });
    await dispatch(call, owner);
    expect(await done(db, call)).toEqual({
      action: 'auto_dispatch',
      reason: 'in_service_radius + qualified + business_hours',
      by: 'settings',
      status: 'dispatched',
      lead: expect.any(String),
      messages: 1,
      jobs: 1,
    });
    expect(await leadsOf(owner)).toMatchObject([
      {
        name: 'Sarah Mitchell',
        phone: '+14045550173',
        source: 'callrail',
        pipeline_stage: 'qualified',
        context: { call: { intent: 'water', urgency: 'high', marketing_source: 'Google Ads', postal_code: '30060' } },
      },
    ]);
    const { rows } = await db.admin.query(
      'select channel, to_address, content, purpose, dedupe_key from app.messages where call_id = $1',
      [call],
    );
    expect(rows).toEqual([
      {
        channel: 'sms',
        to_address: '+14045550173',
        content:
          'Hi Sarah, thank you for calling PuroClean of West Cobb. We have your request and a technician will call you from +17705550199 shortly.',
        purpose: 'call_callback',
        dedupe_key: `call:${call}`,
      },
    ]);
  });

  test('becomes the lead that is known by its number, in whatever notation', async () => {
    const owner = await restorer(db);
    await db.admin.query(
      "insert into app.leads (organization_id, name, phone, source, pipeline_stage) values ($1, 'Sarah Smith-Mitchell', '(404) 555-0173', 'website', 'won')",
      [owner],
    );
    const calls = [await addCall(db, owner), await addCall(db, owner)];
    for (const call of calls) await dispatch(call, owner);
    const leads = await leadsOf(owner);
    expect(leads).toMatchObject([
      { name: 'Sarah Smith-Mitchell', phone: '(404) 555-0173', source: 'website', pipeline_stage: 'won' },
    ]);
    expect(await Promise.all(calls.map(async (call) => (await done(db, call)).lead))).toEqual([
      leads[0].id,
      leads[0].id,
    ]);
  });

  test('names the lead that is known by what is no name', async () => {
    const owner = await restorer(db);
    const calls = [await addCall(db, owner, { caller_name: 'WIRELESS CALLER' }), await addCall(db, owner)];
    for (const call of calls) await dispatch(call, owner);
    expect(await leadsOf(owner)).toMatchObject([{ name: 'Sarah Mitchell' }]);
  });

  test('by somebody who withholds the number makes a lead of their own, and no message', async () => {
    const owner = await restorer(db);
    const withheld = ['+266696687', '+7378742833', '+86282452253', 'Restricted', '+10000000000'];
    for (const [index, caller_number] of withheld.entries()) {
      const call = await addCall(db, owner, { caller_number, caller_name: `Caller ${index}` });
      await dispatch(call, owner);
      expect(await done(db, call)).toMatchObject({ action: 'auto_dispatch', messages: 0, jobs: 1 });
    }
    expect((await leadsOf(owner)).map(({ name, phone }) => [name, phone])).toEqual(
      withheld.map((_, index) => [`Caller ${index}`, null]),
    );
    const nobody = await addCall(db, owner, { caller_number: null, caller_name: null });
    await dispatch(nobody, owner);
    expect(await done(db, nobody)).toMatchObject({ action: 'review', lead: null, messages: 0, jobs: 0 });
  });

  test('is texted by a template that nobody can put placeholders into', async () => {
    const owner = await restorer(db, { sms_template: 'Hi {first_name}! {organization}' });
    const text = async (caller_name: string | null) => {
      const call = await addCall(db, owner, { caller_name });
      await dispatch(call, owner);
      return (await db.admin.query('select content from app.messages where call_id = $1', [call])).rows[0].content;
    };
    expect(await text(null)).toBe('Hi! PuroClean of West Cobb');
    expect(await text('{organization} {name}')).toBe('Hi {organization}! PuroClean of West Cobb');
    expect(await text("Ann-Marie O'Neil \\1")).toBe('Hi Ann-Marie! PuroClean of West Cobb');
  });

  test.each([
    ['Sarah Mitchell', 'Sarah', 'Sarah Mitchell'],
    ['SARAH', 'Sarah', 'Sarah'],
    ['MITCHELL,  SARAH ANN', 'Sarah', 'Mitchell, Sarah Ann'],
    ['MITCHELL SARAH', null, 'Mitchell Sarah'],
    ['Mitchell,', null, 'Mitchell,'],
    ['Иван Петров', 'Иван', 'Иван Петров'],
  ])('is greeted as one would: %s', async (told, first, name) => {
    const { rows } = await db.admin.query('select private.first_name($1) as first, private.caller_name($1) as name', [
      told,
    ]);
    expect(rows).toEqual([{ first, name }]);
    const owner = await restorer(db, { sms_template: 'Hi {first_name}, or {name}' });
    const call = await addCall(db, owner, { caller_name: told });
    await dispatch(call, owner);
    const messages = await db.admin.query('select content from app.messages where call_id = $1', [call]);
    expect(messages.rows).toEqual([{ content: `Hi${first ? ` ${first}` : ''}, or ${name}` }]);
  });

  test.each(['WIRELESS CALLER', 'Unknown', 'ATLANTA GA', 'ATLANTA, GA', 'Toll Free Call', '404 555 0173', ' '])(
    'is not greeted by what is no name: %s',
    async (caller_name) => {
      const { rows } = await db.admin.query('select private.caller_name($1) as name', [caller_name]);
      expect(rows).toEqual([{ name: null }]);
    },
  );

  test('without messages or CRM, where the settings say so', async () => {
    const owner = await restorer(db, { sms_callback: false, crm_push: false });
    const call = await addCall(db, owner);
    await dispatch(call, owner);
    expect(await done(db, call)).toMatchObject({
      action: 'auto_dispatch',
      messages: 0,
      jobs: 0,
      lead: expect.any(String),
    });
  });

  test('to a callback makes a lead, and a message where the settings say so', async () => {
    const owner = await restorer(db);
    const night = { received_at: AFTER_HOURS, created_at: AFTER_HOURS };
    const quiet = await addCall(db, owner, night);
    await dispatch(quiet, owner);
    expect(await done(db, quiet)).toMatchObject({ action: 'callback', messages: 0, jobs: 0, lead: expect.any(String) });
    await set({ sms_on_callback: true }, owner);
    const told = await addCall(db, owner, night);
    await dispatch(told, owner);
    expect(await done(db, told)).toMatchObject({ action: 'callback', messages: 1, jobs: 0 });
  });

  test('to be ignored or reviewed makes nothing', async () => {
    const owner = await restorer(db);
    for (const columns of [{ intent: 'sales_pitch', qualified: false }, { confidence: 0.3 }]) {
      const call = await addCall(db, owner, columns);
      await dispatch(call, owner);
      expect(await done(db, call)).toMatchObject({ status: 'dispatched', lead: null, messages: 0, jobs: 0 });
    }
    expect(await leadsOf(owner)).toEqual([]);
  });
});

describe('once', () => {
  test('however often, and however many do it at once', async () => {
    const owner = await restorer(db);
    const call = await addCall(db, owner);
    await Promise.all(Array.from({ length: 8 }, () => dispatch(call, owner)));
    const first = await done(db, call);
    await dispatch(call, owner);
    expect(await done(db, call)).toEqual(first);
    expect(first).toMatchObject({ messages: 1, jobs: 1 });
    expect(await leadsOf(owner)).toHaveLength(1);
    const { rows } = await db.admin.query(
      "select count(*)::integer from audit.platform_events where organization_id = $1 and payload -> 'diff' ? 'dispatch_action'",
      [owner],
    );
    expect(rows).toEqual([{ count: 1 }]);
  });

  test('also of two calls of one new caller at once, one lead', async () => {
    const owner = await restorer(db);
    const calls = await Promise.all(Array.from({ length: 6 }, () => addCall(db, owner)));
    await Promise.all(calls.map((call) => dispatch(call, owner)));
    expect(await leadsOf(owner)).toHaveLength(1);
  });

  test('and all of it or nothing: who is killed in the middle leaves nothing', async () => {
    const owner = await restorer(db);
    const call = await addCall(db, owner);
    const victim = await db.admin.connect();
    await victim.query('begin');
    await victim.query("select set_config('role', 'tenant', true), set_config('request.jwt.claims', $1, true)", [
      JSON.stringify(claimsOf(owner)),
    ]);
    await victim.query('select from app.dispatch_call($1)', [call]);
    const { rows } = await victim.query('select pg_backend_pid() as pid');
    victim.on('error', () => {});
    const second = db.admin.connect().then(async (client) => {
      await client.query('begin');
      await client.query("select set_config('role', 'tenant', true), set_config('request.jwt.claims', $1, true)", [
        JSON.stringify(claimsOf(owner)),
      ]);
      const { rows: own } = await client.query('select pg_backend_pid() as pid');
      const waiting = client.query('select from app.dispatch_call($1)', [call]);
      await untilBlocked(db, own[0].pid);
      await db.admin.query('select pg_terminate_backend($1)', [rows[0].pid]);
      await waiting;
      await client.query('commit');
      client.release();
    });
    await second;
    victim.release(true);
    expect(await done(db, call)).toMatchObject({ action: 'auto_dispatch', messages: 1, jobs: 1 });
    expect(await leadsOf(owner)).toHaveLength(1);
  });

  test('classified anew, it stays what it is', async () => {
    const owner = await restorer(db);
    const call = await addCall(db, owner);
    await dispatch(call, owner);
    const first = await done(db, call);
    await db.admin.query(
      "update app.calls set intent = 'sales_pitch', qualified = false, classified_at = now() where id = $1",
      [call],
    );
    await dispatch(call, owner);
    expect(await done(db, call)).toEqual(first);
  });

  test('but what was left to a person is decided anew when more is known', async () => {
    const owner = await restorer(db);
    const call = await addCall(db, owner, { transcript: null, confidence: 0.3, intent: 'other', qualified: null });
    await dispatch(call, owner);
    expect(await done(db, call)).toMatchObject({ action: 'review', reason: 'low_confidence' });
    await db.admin.query(
      "update app.calls set intent = 'water', qualified = true, confidence = 0.9, classified_at = received_at + interval '5 minutes' where id = $1",
      [call],
    );
    await dispatch(call, owner);
    expect(await done(db, call)).toMatchObject({ action: 'auto_dispatch', messages: 1, jobs: 1 });
  });

  test('… unless that was long ago: nobody is texted about yesterday’s call', async () => {
    const owner = await restorer(db);
    const call = await addCall(db, owner, { caller_postal_code: null });
    await dispatch(call, owner);
    expect(await done(db, call)).toMatchObject({ action: 'review' });
    await db.admin.query(
      "update app.calls set caller_postal_code = '30060', dispatched_at = now() - interval '241 minutes' where id = $1",
      [call],
    );
    await dispatch(call, owner);
    expect(await done(db, call)).toMatchObject({ action: 'review', messages: 0, jobs: 0 });
  });

  test('a call from before there was dispatch is not dispatched because its place becomes known', async () => {
    const owner = await restorer(db);
    const call = await addCall(db, owner, { caller_postal_code: null });
    await db.admin.query('delete from app.tasks where subject_id = $1', [call]);
    await db.admin.query("update app.calls set caller_postal_code = '30060' where id = $1", [call]);
    const { rows } = await db.admin.query('select kind from app.tasks where subject_id = $1', [call]);
    expect(rows).toEqual([]);
  });
});

describe('a person', () => {
  const correct = (call: string, said: object, owner = organization) =>
    db.as(
      'tenant',
      claimsOf(owner),
      'select d.* from jsonb_to_record($2) as s (intent text, urgency text, qualified boolean, action text) cross join lateral app.correct_call($1, s.intent, s.urgency, s.qualified, s.action) as d',
      [call, JSON.stringify(said)],
    );

  test('says what a call was about, and no rule overrides it', async () => {
    const owner = await restorer(db);
    await set({ urgent_at_any_hour: true }, owner);
    const now = new Date();
    const call = await addCall(db, owner, {
      intent: 'sales_pitch',
      qualified: false,
      received_at: now,
      created_at: now,
    });
    expect(await correct(call, { intent: 'fire' }, owner)).toMatchObject([
      {
        intent: 'fire',
        urgency: 'high',
        qualified: true,
        confidence: '1.00',
        classified_by: 'person',
        qualified_at: expect.any(Date),
      },
    ]);
    const { rows } = await db.admin.query(
      "select kind from app.tasks where subject_id = $1 and kind = 'dispatch_call'",
      [call],
    );
    expect(rows).toHaveLength(1);
    await dispatch(call, owner);
    expect(await done(db, call)).toMatchObject({ action: 'auto_dispatch', by: 'settings' });
  });

  const UNCLASSIFIED = {
    ...{ status: 'received', intent: null, confidence: null, urgency: null, qualified: null },
    ...{ classified_by: null, classified_at: null },
  };

  test('who says no more than how urgent it is leaves to the rules what it was about', async () => {
    const owner = await restorer(db);
    const transcript = 'Caller: A pipe burst, water is coming through my basement ceiling.';
    const call = await addCall(db, owner, { ...UNCLASSIFIED, transcript });
    expect(await correct(call, { urgency: 'low' }, owner)).toMatchObject([
      { status: 'classified', intent: 'water', urgency: 'low', qualified: true, classified_by: 'person' },
    ]);
  });

  test('who says so before anything was said is not taken to know that nobody called for us', async () => {
    const owner = await restorer(db);
    const now = new Date();
    const silent = { ...UNCLASSIFIED, transcript: null, received_at: now, created_at: now };
    const call = await addCall(db, owner, silent);
    expect(await correct(call, { urgency: 'high' }, owner)).toMatchObject([
      { intent: 'other', urgency: 'high', qualified: null },
    ]);
    await dispatch(call, owner);
    expect(await done(db, call)).toMatchObject({ action: 'review', reason: 'low_confidence' });

    const known = await addCall(db, owner, { transcript: null, intent: 'other', qualified: null, confidence: 0.3 });
    expect(await correct(known, { urgency: 'high' }, owner)).toMatchObject([{ qualified: null, confidence: '0.30' }]);
    expect(await correct(known, { intent: 'other' }, owner)).toMatchObject([{ qualified: false, confidence: '1.00' }]);
    expect(await correct(known, { qualified: true }, owner)).toMatchObject([{ intent: 'other', qualified: true }]);
  });

  test('who says so of an old call has nobody texted', async () => {
    const owner = await restorer(db);
    const call = await addCall(db, owner, { intent: 'sales_pitch', qualified: false });
    await correct(call, { intent: 'fire' }, owner);
    await dispatch(call, owner);
    expect(await done(db, call)).toMatchObject({ action: 'review', reason: 'classified_too_late', messages: 0 });
  });

  test('says what is to be done, and no setting overrides it', async () => {
    const owner = await restorer(db);
    const ignored = await addCall(db, owner);
    await correct(ignored, { action: 'ignore' }, owner);
    await dispatch(ignored, owner);
    expect(await done(db, ignored)).toMatchObject({
      action: 'ignore',
      reason: 'decided_by_person',
      by: 'person',
      lead: null,
      messages: 0,
    });

    const reviewed = await addCall(db, owner, { confidence: 0.3 });
    await dispatch(reviewed, owner);
    await Promise.all([1, 2, 3].map(() => correct(reviewed, { action: 'auto_dispatch' }, owner)));
    expect(await done(db, reviewed)).toMatchObject({ action: 'auto_dispatch', by: 'person', messages: 1, jobs: 1 });
  });

  test('needs no more than the right to change calls', async () => {
    const owner = await restorer(db);
    const call = await addCall(db, owner);
    const dispatcher = claimsOf(owner, { scopes: ['calls.write'] });
    await db.as('tenant', dispatcher, "select from app.correct_call($1, action => 'auto_dispatch')", [call]);
    expect(await done(db, call)).toMatchObject({
      action: 'auto_dispatch',
      lead: expect.any(String),
      messages: 1,
      jobs: 1,
    });
  });

  test('may dispatch a call that is to be called back: the message was sent already', async () => {
    const owner = await restorer(db, { sms_on_callback: true });
    const call = await addCall(db, owner, { received_at: AFTER_HOURS, created_at: AFTER_HOURS });
    await dispatch(call, owner);
    await correct(call, { action: 'auto_dispatch' }, owner);
    expect(await done(db, call)).toMatchObject({ action: 'auto_dispatch', by: 'person', messages: 1, jobs: 1 });
    expect(await leadsOf(owner)).toHaveLength(1);
  });

  test('is told what is no intent, no action and no call', async () => {
    const call = await addCall(db, organization);
    expect((await failure(correct(call, { intent: 'flood' }))).code).toBe('23514');
    expect((await failure(correct(call, { action: 'dispatch' }))).code).toBe('23514');
    expect((await failure(correct(NO_SUCH_ID, { intent: 'water' }))).code).toBe('PT404');
    expect((await failure(dispatch(NO_SUCH_ID))).code).toBe('PT404');
  });

  test('of another organization, or without the scope, does nothing', async () => {
    const call = await addCall(db, organization);
    const stranger = await makeOrganization(db, 'Stranger');
    expect((await failure(dispatch(call, stranger))).code).toBe('PT404');
    expect((await failure(correct(call, { action: 'ignore' }, stranger))).code).toBe('PT404');
    const reader = claimsOf(organization, { scopes: ['calls.read'] });
    expect((await failure(db.as('tenant', reader, 'select from app.dispatch_call($1)', [call]))).code).toBe('PT403');
    expect((await failure(db.as('tenant', null, 'select from app.dispatch_call($1)', [call]))).code).toBe('PT401');
    expect(await done(db, call)).toMatchObject({ action: null });
  });
});

describe('the way of a call', () => {
  const tasks = async (call: string) =>
    (
      await db.admin.query(
        'select kind, priority, version, run_at > now() as later from app.tasks where subject_id = $1 order by kind',
        [call],
      )
    ).rows;
  const fresh = {
    status: 'received',
    intent: null,
    confidence: null,
    urgency: null,
    qualified: null,
    classified_by: null,
    classified_at: null,
  };
  const classify = { kind: 'classify_call', priority: 10, version: 1, later: false };

  test('begins when it comes in, in psql too, and goes on when it was classified', async () => {
    const call = await addCall(db, organization, fresh);
    expect(await tasks(call)).toEqual([classify]);
    await db.admin.query("update app.calls set marketing_source = 'x' where id = $1", [call]);
    expect(await tasks(call)).toEqual([classify]);
    await db.admin.query("update app.calls set transcript = 'Caller: more', duration_seconds = 300 where id = $1", [
      call,
    ]);
    expect(await tasks(call)).toEqual([{ ...classify, version: 2 }]);
    await db.admin.query(
      "update app.calls set intent = 'water', confidence = 0.9, urgency = 'low', qualified = true, classified_at = now() where id = $1",
      [call],
    );
    expect(await tasks(call)).toEqual([
      { ...classify, version: 2 },
      { ...classify, kind: 'dispatch_call' },
    ]);
  });

  test('is not that of a call that goes out', async () => {
    expect(await tasks(await addCall(db, organization, { ...fresh, direction: 'outbound' }))).toEqual([]);
  });

  test('waits for a transcript where the settings say so, from when the call was told of', async () => {
    const owner = await restorer(db, { transcript_wait_seconds: 60 });
    const now = new Date().toISOString();
    const silent = { ...fresh, transcript: null, received_at: now, created_at: now };
    const call = await addCall(db, owner, silent);
    expect(await tasks(call)).toEqual([{ ...classify, later: true }]);
    await db.admin.query("update app.calls set transcript = 'Caller: Hello' where id = $1", [call]);
    expect(await tasks(call)).toEqual([{ ...classify, version: 2 }]);
    // nobody spoke; told of long ago
    expect(await tasks(await addCall(db, owner, { ...silent, duration_seconds: 0 }))).toEqual([classify]);
    expect(await tasks(await addCall(db, owner, { ...silent, created_at: IN_HOURS }))).toEqual([classify]);
  });

  test('waits while a call may still be under way, for its tracker to tell how it ended', async () => {
    const owner = await restorer(db);
    const now = new Date().toISOString();
    const ringing = { ...fresh, external_id: 'ringing', answered: null, duration_seconds: 0, transcript: null };
    const call = await addCall(db, owner, { ...ringing, received_at: now, created_at: now });
    expect(await tasks(call)).toEqual([{ ...classify, later: true }]);
    await db.admin.query('update app.calls set answered = true where id = $1', [call]);
    expect(await tasks(call)).toEqual([{ ...classify, version: 2, later: true }]);
    await db.admin.query('update app.calls set duration_seconds = 40 where id = $1', [call]);
    expect(await tasks(call)).toEqual([{ ...classify, version: 3 }]);

    for (const over of [
      { answered: false },
      { voicemail: true },
      { recording_source_url: 'https://calls.example.com/1.mp3' },
      // nobody tells more of a call that has no id, and none is under way for hours
      { external_id: null },
      { received_at: IN_HOURS },
    ]) {
      const ended = { ...ringing, external_id: JSON.stringify(over), received_at: now, created_at: now, ...over };
      expect(await tasks(await addCall(db, owner, ended)), JSON.stringify(over)).toContainEqual(classify);
    }
  });
});
