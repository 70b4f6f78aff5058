import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { claimsOf, failure, makeOrganization, NO_SUCH_ID, registerWebhook, relay } from './fixtures.ts';

let db: TestDatabase;
let organization: string;
beforeAll(async () => {
  db = await createDatabase();
});
beforeEach(async () => {
  organization = await makeOrganization(db);
});
afterAll(() => db.drop());

const BURST = [
  'Caller: Hi, I have water coming through my basement ceiling, I think a pipe burst.',
  'Agent: Are you able to shut the water off?',
  'Caller: Yes, it is off. We are in Marietta, how soon can you come?',
].join('\n');

const asTenant = (text: string, values: unknown[] = [], of = organization) =>
  db.as('tenant', claimsOf(of), text, values);

async function addCall(fields: Record<string, unknown> = {}, of = organization): Promise<string> {
  const given: Record<string, unknown> = { source: 'api', duration_seconds: 90, answered: true, ...fields };
  const [row] = await asTenant(
    `insert into api.calls (${Object.keys(given)}) values (${Object.keys(given).map((_, index) => `$${index + 1}`)}) returning id`,
    Object.values(given),
    of,
  );
  return row?.id;
}

interface Classification {
  intent: string;
  confidence: number;
  urgency: string;
  qualified: boolean | null;
  reasons: string;
}

async function classify(fields: Record<string, unknown>, of = organization): Promise<Classification> {
  const id = await addCall(fields, of);
  const [row] = await asTenant(
    'select d.intent, d.confidence::float8, d.urgency, d.qualified, d.reasons from app.calls as c, app.classify(c) as d where c.id = $1',
    [id],
    of,
  );
  return row as unknown as Classification;
}

/** The weights in reasons, as they are printed. */
const weights = (reasons: string): number[] =>
  reasons.split('; ').map((reason) => Number(/\(([+-][\d.]+) \w+\)$/.exec(reason)?.[1]));

