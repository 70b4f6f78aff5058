import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { claimsOf, makeOrganization } from './fixtures.ts';

let db: TestDatabase;
let organization: string;
beforeAll(async () => {
  db = await createDatabase();
});
beforeEach(async () => {
  organization = await makeOrganization(db);
});
afterAll(() => db.drop());

const asTenant = (text: string, values: unknown[] = []) => db.as('tenant', claimsOf(organization), text, values);
const admin = async (text: string) => (await db.admin.query(text.replaceAll('$org', `'${organization}'`))).rows;
const waiting = async () =>
  (
    await admin("select subject_id from app.tasks where organization_id = $org and kind = 'score_lead' order by id")
  ).map((row) => row.subject_id);
/** Does what the worker does with them, as it does. */
const score = async () => {
  const leads = await waiting();
  await admin('delete from app.tasks where organization_id = $org');
  const [row] = await asTenant('select app.score_leads($1) as scored', [leads]);
  return Number(row?.scored);
};
const lead = async () =>
  (
    await admin(
      'select lead_score, ai_reasoning, scored_at, qualification_completed_at from app.leads where organization_id = $org',
    )
  )[0];

describe('a lead that comes in', () => {
  test.each([
    ['over HTTP', () => asTenant("insert into api.leads (name, phone) values ('Ann', '+14045550173')")],
    [
      'in psql',
      () => admin("insert into app.leads (organization_id, name, phone) values ($org, 'Ann', '+14045550173')"),
    ],
    ['by app.upsert_lead', () => asTenant(`select app.upsert_lead('{"name": "Ann", "phone": "+14045550173"}')`)],
  ])('%s is scored right after, not at once', async (_, insert) => {
    await insert();
    expect(await lead()).toMatchObject({ lead_score: 0, ai_reasoning: null, scored_at: null });
    expect(await waiting()).toHaveLength(1);
    expect(await score()).toBe(1);
    expect(await lead()).toMatchObject({
      lead_score: 10,
      ai_reasoning: 'Phone validated (+0.10)',
      scored_at: expect.any(Date),
      qualification_completed_at: expect.any(Date),
    });
  });

  test('with a score keeps it, and so does one that is won or lost already', async () => {
    await asTenant("insert into api.leads (name, lead_score) values ('Ann', 40)");
    await asTenant("insert into api.leads (name, ai_reasoning) values ('Ann', 'I know her')");
    await asTenant("insert into api.leads (name, pipeline_stage) values ('Ann', 'won')");
    expect(await waiting()).toEqual([]);
  });

  test('by the thousand asks in one go, behind those that come alone', async () => {
    await asTenant("insert into app.leads (name) select 'Lead ' || n from generate_series(1, 1000) as n");
    await asTenant("insert into app.leads (name) values ('Alone')");
    const due = await db.as('worker', null, 'select task_id, kind, priority from app.relay_tasks(5000)');
    const own = due.filter((task) => task.kind === 'score_lead');
    expect(own).toHaveLength(1001);
    expect(
      await admin(
        'select distinct t.priority, count(*)::integer from app.tasks as t where organization_id = $org group by 1 order by 1',
      ),
    ).toEqual([
      { priority: 0, count: 1000 },
      { priority: 5, count: 1 },
    ]);
  });
});

describe('a scored lead', () => {
  beforeEach(async () => {
    await asTenant("insert into api.leads (name, phone) values ('Ann', '+14045550173')");
    await score();
  });

  test.each([
    ["email = 'ann@acme-roofing.com'", 1],
    ["pain_points = 'Burst pipe'", 1],
    ["timeline = 'today'", 1],
    ["pipeline_stage = 'replied'", 1],
    ["phone = '+1 404 555 0174'", 0],
    ["name = 'Bea'", 0],
  ])('of which %s is told is scored anew; what comes to the same is no change', async (change, scored) => {
    await asTenant(`update api.leads set ${change}`);
    expect(await waiting()).toHaveLength(1);
    expect(await score()).toBe(scored);
    expect(await waiting()).toEqual([]);
  });

  test.each(["linkedin_url = 'https://example.com/ann'", "name = 'Ann'", "pipeline_stage = 'lost'"])(
    'of which %s is told is not',
    async (change) => {
      await asTenant(`update api.leads set ${change}`);
      expect(await waiting()).toEqual([]);
    },
  );

  test('whose score somebody sets keeps it, until the rules are asked', async () => {
    await asTenant("update api.leads set email = 'ann@acme-roofing.com'");
    await asTenant('update api.leads set lead_score = 92');
    expect(await lead()).toMatchObject({ lead_score: 92, scored_at: null });
    expect(await score()).toBe(0);
    await asTenant("update api.leads set pain_points = 'Burst pipe'");
    expect(await waiting()).toEqual([]);
    expect(await lead()).toMatchObject({ lead_score: 92 });
    await asTenant('select app.score_lead(id) from app.leads');
    expect(await lead()).toMatchObject({ lead_score: 40, scored_at: expect.any(Date) });
    await asTenant("update api.leads set timeline = 'now'");
    expect(await score()).toBe(1);
  });

  test('scored twice in one transaction is the rules’ still', async () => {
    await asTenant(
      'do $$ begin perform app.score_lead(id) from app.leads; update app.scoring_rules set weight = 0.5; perform app.score_lead(id) from app.leads; end $$',
    );
    expect(await lead()).toMatchObject({ lead_score: 50, scored_at: expect.any(Date) });
  });
});

test('leads of another organization are out of reach', async () => {
  const [other] = await db.as(
    'tenant',
    claimsOf(await makeOrganization(db)),
    "insert into app.leads (phone) values ('+14045550173') returning id",
  );
  const [row] = await asTenant('select app.score_leads($1) as scored', [[other?.id]]);
  expect(row?.scored).toBe('0');
});
