import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { claimsOf, failure, makeOrganization, NO_SUCH_ID } from './fixtures.ts';

// What a search finds, asked as a key asks: in a role, with claims, past the policies' rules.

let db: TestDatabase;
let workspace: string;
let business: string;
let sibling: string;
let stranger: string;

/** Who is in the business, by the name a test expects. */
const PEOPLE: Record<string, object> = {
  Sarah: {
    name: 'Sarah Mitchell',
    email: 'Sarah.Mitchell@Example.com',
    phone: '(404) 555-0173',
    tags: ['vip', 'storm'],
    notes: 'Water in the basement\nafter every storm',
  },
  Zoe: {
    name: 'Zoë O’Brien-Smith',
    handle: 'u/zoe_ob',
    phone: '+44 20 7946 0958',
    tags: ['vip'],
    notes: '50% off? C:\\temp\\new & "quoted" it\'s',
  },
  Jose: {
    name: 'José Núñez',
    company: 'Straße & Söhne GmbH',
    phone: '0049 30 901820',
    email: 'jose+news@firma.example',
    tags: ['storm'],
  },
  Isik: { name: 'IŞIK İbrahim Kılıç', phone: '011 33 1 42 68 53 00', notes: 'ring twice 🙂🙂' },
  Soren: { name: 'Søren Łukasz Đorđević', handle: '@soren', phone: '404.555.0199', notes: 'under_score' },
  Digits: { name: '东京 Дмитрий', phone: '020 7946 0111', notes: 'order 2024-0042, 100 pieces, underXscore' },
};

beforeAll(async () => {
  db = await createDatabase();
  workspace = await makeOrganization(db, 'Group');
  business = await makeOrganization(db, 'Business', workspace);
  sibling = await makeOrganization(db, 'Sibling', workspace);
  stranger = await makeOrganization(db, 'Stranger');
  const add = (organization: string, lead: object) =>
    db.admin.query(
      `insert into app.leads (organization_id, name, handle, company, email, phone, notes, tags, source, pipeline_stage, created_at)
       select $1, l.name, l.handle, l.company, l.email, l.phone, l.notes, coalesce(l.tags, '{}'), coalesce(l.source, 'website'),
              coalesce(l.pipeline_stage, 'new'), coalesce(l.created_at, now())
         from jsonb_populate_record(null::app.leads, $2) as l`,
      [organization, JSON.stringify(lead)],
    );
  for (const lead of Object.values(PEOPLE)) await add(business, lead);
  await add(sibling, {
    name: 'Sarah Sibling',
    tags: ['vip'],
    source: 'reddit',
    pipeline_stage: 'won',
    created_at: '2026-01-02T00:00:00Z',
  });
  await add(sibling, {
    name: 'Sarah Older',
    tags: ['vip', 'old'],
    source: 'reddit',
    pipeline_stage: 'lost',
    created_at: '2025-01-02T00:00:00Z',
  });
  await add(stranger, { name: 'Sarah Stranger', tags: ['vip'] });
});
afterAll(() => db.drop());

const locked = (organization = business) => ({
  role: 'tenant',
  claims: claimsOf(organization, { scopes: ['leads.read'] }),
});
const whole = () => ({
  role: 'workspace',
  claims: claimsOf(workspace, { scopes: ['leads.read'], reach: 'workspace' }),
});

interface Wanted {
  q?: string;
  tags?: string[];
  stage?: string;
  source?: string;
  type?: string;
  since?: string;
  business?: string;
  count?: number;
}

/** Names of the leads found, in the order they come. */
async function find(wanted: Wanted, as: { role: string; claims: object | null } = locked()): Promise<string[]> {
  const { q, tags, stage, source, type, since, business: one, count = 100 } = wanted;
  const rows = await db.as<{ name: string }>(
    as.role,
    as.claims,
    'select name from app.find_leads($1, $2, $3, $4, $5, $6, $7, $8)',
    [q, tags, stage, source, type, since, one, count],
  );
  return rows.map((row) => row.name);
}

