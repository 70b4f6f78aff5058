import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { claimsOf, failure, makeOrganization, registerWebhook, relay } from './fixtures.ts';

let db: TestDatabase;
let organization: string;
beforeAll(async () => {
  db = await createDatabase();
  organization = await makeOrganization(db);
  await registerWebhook(db, organization, 'https://receiver.example.com/calls', [
    'call.received',
    'call.classified',
    'call.qualified',
  ]);
});
afterAll(() => db.drop());

/** Types and bodies of the events that are due, in the order they were made. */
async function events(): Promise<{ type: string; data: Record<string, unknown> }[]> {
  await relay(db);
  const { rows } = await db.admin.query(
    'delete from app.events as v where organization_id = $1 returning id, type, app.event_body($2, v)::jsonb as body',
    [organization, 'eal'],
  );
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ type, body }) => ({ type, data: body.data }));
}

describe('a call in psql', () => {
  let id: string;

  test('is announced when it comes in', async () => {
    const { rows } = await db.admin.query(
      "insert into app.calls (organization_id, source, caller_number, transcript) values ($1, 'callrail', '+1 404 555 0173', 'Water …') returning id",
      [organization],
    );
    id = rows[0].id;
    expect(await events()).toEqual([
      {
        type: 'call.received',
        data: expect.objectContaining({
          id: expect.stringMatching(/^call_/),
          caller_number: '+1 404 555 0173',
          classification: null,
          dispatch_decision: null,
        }),
      },
    ]);
  });

  test('is announced as classified and as qualified, in that order, each once', async () => {
    await db.admin.query(
      "update app.calls set status = 'classified', intent = 'water', confidence = 0.96, urgency = 'high', qualified = true, classified_by = 'rules', classified_at = now() where id = $1",
      [id],
    );
    await db.admin.query('update app.calls set qualified_at = now() where id = $1', [id]);
    await db.admin.query("update app.calls set caller_name = 'Sarah' where id = $1", [id]);
    const told = await events();
    expect(told.map((event) => event.type)).toEqual(['call.classified', 'call.qualified']);
    expect(told[0]?.data.classification).toEqual({
      intent: 'water',
      confidence: 0.96,
      urgency: 'high',
      qualified: true,
    });
  });

  test.each(['infinity', '-infinity', '20000-01-01'])('does not come in at %s', async (time) => {
    const insert = db.as(
      'tenant',
      claimsOf(organization),
      "insert into api.calls (source, received_at) values ('api', $1)",
      [time],
    );
    expect(await failure(insert)).toMatchObject({ code: 'PT400', detail: { field: 'received_at' } });
  });

  test('says nothing that is derived in the audit log', async () => {
    const { rows } = await db.admin.query(
      "select distinct jsonb_object_keys(payload -> 'diff') as field from audit.platform_events where action like 'call.%'",
    );
    const fields = rows.map((row) => row.field);
    expect(fields).toContain('intent');
    expect(fields).not.toContain('caller_key');
    expect(fields).not.toContain('classification_ms');
  });
});

