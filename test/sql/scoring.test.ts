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
  test('an urgent lead with everything scores high, and says why in one sentence, heaviest first', async () => {
    const { lead_score, ai_reasoning } = await score({
      name: 'Sarah Mitchell',
      email: 'sarah@mitchell-roofing.com',
      phone: '+14045550173',
      company: 'Mitchell Roofing',
      pain_points: 'Burst pipe in the basement',
      timeline: 'this_week',
      budget_range: '$10k',
      source: 'partner_referral',
      context: '{"form_seconds": 41, "fields": {"zip": "30060"}}',
    });
    expect(lead_score).toBe(88);
    expect(ai_reasoning).toBe(
      'Needs it now (+0.15); urgent problem (+0.15); came by referral (+0.10); phone validated (+0.10); complete details (+0.08); ' +
        'fast form completion (+0.08); budget named (+0.07); business email (+0.05); describes the problem (+0.05); ' +
        'email address validated (+0.05)',
    );
  });

  test.each([
    ['free mail is an address, not a business', { email: 'ann@gmail.com' }, 5, 'Email address validated (+0.05)'],
    [
      'a disposable address sinks it, not below 0',
      { email: 'x@mailinator.com' },
      0,
      'Disposable email address (-0.40)',
    ],
    ['an address at no domain takes from it', { email: 'x@y.invalid' }, 0, 'Email address that cannot exist (-0.10)'],
    ['so does a slip of the pen', { email: 'x@gmial.com' }, 0, 'Mistyped email address (-0.05)'],
    ['so does a number that nobody has', { phone: '111-111-1111' }, 0, 'Phone number that cannot exist (-0.10)'],
    ['a number whose country is not known does neither', { phone: '0171 1234567' }, 0, 'No rule found anything'],
    [
      'a form filled in by a machine',
      { handle: 'u/x', context: '{"form_seconds": 1.5}' },
      0,
      'Form filled in faster than people type (-0.20)',
    ],
    ['a form that took its time', { handle: 'u/x', context: '{"form_seconds": 600}' }, 0, 'No rule found anything'],
    [
      'a problem that can wait counts less',
      { handle: 'u/x', pain_points: 'Old carpet' },
      5,
      'Describes the problem (+0.05)',
    ],
    ['nothing known scores nothing', { handle: 'u/some_redditor' }, 0, 'No rule found anything'],
    ['a referral counts', { handle: 'u/x', source: 'partner_referral' }, 10, 'Came by referral (+0.10)'],
    ['a reply counts', { handle: 'u/x', pipeline_stage: 'replied' }, 15, 'Replied (+0.15)'],
  ] as [string, Record<string, string>, number, string][])('%s', async (_, fields, lead_score, ai_reasoning) => {
    expect(await score(fields)).toEqual({ lead_score, ai_reasoning });
  });

  test('bring 100 at most', async () => {
    await asTenant('update api.scoring_rules set weight = 0.9 where weight > 0');
    expect(await score({ name: 'Ann Lee', email: 'ann@acme-roofing.com', phone: '+14045550173' })).toMatchObject({
      lead_score: 100,
    });
  });
});