const nameOf = (person: string): string => (PEOPLE[person] as { name: string }).name;
const finds = async (q: string, ...people: string[]) => expect(await find({ q })).toEqual(people.map(nameOf));

describe('words', () => {
  test.each([
    ['a name', 'mitchell', 'Sarah'],
    ['part of a name', 'tchel', 'Sarah'],
    ['in any order', 'mitchell sarah', 'Sarah'],
    ['of several fields', 'basement sarah 0173', 'Sarah'],
    ['across a line break', 'basement after', 'Sarah'],
    ['twice the same', 'sarah sarah', 'Sarah'],
    ['an email address', 'sarah.mitchell@example.com', 'Sarah'],
    ['part of one', 'news@firma', 'Jose'],
    ['with a word', 'basement mitchell@example', 'Sarah'],
    ['a handle', 'u/zoe_ob', 'Zoe'],
    ['a company', 'gmbh', 'Jose'],
    ['notes', 'TWICE', 'Isik'],
    ['spaces around and between', '  sarah \t  mitchell\n', 'Sarah'],
  ])('are found: %s', (_what, q, person) => finds(q, person));

  test.each([
    ['zoe', 'Zoe'],
    ['ZOË', 'Zoe'],
    ['Zoe\u0308', 'Zoe'],
    ["o'brien", 'Zoe'],
    ['O’BRIEN', 'Zoe'],
    ['nunez jose', 'Jose'],
    ['NÚÑEZ', 'Jose'],
    ['strasse', 'Jose'],
    ['STRASSE', 'Jose'],
    ['straße', 'Jose'],
    ['SÖHNE', 'Jose'],
    ['isik', 'Isik'],
    ['ışık', 'Isik'],
    ['IŞIK', 'Isik'],
    ['ibrahim', 'Isik'],
    ['İBRAHİM', 'Isik'],
    ['kilic', 'Isik'],
    ['soren', 'Soren'],
    ['SØREN', 'Soren'],
    ['lukasz', 'Soren'],
    ['Łukasz', 'Soren'],
    ['dordevic', 'Soren'],
    ['ДМИТРИЙ', 'Digits'],
    ['дмитрии', 'Digits'],
    ['ｄｍ 东京', undefined],
  ])('match without case and accents: %s', (q, person) => finds(q, ...(person ? [person] : [])));

  test('of fewer than three characters begin a word', async () => {
    await finds('sa mi', 'Sarah');
    await finds('ra');
    await finds('mitchell@firma.example');
    await finds('@s', 'Soren');
    await finds('东京', 'Digits');
    expect(await find({ q: 'z' })).toEqual([nameOf('Zoe')]);
  });

  test.each([
    ['50%', 'Zoe'],
    ['5%0', undefined],
    ['%', undefined],
    ['_', undefined],
    ['under_score', 'Soren'],
    ['underxscore', 'Digits'],
    ['c:\\temp\\new', 'Zoe'],
    ['\\', undefined],
    ['temp\\', 'Zoe'],
    ['"quoted"', 'Zoe'],
    ["it's", 'Zoe'],
    ["' or true --", undefined],
    ["'; drop table app.leads; --", undefined],
    ['%s %I %L $1 %1$s', undefined],
    ['🙂🙂', 'Isik'],
    ['🙂🙂🙂', undefined],
    ['&', 'Jose', 'Zoe'],
    ['---', undefined],
  ])('are taken literally: %s', async (q, ...people) => {
    expect((await find({ q })).sort()).toEqual(people.flatMap((person) => (person ? [nameOf(person)] : [])).sort());
  });

  test('that are many, or long, are no trouble', async () => {
    await finds(`sarah ${'x'.repeat(5000)}`);
    await finds(`${'sarah '.repeat(500)}mitchell`, 'Sarah');
    expect(await find({ q: ' \t ' })).toHaveLength(6);
  });
});