describe('app.record_call', () => {
  const record = (told: object, claims: object = claimsOf(organization)) =>
    db.as('tenant', claims, 'select (r.call).*, r.created from app.record_call($1) as r', [JSON.stringify(told)]);

  test('makes one call of what several messages tell, whichever comes first', async () => {
    const [late] = await record({
      source: 'callrail',
      external_id: 'CAL1',
      transcript: 'Hello',
      extra: { tags: ['a'], note: 'x' },
    });
    const [early] = await record({
      source: 'callrail',
      external_id: 'CAL1',
      caller_number: '+14045550173',
      duration_seconds: 30,
      extra: { note: 'y' },
    });
    expect([late?.created, early?.created, early?.id === late?.id]).toEqual([true, false, true]);
    expect(early).toMatchObject({
      transcript: 'Hello',
      caller_number: '+14045550173',
      duration_seconds: 30,
      extra: { tags: ['a'], note: 'y' },
    });
  });

  test('replaces by what is newer, and fills gaps by what is older', async () => {
    const base = { source: 'callrail', external_id: 'CAL2' };
    await record({
      ...base,
      as_of: '2026-04-27T14:00:00Z',
      caller_name: 'Sarah',
      answered: false,
      extra: { note: 'new', tags: [] },
    });
    const [older] = await record({
      ...base,
      as_of: '2026-04-27T13:00:00Z',
      caller_name: 'MITCHELL',
      caller_city: 'Atlanta',
      answered: true,
      duration_seconds: 30,
      extra: { note: 'old', value: 9 },
    });
    expect(older).toMatchObject({
      created: false,
      caller_name: 'Sarah',
      caller_city: 'Atlanta',
      answered: false,
      duration_seconds: 30,
      extra: { note: 'new', tags: [], value: 9 },
      as_of: new Date('2026-04-27T14:00:00Z'),
    });
    const [newer] = await record({ ...base, as_of: '2026-04-27T15:00:00Z', answered: true, extra: { note: null } });
    expect(newer).toMatchObject({
      caller_name: 'Sarah',
      answered: true,
      extra: { note: null, value: 9 },
      as_of: new Date('2026-04-27T15:00:00Z'),
    });
  });

  test('writes nothing where nothing is new, also of a later time', async () => {
    const told = { source: 'callrail', external_id: 'CAL3', caller_name: 'Sarah', extra: { tags: ['a'] } };
    await record({ ...told, as_of: '2026-04-27T14:00:00Z' });
    const version = async () =>
      (await db.admin.query("select xmin, c.* from app.calls as c where external_id = 'CAL3'")).rows[0];
    const before = await version();
    const [again] = await record(told);
    expect(again).toMatchObject({ id: before.id, created: false, caller_name: 'Sarah' });
    expect(await version()).toEqual(before);
  });

  test('takes an address of the recording that needs credentials only where there is no other', async () => {
    const spare = { source: 'callrail', external_id: 'CAL4', spare_recording_url: 'https://api.example.com/1' };
    const [only] = await record(spare);
    expect(only?.recording_source_url).toBe('https://api.example.com/1');
    const [better] = await record({ ...spare, recording_source_url: 'https://example.com/1' });
    expect(better?.recording_source_url).toBe('https://example.com/1');
    const [kept] = await record(spare);
    expect(kept?.recording_source_url).toBe('https://example.com/1');
  });

  test('of two organizations with the same id at the source makes two', async () => {
    const other = await makeOrganization(db, 'Other');
    const [made] = await record({ source: 'callrail', external_id: 'CAL1' }, claimsOf(other));
    expect(made).toMatchObject({ created: true, organization_id: other });
  });

  test('by eight at once makes one', async () => {
    const told = { source: 'callrail', external_id: 'CAL8', extra: {} };
    const rows = await Promise.all(Array.from({ length: 8 }, (_, n) => record({ ...told, extra: { [`m${n}`]: n } })));
    expect(rows.filter(([row]) => row?.created)).toHaveLength(1);
    const { rows: kept } = await db.admin.query("select extra from app.calls where external_id = 'CAL8'");
    expect(kept).toHaveLength(1);
    expect(Object.keys(kept[0].extra)).toHaveLength(8);
  });

  test('needs the scope, and says which field is wrong', async () => {
    expect(await failure(record({ source: 'api' }, claimsOf(organization, { scopes: ['calls.read'] })))).toMatchObject({
      code: 'PT403',
    });
    expect(await failure(record({ source: 'api', direction: 'sideways' }))).toMatchObject({ code: '23514' });
  });
});

