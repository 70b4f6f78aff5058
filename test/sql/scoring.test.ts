import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { claimsOf, failure, makeOrganization, NO_SUCH_ID } from './fixtures.ts';

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

async function score(fields: Record<string, string>): Promise<{ lead_score: number; ai_reasoning: string }> {
  const columns = Object.keys(fields);
  const [lead] = await asTenant(
    `insert into api.leads (${columns}) values (${columns.map((_, i) => `$${i + 1}`)}) returning id`,
    Object.values(fields),
  );
  const [scored] = await asTenant('select lead_score, ai_reasoning from api.score_lead($1)', [lead?.id]);
  return scored as { lead_score: number; ai_reasoning: string };
}

describe('the rules an organization starts with', () => {
  test('an urgent lead with everything scores high, and says why, heaviest first', async () => {
    const { lead_score, ai_reasoning } = await score({
      name: 'Sarah Mitchell',
      email: 'sarah@mitchell-roofing.example',
      phone: '+14045550173',
      company: 'Mitchell Roofing',
      pain_points: 'Burst pipe in the basement',
      timeline: 'this_week',
      budget_range: '$10k',
      source: 'google_ads',
    });
    expect(lead_score).toBe(98);
    expect(ai_reasoning).toBe(
      'Describes an urgent problem (+0.20); Needs it now (+0.20); Can be phoned (+0.15); Budget named (+0.10); Email given (+0.10); ' +
        'Answered an advertisement (+0.08); Business email (+0.05); Company named (+0.05); Full name given (+0.05)',
    );
  });

  test.each([
    ['a free mail address is no business email', { email: 'ann@gmail.com' }, 10, 'Email given (+0.10)'],
    [
      'a disposable address sinks it, not below 0',
      { email: 'x@mailinator.com' },
      0,
      'Disposable email (-0.40); Email given (+0.10); Business email (+0.05)',
    ],
    [
      'a problem that is not urgent counts less',
      { handle: 'u/x', pain_points: 'Old carpet' },
      8,
      'Describes the problem (+0.08)',
    ],
    ['nothing known scores nothing', { handle: 'u/some_redditor' }, 0, 'No rule found anything'],
    ['a referral counts', { handle: 'u/x', source: 'partner_referral' }, 15, 'Came by referral (+0.15)'],
    ['a reply counts', { handle: 'u/x', pipeline_stage: 'replied' }, 15, 'Replied (+0.15)'],
  ] as [string, Record<string, string>, number, string][])('%s', async (_, fields, lead_score, ai_reasoning) => {
    expect(await score(fields)).toEqual({ lead_score, ai_reasoning });
  });
});

test('rules are data: an admin key changes, adds, switches off and removes them', async () => {
  await asTenant('delete from api.scoring_rules');
  await asTenant(`insert into api.scoring_rules (label, predicate, weight) values
    ('Is called Ann', '$.name ? (@ == "Ann")', 0.5), ('From Georgia', '$.context.state ? (@ == "GA")', 0.25), ('Always', '$.id', 0.9)`);
  expect(await score({ name: 'Ann', context: '{"state": "GA"}' })).toEqual({
    lead_score: 100,
    ai_reasoning: 'Always (+0.90); Is called Ann (+0.50); From Georgia (+0.25)',
  });
  await asTenant("update api.scoring_rules set enabled = false where label = 'Always'");
  await asTenant("update api.scoring_rules set weight = -0.1 where label = 'From Georgia'");
  expect(await score({ name: 'Ann', context: '{"state": "GA"}' })).toEqual({
    lead_score: 40,
    ai_reasoning: 'Is called Ann (+0.50); From Georgia (-0.10)',
  });
});

test('a predicate that does not fit the lead finds nothing, and does no harm', async () => {
  await asTenant('delete from api.scoring_rules');
  await asTenant(
    `insert into api.scoring_rules (label, predicate, weight) values ('Odd', 'strict $.context.deep.deeper.double() ? (@ > 1)', 0.5)`,
  );
  expect(await score({ name: 'Ann' })).toMatchObject({ lead_score: 0 });
});

test('a predicate that is no jsonpath, and a weight beyond 1, are refused', async () => {
  const add = (predicate: string, weight: number) =>
    asTenant('insert into api.scoring_rules (label, predicate, weight) values ($1, $2, $3)', ['x', predicate, weight]);
  expect(await failure(add('no path (', 0.1))).toMatchObject({ code: '42601' });
  expect(await failure(add('$', 1.5))).toMatchObject({ code: '23514' });
});

test('the rules of another organization do not count', async () => {
  const other = await makeOrganization(db);
  await db.as('tenant', claimsOf(other), "update api.scoring_rules set weight = 1 where label = 'Full name given'");
  expect(await score({ name: 'Ann Lee' })).toMatchObject({ lead_score: 5 });
});

test('scoring keeps the time of the first qualification and is a change like any other', async () => {
  const [lead] = await asTenant("insert into api.leads (name) values ('Ann Lee') returning id");
  const read = async () =>
    (
      await asTenant('select scored_at, qualification_completed_at as first from api.leads where id = $1', [lead?.id])
    )[0];
  await asTenant('select app.score_lead($1)', [lead?.id]);
  const once = await read();
  expect(once?.scored_at).toEqual(once?.first);
  await asTenant('select app.score_lead($1)', [lead?.id]);
  expect((await read())?.first).toEqual(once?.first);
  const entries = await asTenant(
    "select from api.audit_log where action = 'lead.updated' and payload ->> 'lead_id' = $1",
    [lead?.id],
  );
  expect(entries).toHaveLength(2);
});

test('a key that writes leads scores without being an admin; a lead that is not there answers 404', async () => {
  const claims = claimsOf(organization, { scopes: ['leads.read', 'leads.write'] });
  const [lead] = await db.as('tenant', claims, "insert into api.leads (name) values ('Ann Lee') returning id");
  expect(await db.as('tenant', claims, 'select lead_score from api.score_lead($1)', [lead?.id])).toEqual([
    { lead_score: 5 },
  ]);
  expect(await failure(asTenant('select app.score_lead($1)', [NO_SUCH_ID]))).toMatchObject({
    code: 'PT404',
    hint: 'not_found',
  });
});

test('the rules it starts with are part of its creation, later ones are changes', async () => {
  const actions = async () => (await asTenant('select action from api.audit_log order by id')).map((row) => row.action);
  expect(await actions()).toEqual(['organization.created']);
  await asTenant("insert into api.scoring_rules (label, predicate, weight) values ('x', '$', 0.1)");
  await asTenant("update api.scoring_rules set weight = 0.2 where label = 'x'");
  expect(await actions()).toEqual(['organization.created', 'scoring_rule.created', 'scoring_rule.updated']);
});