describe('the rules an organization starts with', () => {
  test('know an emergency, and say why, heaviest first', async () => {
    const found = await classify({ transcript: BURST });
    expect(found).toMatchObject({ intent: 'water', urgency: 'high', qualified: true });
    expect(found.confidence).toBeGreaterThan(0.9);
    expect(found.reasons).toMatch(/Pipe or hose broke \(\+\d\.\d\d water\)/);
    const sizes = weights(found.reasons).map(Math.abs);
    expect(sizes.length).toBeGreaterThan(3);
    expect(sizes.length).toBeLessThanOrEqual(10);
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  });

  test.each([
    [
      'who sells leads about floods',
      'Caller: Is this the owner? We have exclusive water damage leads, you only pay per lead.\nAgent: Not interested.',
      'sales_pitch',
    ],
    [
      'who wants a pizza',
      'Caller: A large half pepperoni half mushroom please.\nAgent: This is a restoration company.\nCaller: Oh, wrong number.',
      'wrong_number',
    ],
    [
      'who looks for work in mold remediation',
      'Caller: Are you hiring? I saw the posting for a mold technician and I have my certification.\nAgent: Send a resume.',
      'other',
    ],
  ])('do not take for a customer %s', async (_, transcript, intent) => {
    expect(await classify({ transcript })).toMatchObject({ intent, urgency: 'low', qualified: false });
  });

  test('tell what the caller says from what is asked', async () => {
    const { reasons } = await classify({
      transcript: 'Agent: Is there any mold?\nCaller: No, there was a fire in the kitchen and the smoke is everywhere.',
    });
    expect(reasons).toContain('Fire at the property');
    expect(reasons).not.toMatch(/(^|; )Mold \(/);
  });
});

describe('a call of which nothing was said', () => {
  test('is other with little confidence, and nobody knows whether it is a customer', async () => {
    for (const transcript of [null, '', ' \n ']) {
      const found = await classify({ transcript, answered: false, duration_seconds: 0 });
      expect(found).toMatchObject({ intent: 'other', urgency: 'medium', qualified: null });
      expect(found.confidence).toBeLessThan(0.3);
      expect(found.reasons).toBe('Nothing was said (+0.30 other)');
    }
  });

  test('has facts that rules can ask of', async () => {
    const caller = { caller_number: '+14045550173', transcript: null };
    for (let hour = 3; hour >= 1; hour -= 1) {
      await addCall({ ...caller, received_at: new Date(Date.now() - hour * 3_600_000) });
    }
    expect((await classify(caller)).reasons).toContain('Called several times (+0.30 high)');
    const [row] = await asTenant(
      "select app.call_facts(c) - 'id' as facts from app.calls as c where caller_number is not null order by received_at desc limit 1",
    );
    expect(row?.facts).toMatchObject({
      earlier_calls: 3,
      words: 0,
      answered: true,
      voicemail: false,
      duration_seconds: 90,
    });
    expect(row?.facts).not.toHaveProperty('transcript');
  });
});

describe('rules are data', () => {
  const says = { transcript: 'Caller: The chinchilla has escaped.' };

  test('an admin key adds one, and it counts for its organization alone', async () => {
    const other = await makeOrganization(db);
    await asTenant(
      "insert into api.classification_rules (label, value, terms, weight) values ('Chinchilla at large', 'biohazard', 'chinchilla', 12)",
    );
    const found = await classify(says);
    expect(found.intent).toBe('biohazard');
    expect(found.reasons).toMatch(/^Chinchilla at large \(\+12\.00 biohazard\)/);
    expect((await classify(says, other)).intent).not.toBe('biohazard');
  });

  test('changes one, switches it off and removes all', async () => {
    await asTenant("update api.classification_rules set enabled = false where label = 'Pipe or hose broke'");
    expect((await classify({ transcript: BURST })).reasons).not.toContain('Pipe or hose broke');
    await asTenant("update api.classification_rules set enabled = true, weight = 9 where label = 'Pipe or hose broke'");
    expect((await classify({ transcript: BURST })).reasons).toMatch(/^Pipe or hose broke \(\+9\.00 water\)/);
    await asTenant('delete from api.classification_rules');
    expect((await classify({ transcript: BURST })).reasons).toMatch(/^(Says|Is told) "/);
  });

  test('one by a predicate asks the facts of the call', async () => {
    await asTenant(
      `insert into api.classification_rules (label, value, predicate, weight)
       values ('From the flood campaign', 'water', '$ ? (@.marketing_source == "flood_ads")', 12)`,
    );
    expect((await classify({ ...says, marketing_source: 'flood_ads' })).intent).toBe('water');
    expect((await classify({ ...says, marketing_source: 'other_ads' })).intent).not.toBe('water');
  });

  test('one of a single fitted word takes its place', async () => {
    const [word] = await asTenant(`select term from api.classification_words where term = $1`, ["'basement':A"]);
    expect(word).toBeDefined();
    expect((await classify({ transcript: 'Caller: The basement.' })).reasons).toContain('Says "basement"');
    await asTenant(
      "insert into api.classification_rules (label, value, terms, weight) values ('Basement, for us', 'mold', $1, 3)",
      ["'basement':A"],
    );
    const { reasons, intent } = await classify({ transcript: 'Caller: The basement.' });
    expect(intent).toBe('mold');
    expect(reasons).not.toContain('Says "basement"');
  });

  test('one is written in words, and heard in all of their forms', async () => {
    await asTenant(
      "insert into api.classification_rules (label, value, terms, weight) values ('Chinchillas flee', 'mold', 'chinchillas <-> escaping | please', 12)",
    );
    for (const transcript of ['Caller: My chinchilla escaped.', 'Caller: Please.']) {
      expect((await classify({ transcript })).reasons).toContain('Chinchillas flee (+12.00 mold)');
    }
  });

  test('that is not to be heard, in none of its forms', async () => {
    await asTenant(
      "insert into api.classification_rules (label, value, terms, weight) values ('No llamas', 'mold', 'alpacas & !shearing', 12)",
    );
    expect((await classify({ transcript: 'Caller: An alpaca.' })).reasons).toContain('No llamas');
    expect((await classify({ transcript: 'Caller: Shearing an alpaca.' })).reasons).not.toContain('No llamas');
    const terms = async () =>
      (await asTenant("select terms::text from api.classification_rules where label = 'No llamas'"))[0]?.terms;
    const before = await terms();
    await asTenant("update api.classification_rules set terms = terms where label = 'No llamas'");
    expect(await terms()).toBe(before);
  });

  test('an organization from before classification gets them at an upgrade, unless it removed its own', async () => {
    const file = readFileSync(join(import.meta.dirname, '../../sql/36_classification_defaults.sql'), 'utf8');
    const older = await makeOrganization(db);
    const rules = async (of: string) =>
      (await asTenant(
        'select label, value, terms::text from api.classification_rules order by 1, 2, 3',
        [],
        of,
      )) as unknown[];
    const [fresh] = [await rules(organization)];
    await db.admin.query(
      'alter table app.classification_rules disable trigger user; delete from app.classification_rules; alter table app.classification_rules enable trigger user',
    );
    await db.admin.query(`begin; set local role trunkline_owner; ${file}; commit`);
    expect(await rules(older)).toEqual(fresh);
    expect(await asTenant("select from api.audit_log where action like 'classification_rule.%'", [], older)).toEqual(
      [],
    );

    await asTenant('delete from api.classification_rules', [], older);
    await db.admin.query(`begin; set local role trunkline_owner; ${file}; commit`);
    expect(await rules(older)).toEqual([]);
    expect(await rules(organization)).toEqual(fresh);
  });

  test('a key that is no admin reads them, and changes nothing', async () => {
    const claims = claimsOf(organization, { scopes: ['calls.read', 'calls.write'] });
    const [counted] = await db.as('tenant', claims, 'select count(*)::integer as rules from api.classification_rules');
    expect(counted?.rules).toBeGreaterThan(100);
    for (const change of [
      "update api.classification_rules set weight = 1 where label = 'Mold'",
      "delete from api.classification_rules where label = 'Mold'",
      "insert into api.classification_rules (label, value, terms, weight) values ('x', 'water', 'x', 1)",
    ]) {
      expect(await failure(db.as('tenant', claims, change)), change).toMatchObject({ code: 'PT403' });
    }
    expect(await failure(asTenant('update app.classification_words set water = 1'))).toMatchObject({ code: '42501' });
  });

  test.each([
    ['a value of another subject', "'urgency', 'water', 'x', 1"],
    ['an intent that does not exist', "'intent', 'earthquake', 'x', 1"],
    ['neither words nor a predicate', "'intent', 'water', null, 1"],
    ['a weight beyond 20', "'intent', 'water', 'x', 21"],
  ])('refuses %s', async (_, values) => {
    const add = `insert into api.classification_rules (label, subject, value, terms, weight) values ('x', ${values})`;
    expect(await failure(asTenant(add))).toMatchObject({ code: '23514' });
  });

  test('those it starts with are part of its creation, later ones are changes', async () => {
    const actions = async () =>
      (await asTenant('select action from api.audit_log order by id')).map((row) => row.action);
    expect(await actions()).toEqual(['organization.created']);
    await asTenant("update api.classification_rules set weight = 2 where label = 'Mold'");
    expect(await actions()).toEqual(['organization.created', 'classification_rule.updated']);
  });
});

test('what is told on one line is heard as what two people said', async () => {
  const turns = ['Agent: Thank you for calling, how can I help?', 'Caller: A pipe burst and my basement is flooding.'];
  const { intent, qualified, reasons } = await classify({ transcript: turns.join('\n') });
  expect(await classify({ transcript: turns.join(' ') })).toMatchObject({ intent, qualified, reasons });
  expect({ intent, qualified }).toEqual({ intent: 'water', qualified: true });
});

test.each([
  ['one word of 20,000 letters', 'x'.repeat(20_000)],
  ['200,000 characters of short lines', 'A: b\n'.repeat(40_000)],
  ['quotes, backslashes and signs', `Caller: "it's" \\ 100% ' <-> !& :*\n:::\nAgent:`],
  ['a foreign script', 'Caller: 水が漏れています。助けて'],
])('a transcript of %s does no harm', async (_, transcript) => {
  expect((await classify({ transcript })).reasons).not.toBe('');
});

describe('a call that is classified', () => {
  const EVENTS = ['call.received', 'call.classified', 'call.qualified'];
  const events = async (): Promise<string[]> => {
    await relay(db);
    const { rows } = await db.admin.query('delete from app.events where organization_id = $1 returning id, type', [
      organization,
    ]);
    return rows.sort((a, b) => (a.id < b.id ? -1 : 1)).map((row) => row.type);
  };
  const kept = async (id: string) => (await db.admin.query('select * from app.calls where id = $1', [id])).rows[0];

  test('keeps what was found, and is announced as received, classified, qualified, in that order', async () => {
    await registerWebhook(db, organization, 'https://receiver.example.com/calls', EVENTS);
    const ids: string[] = [];
    for (let n = 0; n < 20; n += 1) ids.push(await addCall({ transcript: BURST }));
    for (const id of ids) await asTenant('select app.classify_call($1)', [id]);
    await relay(db);
    const { rows } = await db.admin.query(
      `select e.type, e.snapshot ->> 'id' as call from app.events as e where organization_id = $1 order by e.id`,
      [organization],
    );
    for (const id of ids) expect(rows.filter((row) => row.call === id).map((row) => row.type)).toEqual(EVENTS);
    const call = await kept(ids[0] as string);
    expect(call).toMatchObject({
      status: 'classified',
      intent: 'water',
      urgency: 'high',
      qualified: true,
      classified_by: 'rules',
    });
    expect(call.classification_reasons).toContain('Pipe or hose broke');
    expect(call.qualified_at).toEqual(call.classified_at);
  });

  test('again with the same result changes nothing and tells nobody', async () => {
    await registerWebhook(db, organization, 'https://receiver.example.com/calls', EVENTS);
    const id = await addCall({ transcript: BURST });
    await asTenant('select app.classify_call($1)', [id]);
    const before = await kept(id);
    expect(await events()).toEqual(EVENTS);
    await asTenant('select app.classify_call($1)', [id]);
    expect(await kept(id)).toEqual(before);
    expect(await events()).toEqual([]);
  });

  test('anew after a transcript came keeps when it was first qualified', async () => {
    await registerWebhook(db, organization, 'https://receiver.example.com/calls', EVENTS);
    const id = await addCall({ transcript: BURST });
    await asTenant('select app.classify_call($1)', [id]);
    const { qualified_at } = await kept(id);
    await events();
    const [changed] = await db.admin
      .query("update app.calls set transcript = 'Caller: wrong number, sorry' where id = $1 returning id", [id])
      .then(({ rows }) => rows);
    await asTenant('select app.classify_call($1)', [changed.id]);
    expect(await events()).toEqual(['call.classified']);
    expect(await kept(id)).toMatchObject({ intent: 'wrong_number', qualified: false, qualified_at });
  });

  test('stays dispatched when it was', async () => {
    const id = await addCall({ transcript: BURST });
    await asTenant('select app.classify_call($1)', [id]);
    await asTenant(
      "update app.calls set status = 'dispatched', transcript = 'Caller: mold on the wall' where id = $1",
      [id],
    );
    await asTenant('select app.classify_call($1)', [id]);
    expect(await kept(id)).toMatchObject({ status: 'dispatched', intent: 'mold' });
  });

  test('needs a scope to write, and another organization’s call is not there', async () => {
    const id = await addCall({ transcript: BURST });
    const reader = claimsOf(organization, { scopes: ['calls.read'] });
    expect(await failure(db.as('tenant', reader, 'select app.classify_call($1)', [id]))).toMatchObject({
      code: 'PT403',
    });
    const other = claimsOf(await makeOrganization(db));
    for (const call of [id, NO_SUCH_ID]) {
      expect(await failure(db.as('tenant', other, 'select app.classify_call($1)', [call]))).toMatchObject({
        code: 'PT404',
      });
    }
  });
});

describe('what another decider found', () => {
  const record = async (result: object, by = 'some-model') =>
    asTenant('select (r).* from app.record_classification($1, $2, $3) as r', [
      await addCall(),
      JSON.stringify(result),
      by,
    ]);
  const fine = {
    intent: 'fire',
    confidence: 0.876,
    urgency: 'medium',
    qualified: true,
    reasons: 'Smoke in the kitchen',
  };

  test('is kept under its name', async () => {
    expect((await record(fine))[0]).toMatchObject({
      status: 'classified',
      intent: 'fire',
      confidence: '0.88',
      urgency: 'medium',
      qualified: true,
      classification_reasons: 'Smoke in the kitchen',
      classified_by: 'some-model',
    });
  });

  test.each([
    ['an intent that does not exist', { intent: 'earthquake' }, '23514', undefined],
    ['a confidence beyond 1', { confidence: 1.2 }, '23514', undefined],
    ['an urgency that does not exist', { urgency: 'now' }, '23514', undefined],
    ['no intent', { intent: null }, 'PT400', 'intent'],
    ['no confidence', { confidence: null }, 'PT400', 'confidence'],
    ['no urgency', { urgency: null }, 'PT400', 'urgency'],
  ])('is refused with %s', async (_, wrong, code, field) => {
    const refused = await failure(record({ ...fine, ...wrong }));
    expect(refused.code).toBe(code);
    expect(refused.detail?.field).toBe(field);
  });

  test('is refused without its name', async () => {
    expect(await failure(record(fine, ' '))).toMatchObject({ code: 'PT400', detail: { field: 'decided_by' } });
  });
});