describe('outcomes of calls', () => {
  const CALLS = [
    // a quarter past eight in the evening of the day before, in New York
    ['2026-04-28T00:15:00Z', 'water'],
    // the hour that comes twice when clocks are put back, both times; and when they are put forward, the one after the one that is left out
    ['2026-11-01T05:30:00Z', 'fire'],
    ['2026-11-01T06:30:00Z', 'fire'],
    ['2026-03-08T07:10:00Z', 'mold'],
  ];
  const outcomes = async (timezone?: string) => {
    const organization = await makeOrganization(db);
    if (timezone) {
      await db.admin.query('update app.organizations set settings = $2 where id = $1', [organization, { timezone }]);
    }
    for (const [receivedAt, intent] of CALLS) {
      await db.admin.query(
        "insert into app.calls (organization_id, source, received_at, intent, duration_seconds) values ($1, 'api', $2, $3, 60)",
        [organization, receivedAt, intent],
      );
    }
    return db.as(
      'tenant',
      claimsOf(organization),
      'select day::text, hour, intent, calls::integer, time_zone from api.call_outcomes order by day, hour, intent',
    );
  };

  test('are counted by the day and hour of the organization', async () => {
    const time_zone = 'America/New_York';
    expect(await outcomes(time_zone)).toEqual([
      { day: '2026-03-08', hour: 3, intent: 'mold', calls: 1, time_zone },
      { day: '2026-04-27', hour: 20, intent: 'water', calls: 1, time_zone },
      { day: '2026-11-01', hour: 1, intent: 'fire', calls: 2, time_zone },
    ]);
  });

  test('are counted in UTC where it has no time zone', async () => {
    const time_zone = 'UTC';
    expect(await outcomes()).toEqual([
      { day: '2026-03-08', hour: 7, intent: 'mold', calls: 1, time_zone },
      { day: '2026-04-28', hour: 0, intent: 'water', calls: 1, time_zone },
      { day: '2026-11-01', hour: 5, intent: 'fire', calls: 1, time_zone },
      { day: '2026-11-01', hour: 6, intent: 'fire', calls: 1, time_zone },
    ]);
  });

  test('are told to a parent by the clock of the child', async () => {
    const parent = await makeOrganization(db, 'Parent');
    const child = await makeOrganization(db, 'Child', parent);
    await db.admin.query(`update app.organizations set settings = '{"timezone": "Asia/Tokyo"}' where id = $1`, [child]);
    await db.admin.query(
      `insert into app.calls (organization_id, source, received_at) values ($1, 'api', '2026-04-27T23:00:00Z')`,
      [child],
    );
    await db.as('tenant', claimsOf(child), 'select from app.give_grant($1, $2, $3, null)', [
      child,
      parent,
      ['calls.read'],
    ]);
    const reading = claimsOf(parent, { target_organization_id: child });
    expect(await db.as('tenant', reading, 'select day::text, hour, time_zone from api.call_outcomes')).toEqual([
      { day: '2026-04-28', hour: 8, time_zone: 'Asia/Tokyo' },
    ]);
  });
});

test('how long a classification took is how long the first one took', async () => {
  const { rows } = await db.admin.query(
    `insert into app.calls (organization_id, source, received_at, intent, classified_at, classified_by)
     values ($1, 'api', now() - interval '2 days', 'water', now() - interval '2 days' + interval '11 seconds', 'rules') returning id, classification_ms`,
    [organization],
  );
  expect(rows).toMatchObject([{ classification_ms: 11_000 }]);
  await db.as('tenant', claimsOf(organization), "select from app.correct_call($1, 'mold')", [rows[0].id]);
  const kept = async () =>
    (await db.admin.query('select classified_by, classification_ms from app.calls where id = $1', [rows[0].id])).rows;
  expect(await kept()).toEqual([{ classified_by: 'person', classification_ms: 11_000 }]);
  // the tracker knows better when it came in
  await db.admin.query("update app.calls set received_at = received_at + interval '4 seconds' where id = $1", [
    rows[0].id,
  ]);
  expect(await kept()).toMatchObject([{ classification_ms: 7000 }]);
});
