import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { event as eventShape } from '../../src/contracts/ai93/outputs.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { announced, EVENTS, subscribe } from './announced.ts';
import { addLead, claimsOf, makeOrganization, relay } from './fixtures.ts';

// AI93's events are about a column of the lead: each fires when that changed, whoever changed it, and at nothing else.

let db: TestDatabase;
let organization: string;
let endpoint: string;

beforeAll(async () => {
  db = await createDatabase();
  organization = await makeOrganization(db, 'Krew');
  endpoint = await subscribe(db, organization);
});
afterAll(() => db.drop());
beforeEach(() => relay(db));

/** What the changes since are announced as, sorted. */
const types = async (): Promise<string[]> => (await announced(db, { endpoint })).map(({ type }) => type).toSorted();

describe('a change of a lead', () => {
  const update = (set: string) => async (id: string) =>
    void (await db.admin.query(`update app.leads set ${set} where id = $1`, [id]));
  const handOff = (destination: string) => async (id: string) =>
    void (await db.as('tenant', claimsOf(organization), "select from app.hand_off_lead($1, $2, '{}')", [
      id,
      destination,
    ]));
  const reply = async (id: string) =>
    void (await db.as(
      'tenant',
      claimsOf(organization),
      "insert into api.lead_replies (lead_id, message) values ($1, 'Yes')",
      [id],
    ));

  test.each<[what: string, stage: string, change: (id: string) => Promise<void>, expected: string[]]>([
    ['of the stage', 'new', update("pipeline_stage = 'contacted'"), ['lead.status_changed']],
    ['of the stage to won', 'new', update("pipeline_stage = 'won'"), ['lead.converted', 'lead.status_changed']],
    ['of the stage away from won', 'won', update("pipeline_stage = 'lost'"), ['lead.status_changed']],
    ['of the stage to what it is', 'won', update("pipeline_stage = 'won'"), []],
    ['of notes, tags and score', 'won', update("notes = 'x', tags = '{a}', lead_score = 5"), []],
    ['of nothing', 'new', update('notes = notes'), []],
    ['by a first reply', 'new', reply, ['lead.replied', 'lead.status_changed']],
    ['by a reply to who replied before', 'replied', reply, ['lead.replied']],
    ['by a reply to one that was won', 'won', reply, ['lead.replied']],
    ['by a hand-off', 'won', handOff('krew'), ['lead.handed_off']],
    ['of where it went', 'new', update("handed_off_at = now(), handoff_destination = 'psql'"), ['lead.handed_off']],
    [
      'of everything at once',
      'new',
      update("handed_off_at = now(), handoff_destination = 'x', pipeline_stage = 'won', reply_count = 1"),
      ['lead.converted', 'lead.handed_off', 'lead.replied', 'lead.status_changed'],
    ],
  ])('%s (when it is %s)', async (_what, stage, change, expected) => {
    const id = await addLead(db, organization);
    await update(`pipeline_stage = '${stage}'`)(id);
    await relay(db);
    await change(id);
    expect(await types()).toEqual(expected);
  });

  test('that was handed off: again, elsewhere, otherwise changed, taken back', async () => {
    const id = await addLead(db, organization);
    await handOff('krew')(id);
    await relay(db);
    const steps: [(id: string) => Promise<void>, string[]][] = [
      [handOff('krew'), []],
      [handOff('crm'), ['lead.handed_off']],
      [update(`handoff_metadata = '{"a": 1}'`), ['lead.handed_off']],
      [update("notes = 'afterwards'"), []],
      [update("pipeline_stage = 'qualified'"), ['lead.status_changed']],
      [update('handed_off_at = null, handoff_destination = null, handoff_metadata = null'), []],
    ];
    for (const [change, expected] of steps) {
      await change(id);
      expect(await types()).toEqual(expected);
    }
  });

  test('that is new is created, in whatever stage it comes', async () => {
    await db.admin.query("insert into app.leads (organization_id, name, pipeline_stage) values ($1, 'x', 'won')", [
      organization,
    ]);
    expect(await types()).toEqual(['lead.created']);
  });

  test('that is rolled back, or deletes it, is none', async () => {
    const id = await addLead(db, organization);
    await relay(db);
    await db.admin.query(
      `do $$ begin update app.leads set pipeline_stage = 'won' where id = '${id}'; raise exception 'no'; exception when others then end $$`,
    );
    expect(await types()).toEqual([]);
    await db.admin.query('delete from app.leads where id = $1', [id]);
    expect(await types()).toEqual([]);
  });
});

test.each(EVENTS)('a test event %s has the shape of one, with a lead and without any', async (type) => {
  const empty = await makeOrganization(db, 'Empty');
  await addLead(db, organization);
  for (const one of [empty, organization]) {
    const id = await subscribe(db, one, { reach: 'workspace', events: [type] });
    const [row] = await db.as(
      'tenant',
      claimsOf(one),
      "select app.event_body('ai93', sent) as body from app.test_webhook($1, null) as sent",
      [id],
    );
    const body = JSON.parse(row?.body);
    expect(eventShape.parse(body)).toEqual(body);
    expect(body.type).toBe(type);
    await db.as('tenant', claimsOf(one), 'select app.delete_webhook($1)', [id]);
  }
});