test('rules are data: an admin key changes, adds, switches off and removes them', async () => {
  await asTenant('delete from api.scoring_rules');
  await asTenant(`insert into api.scoring_rules (label, predicate, weight) values
    ('Is called Ann', '$.name ? (@ == "Ann")', 0.5), ('From Georgia', '$.context.state ? (@ == "GA")', 0.25), ('Always', '$.id', 0.9)`);
  expect(await score({ name: 'Ann', context: '{"state": "GA"}' })).toEqual({
    lead_score: 100,
    ai_reasoning: 'Always (+0.90); is called Ann (+0.50); from Georgia (+0.25)',
  });
  await asTenant("update api.scoring_rules set enabled = false where label = 'Always'");
  await asTenant("update api.scoring_rules set weight = -0.1 where label = 'From Georgia'");
  expect(await score({ name: 'Ann', context: '{"state": "GA"}' })).toEqual({
    lead_score: 40,
    ai_reasoning: 'Is called Ann (+0.50); from Georgia (-0.10)',
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
  await db.as('tenant', claimsOf(other), "update api.scoring_rules set weight = 1 where label = 'Phone validated'");
  expect(await score({ phone: '+14045550173' })).toMatchObject({ lead_score: 10 });
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
  const [lead] = await db.as('tenant', claims, "insert into api.leads (phone) values ('+14045550173') returning id");
  expect(await db.as('tenant', claims, 'select lead_score from api.score_lead($1)', [lead?.id])).toEqual([
    { lead_score: 10 },
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

describe('a rule', () => {
  const points = async (label: string, predicate: string, lead: string) => {
    await asTenant('delete from api.scoring_rules');
    await asTenant('insert into api.scoring_rules (label, predicate, weight) values ($1, $2, 0.1)', [label, predicate]);
    const [made] = await asTenant(`insert into api.leads ${lead} returning id`);
    return (await asTenant('select ai_reasoning from api.score_lead($1)', [made?.id]))[0]?.ai_reasoning;
  };

  test.each([
    ['a signal', '$.signals.phone_valid ? (@ == true)', "(phone) values ('+14045550173')", true],
    ['a signal that is false', '$.signals.phone_valid ? (@ == false)', "(phone) values ('+1404')", true],
    ['what was detected', '$.signals ? (@ == "hiring")', "(name, signals) values ('Ann', '{hiring}')", true],
    [
      'what was detected, each',
      '$.signals[*] ? (@ == "hiring")',
      "(name, signals) values ('Ann', '{growing,hiring}')",
      true,
    ],
    ['what was not', '$.signals ? (@ == "hiring")', "(name) values ('Ann')", false],
    ['a comparison that holds', '$.signals.phone_valid == true', "(phone) values ('+14045550173')", true],
    ['a comparison that does not', '$.signals.phone_valid == true', "(phone) values ('+1404')", false],
    ['a comparison with nothing', '$.signals.completeness > $.context.least', "(name) values ('Ann')", false],
    ['a negation', '!($.signals.urgent == true)', "(name) values ('Ann')", true],
    ['a sum', '($.signals.completeness + 1) ? (@ > 1)', "(name) values ('Ann Lee')", true],
  ])('reads %s', async (_, predicate, lead, matched) => {
    expect(await points('It', predicate, lead)).toBe(matched ? 'It (+0.10)' : 'No rule found anything');
  });

  test('keeps an abbreviation, and what is no letter, as they are', async () => {
    await asTenant('delete from api.scoring_rules');
    await asTenant(
      "insert into api.scoring_rules (label, predicate, weight) values ('first', '$', 0.4), ('HVAC', '$', 0.3), ('24/7', '$', 0.2), ('Éclair', '$', 0.1)",
    );
    expect((await score({ name: 'Ann' })).ai_reasoning).toBe(
      'First (+0.40); HVAC (+0.30); 24/7 (+0.20); éclair (+0.10)',
    );
  });

  test('of very many is told as far as there is room', async () => {
    await asTenant(
      "insert into api.scoring_rules (label, predicate, weight) select repeat('x', 190), '$', 0.01 from generate_series(1, 100)",
    );
    expect((await score({ name: 'Ann' })).ai_reasoning).toHaveLength(10_000);
  });
});

describe('the reasons', () => {
  const reasons = (role: string, claims: object | null, id: unknown) =>
    db.as(role, claims, 'select label, weight, matched, points, value from api.lead_score_reasons($1)', [id]);

  test('explain every point: each rule, whether it speaks, and what it looked at', async () => {
    const [lead] = await asTenant(
      "insert into api.leads (phone, pain_points) values ('+14045550173', 'Burst pipe') returning id",
    );
    const rows = await reasons('tenant', claimsOf(organization), lead?.id);
    expect(rows.slice(0, 4)).toEqual([
      { label: 'Urgent problem', weight: '0.15', matched: true, points: '15.00', value: true },
      { label: 'Phone validated', weight: '0.10', matched: true, points: '10.00', value: true },
      { label: 'Describes the problem', weight: '0.05', matched: true, points: '5.00', value: 'Burst pipe' },
      { label: 'Disposable email address', weight: '-0.40', matched: false, points: '0', value: null },
    ]);
    expect(rows).toHaveLength(21);
    const [{ lead_score }] = (await asTenant('select lead_score from api.score_lead($1)', [lead?.id])) as [
      { lead_score: number },
    ];
    expect(rows.reduce((sum, row) => sum + Number(row.points), 0)).toBe(lead_score);
  });

  test('are for those who see the lead and its rules', async () => {
    const parent = await makeOrganization(db, 'Parent');
    const child = await makeOrganization(db, 'Child', parent);
    await db.admin.query(
      "insert into app.grants (organization_id, parent_organization_id, scopes) values ($1, $2, '{leads.read}')",
      [child, parent],
    );
    const [lead] = await db.as('tenant', claimsOf(child), "insert into api.leads (name) values ('Ann') returning id");
    expect(await reasons('tenant', claimsOf(child), lead?.id)).toHaveLength(21);
    expect(await reasons('tenant', claimsOf(organization), lead?.id)).toEqual([]);
    expect(await reasons('tenant', claimsOf(parent, { target_organization_id: child }), lead?.id)).toEqual([]);
    expect(await reasons('tenant', null, lead?.id)).toEqual([]);
    expect(await reasons('analyst', null, lead?.id)).toEqual([]);
    expect(await reasons('analyst_all', null, lead?.id)).toHaveLength(21);
  });

  test('and scores are not told for a row that claims to be another organization’s', async () => {
    const other = await makeOrganization(db);
    for (const call of ['score', 'lead_signals']) {
      const asked = asTenant(`select app.${call}(jsonb_populate_record(null::app.leads, $1))`, [
        { organization_id: other, phone_key: '14045550173', context: {}, signals: [] },
      ]);
      expect(await failure(asked)).toMatchObject({ code: 'PT404', hint: 'not_found' });
    }
  });
});
