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