describe('phone numbers are found in any notation', () => {
  test.each([
    ['(404) 555-0173', 'Sarah'],
    ['404-555-0173', 'Sarah'],
    ['404.555.0173', 'Sarah'],
    ['404 555 0173', 'Sarah'],
    ['404–555–0173', 'Sarah'],
    ['4045550173', 'Sarah'],
    ['1 404 555 0173', 'Sarah'],
    ['+1 (404) 555-0173', 'Sarah'],
    ['(+1) 404 555 0173', 'Sarah'],
    ['001 404 555 0173', 'Sarah'],
    ['555-0173', 'Sarah'],
    ['0173', 'Sarah'],
    ['+44 20 7946 0958', 'Zoe'],
    ['+44 (0)20 7946 0958', 'Zoe'],
    ['0044 20 7946 0958', 'Zoe'],
    ['011 44 20 7946 0958', 'Zoe'],
    ['020 7946 0958', 'Zoe'],
    ['+49 30 901820', 'Jose'],
    ['030/901820', 'Jose'],
    ['+33 1 42 68 53 00', 'Isik'],
    ['01.42.68.53.00', 'Isik'],
    ['+1 404 555 0199', 'Soren'],
    ['+44 20 7946 0111', 'Digits'],
    ['+1 555 555 0173', undefined],
    ['+1 304 555 0173', undefined],
    ['4045559999', undefined],
  ])('%s', (q, person) => finds(q, ...(person ? [person] : [])));

  test.each([
    ['sarah 404-555-0173', 'Sarah'],
    ['(404) 555-0173 mitchell', 'Sarah'],
    ['mitchell +1 (404) 555 - 0173 storm', 'Sarah'],
    ['zoe +44 (0)20 7946 0958', 'Zoe'],
    ['nunez 030/901820', 'Jose'],
    ['order 2024-0042 100', 'Digits'],
    ['twice 01.42.68.53.00 kilic', 'Isik'],
    ['zoe 404-555-0173', undefined],
    ['sarah 404-555-0199', undefined],
    ['sarah 404-555', 'Sarah'],
    ['sarah +', undefined],
  ])('beside words, too: %s', (q, person) => finds(q, ...(person ? [person] : [])));

  test('and a number in the notes, as it stands there', async () => {
    await finds('2024-0042', 'Digits');
    await finds('100 pieces', 'Digits');
  });
});

describe('filters', () => {
  test('tags must all be there', async () => {
    expect((await find({ tags: ['vip'] })).sort()).toEqual([nameOf('Sarah'), nameOf('Zoe')]);
    expect(await find({ tags: ['vip', 'storm'] })).toEqual([nameOf('Sarah')]);
    expect(await find({ tags: ['vip', 'none'] })).toEqual([]);
    expect(await find({ tags: ['VIP'] })).toEqual([]);
    expect(await find({ tags: [] })).toHaveLength(6);
  });

  test('combine, and the newest come first', async () => {
    const sarahs = ['Sarah Mitchell', 'Sarah Sibling', 'Sarah Older'];
    expect(await find({ q: 'sarah' }, whole())).toEqual(sarahs);
    expect(await find({ q: 'sarah', count: 2 }, whole())).toEqual(sarahs.slice(0, 2));
    expect(await find({ q: 'sarah', since: '2026-01-02T00:00:00Z' }, whole())).toEqual(sarahs.slice(0, 2));
    expect(await find({ q: 'sarah', stage: 'won' }, whole())).toEqual(['Sarah Sibling']);
    expect(await find({ q: 'sarah', source: 'reddit' }, whole())).toEqual(sarahs.slice(1));
    expect(await find({ q: 'sarah', type: 'nobody' }, whole())).toEqual([]);
    expect(await find({ q: 'sarah', business: sibling }, whole())).toEqual(sarahs.slice(1));
    const all: Wanted = {
      q: 'sarah',
      tags: ['vip'],
      stage: 'won',
      source: 'reddit',
      type: 'customer_lead',
      since: '2026-01-01',
      business: sibling,
    };
    expect(await find(all, whole())).toEqual(['Sarah Sibling']);
    expect(await find({ ...all, tags: ['vip', 'old'] }, whole())).toEqual([]);
    expect(await find({ source: 'reddit', stage: 'won' }, whole())).toEqual(['Sarah Sibling']);
  });
});

