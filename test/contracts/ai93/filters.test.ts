import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Caller, expectFlatError } from '../../support/api.ts';
import { parseCsv } from '../../support/csv.ts';
import { createOrganization } from '../../support/gateway.ts';
import { expectAnswer, namesOf, startWorld, type World } from './world.ts';

// The filters of GET /leads, which are those of GET /leads.csv.

const LEADS = [
  ['Zoë Müller', { email: 'zoe@example.com', source: 'reddit', tags: ['roof', 'storm damage'], stage: 'new' }],
  ['Ann Archer', { phone: '+1 (555) 123-4567', source: 'reddit', tags: ['roof'], stage: 'contacted' }],
  ['50% off_er', { handle: 'u/fifty', source: 'manual', tags: ['Roof'], stage: 'replied' }],
  ["O'Neil \\ Co", { company: 'Neil “quoted”', source: 'manual', tags: ['a', 'b', 'c'], stage: 'qualified' }],
  ['Li', { notes: 'Call after 5; basement  flooded', source: 'google_maps', type: 'local_business', stage: 'won' }],
  ['Straße', { notes: 'İstanbul ☃ 😀', source: 'google_ads', stage: 'lost' }],
] as const;
const ALL = LEADS.map(([name]) => name);

let world: World;
let north: Caller;

beforeAll(async () => {
  world = await startWorld();
  ({ north } = world);
  for (const [index, [name, more]] of LEADS.entries()) {
    const { email, phone, handle, company, notes, source, tags, type, stage }: Record<string, unknown> = more;
    await world.api.db.admin.query(
      `insert into app.leads (organization_id, name, email, phone, handle, company, notes, source, tags, target_type, pipeline_stage, created_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9::text[], '{}'), coalesce($10, 'customer_lead'), $11, $12)`,
      [
        ...[north.organizationId, name, email, phone, handle, company, notes, source, tags, type, stage],
        new Date(Date.parse('2026-05-04T13:00:00Z') - index * 3600_000),
      ],
    );
  }
  // what nobody here may find
  await world.api.db.admin.query(
    "insert into app.leads (organization_id, name, source, tags) values ($1, 'Zoë elsewhere', 'reddit', '{roof}')",
    [world.stranger.organizationId],
  );
});
afterAll(() => world.api.stop());

/** Names that a query finds, by both lists and through both kinds of key: they must agree. */
async function found(filters: Record<string, string>): Promise<(string | null)[]> {
  const query = new URLSearchParams(filters);
  const names = namesOf(await north.get(`/leads?${query}`));
  expect(namesOf(await world.workspace.get(`/leads?${query}`)), 'by a workspace key').toEqual(names);
  const csv = await north.get(`/leads.csv?${query}`);
  expect(csv.status).toBe(200);
  expect(parseCsv(csv.text).map((row) => row.displayName)).toEqual(names);
  return names;
}

const only = (...places: number[]): string[] => places.map((place) => ALL[place] as string);

