import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { addLead, claimsOf, makeOrganization } from './fixtures.ts';

let db: TestDatabase;
let organization: string;
beforeAll(async () => {
  db = await createDatabase();
  organization = await makeOrganization(db);
});
afterAll(() => db.drop());

const asTenant = (text: string, values: unknown[] = []) => db.as('tenant', claimsOf(organization), text, values);

/** What the gateway makes of a violated check: the comment of the constraint says the field and the reason. */
async function refusal(fields: Record<string, unknown>): Promise<string> {
  const columns = Object.keys(fields);
  const insert = `insert into api.leads (${columns}) values (${columns.map((_, i) => `$${i + 1}`)})`;
  try {
    await asTenant(insert, Object.values(fields));
  } catch (error) {
    const { code, constraint, schema, table } = error as pg.DatabaseError;
    expect(code).toBe('23514');
    const { rows } = await db.admin.query(
      "select obj_description(oid, 'pg_constraint') as reason from pg_constraint where conname = $1 and conrelid = ($2 || '.' || $3)::regclass",
      [constraint, schema, table],
    );
    return rows[0].reason;
  }
  throw new Error(`A lead with ${JSON.stringify(fields)} was taken.`);
}

test('a new lead is new, unscored, and dated by the database', async () => {
  const [lead] = await asTenant("insert into api.leads (email) values ('sarah@example.com') returning *");
  expect(lead).toMatchObject({
    organization_id: organization,
    name: null,
    pipeline_stage: 'new',
    lead_score: 0,
    tags: [],
    target_type: 'customer_lead',
  });
  expect(lead?.created_at).toEqual(lead?.updated_at);
});

describe('what cannot be is refused, with the field and the reason', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ source: 'website' }, 'email: a lead needs at least one of email, phone, name, company or handle'],
    [{ name: '' }, 'name: 1 to 200 characters'],
    [{ name: 'x'.repeat(201) }, 'name: 1 to 200 characters'],
    [{ email: 'not an address' }, 'email: must be an email address'],
    [{ email: `${'x'.repeat(250)}@example.com` }, 'email: must be an email address'],
    [{ name: 'x', lead_score: 101 }, 'lead_score: must be from 0 to 100'],
    [{ name: 'x', lead_score: -1 }, 'lead_score: must be from 0 to 100'],
    [
      { name: 'x', pipeline_stage: 'converted' },
      'pipeline_stage: must be one of new, contacted, replied, qualified, won, lost',
    ],
    [{ name: 'x', context: '[]' }, 'context: must be an object'],
    [{ name: 'x', enrichment: '"fact"' }, 'enrichment: must be an object'],
    [{ name: 'x', tags: ['a', null] }, 'tags: at most 100, none of them null'],
    [{ name: 'x', phone: '1' }, 'phone: 3 to 40 characters'],
    [{ name: 'x', source: '' }, 'source: 1 to 100 characters'],
    [{ name: 'x', notes: 'x'.repeat(10_001) }, 'notes: at most 10000 characters'],
  ])('%o', async (fields, reason) => {
    expect(await refusal(fields)).toBe(reason);
  });
});

test('updated_at never runs backwards, and moves only with a change', async () => {
  const id = await addLead(db, organization);
  await db.admin.query(
    "alter table app.leads disable trigger _100_touch; update app.leads set updated_at = '2099-01-01'; alter table app.leads enable trigger _100_touch",
  );
  const [row] = await asTenant("update api.leads set name = 'Another' where id = $1 returning updated_at", [id]);
  expect(row?.updated_at.toISOString()).toBe('2099-01-01T00:00:00.000Z');
});

test('id, organization and dates are nobody’s to set', async () => {
  for (const column of ['id', 'organization_id', 'created_at', 'updated_at', 'crm_status', 'handed_off_at']) {
    await expect(asTenant(`update api.leads set ${column} = null`), column).rejects.toMatchObject({ code: '42501' });
  }
  await expect(asTenant('delete from api.leads')).rejects.toMatchObject({ code: '42501' });
});

describe('the shapes of the Expert AI Labs document', () => {
  const shape = async (name: string) => {
    const id = await addLead(db, organization);
    const [row] = await asTenant(`select ${name}(l)::text as json from app.leads l where id = $1`, [id]);
    return JSON.parse(row?.json);
  };

  test.each([
    [
      'eal.lead_summary',
      'id organization_id name company email source lead_score pipeline_stage industry company_size created_at updated_at',
    ],
    [
      'eal.lead',
      'id organization_id name company email source lead_score pipeline_stage industry company_size pain_points timeline budget_range ai_reasoning qualification_completed_at created_at updated_at',
    ],
    ['eal.lead_patched', 'id organization_id name company email source lead_score pipeline_stage updated_at'],
  ])('%s has the documented fields in their order', async (name, fields) => {
    const lead = await shape(name);
    expect(Object.keys(lead)).toEqual(fields.split(' '));
    expect(lead).toMatchObject({ name: 'Sarah Mitchell', company: null, lead_score: 0 });
    expect(lead.updated_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });
});

test('a page of the newest continues without gap or double at its cursor, also among rows of one millisecond', async () => {
  const crowded = await makeOrganization(db);
  await db.admin.query(
    "insert into app.leads (organization_id, name, created_at) select $1, 'Lead ' || i, '2026-01-01'::timestamptz + (i / 7) * interval '1 ms' from generate_series(1, 100) i",
    [crowded],
  );
  const seen: string[] = [];
  let last: { created_at: Date; id: string } | undefined;
  do {
    const rows = await db.as(
      'tenant',
      claimsOf(crowded),
      `select id, created_at from app.leads where $1::timestamptz is null or (created_at, id) < ($1, $2::uuid) order by created_at desc, id desc limit 9`,
      [last?.created_at, last?.id],
    );
    seen.push(...rows.map((row) => row.id));
    last = rows[8] as typeof last;
  } while (last);
  expect(seen).toHaveLength(100);
  expect(new Set(seen).size).toBe(100);
});

test('api.lead_pipeline counts and converts by week, source and stage', async () => {
  const tenant = await makeOrganization(db);
  await db.admin.query(
    `insert into app.leads (organization_id, name, source, pipeline_stage, lead_score, created_at) values
       ($1, 'a', 'website', 'won', 90, '2026-03-02T00:00:00Z'), ($1, 'b', 'website', 'won', 70, '2026-03-08T23:59:59Z'),
       ($1, 'c', 'website', 'new', 10, '2026-03-04'), ($1, 'd', 'website', 'lost', 0, '2026-03-04'),
       ($1, 'e', null, 'new', 5, '2026-03-04'), ($1, 'f', 'website', 'new', 5, '2026-03-09T00:00:00Z')`,
    [tenant],
  );
  const rows = await db.as(
    'tenant',
    claimsOf(tenant),
    'select * from api.lead_pipeline order by week, source, pipeline_stage',
  );
  const lines = rows.map((row) =>
    [
      row.week.toISOString().slice(0, 10),
      row.source,
      row.pipeline_stage,
      row.leads,
      row.average_score,
      row.share,
      row.conversion_rate,
    ].join(' '),
  );
  expect(lines).toEqual([
    '2026-03-02 unknown new 1 5.0 1.0000 0.0000',
    '2026-03-02 website lost 1 0.0 0.2500 0.5000',
    '2026-03-02 website new 1 10.0 0.2500 0.5000',
    '2026-03-02 website won 2 80.0 0.5000 0.5000',
    '2026-03-09 website new 1 5.0 1.0000 0.0000',
  ]);
});