describe('isolation', () => {
  test('a locked key finds in its business, a workspace key in all of the workspace, neither elsewhere', async () => {
    expect(await find({ q: 'sarah' })).toEqual(['Sarah Mitchell']);
    expect(await find({ q: 'sarah' }, locked(sibling))).toEqual(['Sarah Sibling', 'Sarah Older']);
    expect(await find({ q: 'sarah' }, locked(stranger))).toEqual(['Sarah Stranger']);
    expect(await find({ tags: ['vip'] }, whole())).not.toContain('Sarah Stranger');
    expect(await find({ tags: ['vip'] }, locked(workspace))).toEqual([]);
    expect(await find({ q: 'sarah', business: sibling }, whole())).toEqual(['Sarah Sibling', 'Sarah Older']);
    expect(await find({}, locked(sibling))).toEqual(['Sarah Sibling', 'Sarah Older']);
    // a workspace is what is under an organization, never what is beside it
    const claims = claimsOf(sibling, { scopes: ['leads.read'], reach: 'workspace' });
    expect(await find({ q: 'sarah' }, { role: 'workspace', claims })).toEqual([]);
    expect(await find({}, { role: 'workspace', claims })).toEqual([]);
  });

  test.each([
    ['a locked key, its workspace’s other business', () => locked(), () => sibling],
    ['a locked key, its workspace', () => locked(), () => workspace],
    ['a workspace key, a business of another workspace', whole, () => stranger],
    ['a workspace key, one that is not there', whole, () => NO_SUCH_ID],
  ])('a business out of reach is not found: %s', async (_who, as, one) => {
    expect(await failure(find({ q: 'sarah', business: one() }, as()))).toMatchObject({ code: 'PT404' });
  });

  test.each([
    [
      'a locked key without the scope',
      () => ({ role: 'tenant', claims: claimsOf(business, { scopes: ['sources.read'] }) }),
    ],
    [
      'a workspace key without the scope',
      () => ({ role: 'workspace', claims: claimsOf(workspace, { scopes: [], reach: 'workspace' }) }),
    ],
  ])('%s is refused', async (_who, as) => {
    expect(await failure(find({ q: 'sarah' }, as()))).toMatchObject({ code: 'PT403' });
    expect(await failure(find({}, as()))).toMatchObject({ code: 'PT403' });
  });

  test('without claims there is nothing', async () => {
    for (const role of ['tenant', 'workspace']) expect(await find({ q: 'sarah' }, { role, claims: null })).toEqual([]);
  });
});

test('whichever way it searches, it finds the same: the newest that match, none twice, none left out', async () => {
  // enough for several walks; every third has the frequent word, one in 400 the rare one, the oldest one of its own
  await db.admin.query(`
    begin;
    set local session_replication_role = replica;
    insert into app.leads (organization_id, workspace_id, name, tags, pipeline_stage, search_text, created_at)
    select '${stranger}', '${stranger}', n.name, case when i % 5 = 0 then '{fifth}' else '{}' end::text[],
           case when i % 2 = 0 then 'won' else 'new' end, app.fold(' ' || n.name), now() - i / 3 * interval '1 minute'
      from generate_series(1, 9000) as i,
           lateral (select 'n' || i || case when i % 3 = 0 then ' frequent' else '' end || case when i % 400 = 7 then ' rare' else '' end
                           || case when i > 8990 then ' oldest' else '' end as name) as n;
    commit;
    analyze app.leads`);
  for (const q of ['frequent', 'rare', 'oldest', 'rare frequent', 'n1', 'n8', 'nowhere', 'n']) {
    for (const tags of [undefined, ['fifth']]) {
      for (const count of [1, 10, 101, 5000]) {
        const { rows } = await db.admin.query(
          `select name from app.leads where organization_id = $1 and tags @> $2
              and (select bool_and(' ' || name like '%' || case when length(w) < 3 then ' ' else '' end || w || '%') from string_to_table($3, ' ') as w)
            order by created_at desc, id desc limit $4`,
          [stranger, tags ?? [], q, count],
        );
        expect(await find({ q, count, ...(tags && { tags }) }, locked(stranger))).toEqual(rows.map((row) => row.name));
      }
    }
  }
});