describe('leads are found', () => {
  test('all of them, newest first', async () => {
    expect(await found({})).toEqual(ALL);
  });

  test.each([
    [{ status: 'new' }, only(0)],
    [{ status: 'contacted' }, only(1)],
    [{ status: 'converted' }, only(4)],
    [{ status: 'lost' }, only(5)],
    [{ source: 'reddit' }, only(0, 1)],
    [{ source: 'google_ads' }, only(5)],
    [{ source: 'nowhere' }, []],
    [{ target_type: 'local_business' }, only(4)],
    [{ target_type: 'realtor' }, []],
    [{ status: 'new', source: 'reddit', tag: 'roof', q: 'zoe' }, only(0)],
    [{ status: 'contacted', source: 'reddit', tag: 'roof', q: 'zoe' }, []],
  ])('by fields: %j', async (filters, names) => {
    expect(await found(filters as Record<string, string>)).toEqual(names);
  });

  test.each([
    ['roof', only(0, 1)],
    ['storm damage', only(0)],
    ['roof,storm damage', only(0)],
    [' roof , storm damage ', only(0)],
    ['roof,,', only(0, 1)],
    [',roof', only(0, 1)],
    ['a,b,c', only(3)],
    ['c,a', only(3)],
    ['roof,a', []],
    ['Roof', only(2)],
    ['storm', []],
    ['roof%', []],
    ['{roof}', []],
    ['"roof"', []],
  ])('by tags: %j', async (tag, names) => {
    expect(await found({ tag })).toEqual(names);
  });

  test.each([
    ['zoe', only(0)],
    ['ZOË', only(0)],
    ['muller zoe', only(0)],
    ['Müller, Zoë;', only(0)],
    ['Archer, (555) 123-4567, Ann', only(1)],
    [',', []],
    ['zoe@example', only(0)],
    ['u/fifty', only(2)],
    ['50%', only(2)],
    ['%', []],
    ['off_er', only(2)],
    ['offxer', []],
    ["o'neil", only(3)],
    ['\\', only(3)],
    ['“quoted”', only(3)],
    ['basement', only(4)],
    ['basement flooded', only(4)],
    ['strasse', only(5)],
    ['☃', only(5)],
    ['😀', only(5)],
    ['555-123-4567', only(1)],
    ['(555) 1234567', only(1)],
    ['15551234567', only(1)],
    ['ann 555-123-4567', only(1)],
    ['(555) 123-4567 archer', only(1)],
    ['ann +1 555 123 4567 archer', only(1)],
    ['zoe 555-123-4567', []],
    ['nothing like it', []],
    ["'; drop table app.leads; --", []],
    ["' or true --", []],
    ['$1', []],
    ['x'.repeat(200), []],
  ])('by words: %j', async (q, names) => {
    expect(await found({ q })).toEqual(names);
  });

  test.each([
    ['2026-05-04', ALL],
    ['2026-05-05', []],
    ['2026-05-04T12:00:00Z', only(0, 1)],
    ['2026-05-04T12:00:00.001Z', only(0)],
    ['2026-05-04T14:00:00+02:00', only(0, 1)],
    ['2026-05-04T07:00:00-05:00', only(0, 1)],
    ['2026-05-04T14:00:00+0200', only(0, 1)],
    ['2026-05-04T14:00:00+02', only(0, 1)],
    ['2026-05-04T07:00-05', only(0, 1)],
    ['2026-05-04T12:00', only(0, 1)],
    ['9999-12-31', []],
    ['0001-01-01', ALL],
  ])('since %s', async (since, names) => {
    expect(await found({ since })).toEqual(names);
    // together with words, another way is taken to the same leads
    expect(await found({ since, source: 'reddit', q: 'a' })).toEqual(names.filter((name) => name === 'Ann Archer'));
  });
});

describe('a limit', () => {
  test('takes the newest', async () => {
    expect(await found({ limit: '2' })).toEqual(only(0, 1));
    expect(await found({ limit: '1', tag: 'roof' })).toEqual(only(0));
    expect(await found({ limit: '500' })).toEqual(ALL);
  });

  test('is 100 unless told, and 500 at most', async () => {
    const many = await world.api.ai93(await createOrganization(world.api.db, 'Many'));
    await world.api.db.admin.query(
      "insert into app.leads (organization_id, name, tags) select $1, 'Lead ' || n, '{x}' from generate_series(1, 501) as n",
      [many.organizationId],
    );
    const count = async (query: string) => {
      const { leads, count } = expectAnswer(await many.get(`/leads${query}`), 'leads.list').body;
      expect(leads).toHaveLength(count);
      return count;
    };
    expect(await count('')).toBe(100);
    expect(await count('?tag=x')).toBe(100);
    expect(await count('?limit=500')).toBe(500);
    expect(await count('?limit=500&q=lead')).toBe(500);
  });

  test.each(['0', '501', '-1', '1.5', 'ten', '', '1e2', ' 5', '5&limit=5'])('of %j is refused', async (limit) => {
    expectFlatError(await north.get(`/leads?limit=${limit}`), 400, 'invalid_request', /limit/);
  });
});

describe('what is no filter is refused, and the field named', () => {
  test.each([
    ['status=won', /status: must be one of new, contacted, replied, qualified, converted, lost/],
    ['status=', /status/],
    ['status=new&status=lost', /status/],
    ['since=yesterday', /since/],
    ['since=', /since/],
    ['since=2026-02-30', /since/],
    ['since=2026-05-04T25:00:00Z', /since/],
    ['tag=', /tag/],
    ['tag=%20,%20', /tag/],
    ['tag=a&tag=b', /tag/],
    ['q=', /q/],
    ['q=%20', /q/],
    [`q=${'x'.repeat(201)}`, /q: must have at most 200/],
    ['q=%00', /q/],
    ['source=', /source/],
    ['target_type=', /target_type/],
    ['targetType=realtor', /Unknown .*targetType/],
    ['cursor=abc', /Unknown .*cursor/],
    ['q[]=x', /Unknown/],
  ])('%s', async (query, message) => {
    for (const path of ['/leads', '/leads.csv']) {
      expectFlatError(await north.get(`${path}?${query}`), 400, 'invalid_request', message);
    }
  });
});
