import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { expectOnly, type Node, nodesOf } from '../support/plans.ts';
import { claimsOf, makeKey } from './fixtures.ts';

// What matters is what a key's request runs: policies can keep an index from being used, and only the tenant's plan shows it.

const ORGANIZATIONS = 20;
const LEADS_EACH = 1000;

let db: TestDatabase;
let organization: string;
let claims: object;
let deepLead: { id: string; created_at: Date };
let deepEntry: { id: string; created_at: Date };

beforeAll(async () => {
  db = await createDatabase();
  // triggers would take longer than everything else here; what they write is written in bulk
  await db.admin.query(`
    begin;
    set local session_replication_role = replica;
    insert into app.organizations (name, slug) select 'Organization ' || i, 'o' || i from generate_series(1, ${ORGANIZATIONS}) i;
    insert into app.leads (organization_id, workspace_id, name, email, email_key, source, pipeline_stage, created_at)
    select o.id, o.id, 'Lead ' || i, 'lead' || i || '@example.com', 'lead' || i || '@example.com', (array['website', 'google_ads', 'reddit', 'referral'])[1 + i % 4],
           (array['new', 'contacted', 'replied', 'qualified', 'won', 'lost'])[1 + i % 6], now() - i * interval '3 hours'
      from app.organizations o, generate_series(1, ${LEADS_EACH}) i;
    insert into audit.platform_events (organization_id, id, action, source, correlation_id, payload, created_at)
    select l.organization_id, uuidv7(), case when random() < 0.5 then 'lead.created' else 'lead.updated' end, 'api', 'corr', '{}', l.created_at
      from app.leads l;
    insert into audit.platform_events (organization_id, id, action, source, correlation_id, payload, created_at)
    select l.organization_id, uuidv7(), 'lead.updated', 'api', 'corr', '{}', now() - random() * interval '1 hour' from app.leads l;
    commit`);
  await db.admin.query('vacuum analyze app.leads');
  await db.admin.query('vacuum analyze audit.platform_events');
  organization = (await db.admin.query('select id from app.organizations order by id offset 7 limit 1')).rows[0].id;
  claims = claimsOf(organization, { key_id: await makeKey(db, organization) });
  const at = async (table: string) =>
    (
      await db.admin.query(
        `select id, created_at from ${table} where organization_id = $1 order by created_at desc, id desc offset 500 limit 1`,
        [organization],
      )
    ).rows[0];
  deepLead = await at('app.leads');
  deepEntry = await at('audit.platform_events');
});
afterAll(() => db.drop());

/** The plan that a tenant's statement is run by. */
async function planOf(text: string, values: unknown[] = [], as = claims): Promise<Node[]> {
  const rows = await db.as<pg.QueryResultRow>(
    'tenant',
    as,
    `explain (analyze, format json, buffers off) ${text}`,
    values,
  );
  return nodesOf(rows[0]?.['QUERY PLAN'][0].Plan);
}

const PAGE = 'order by created_at desc, id desc limit 51';

describe('a page of leads', () => {
  test.each<[string, string, () => unknown[], RegExp]>([
    ['the first', `where true ${PAGE}`, () => [], /^leads_newest$/],
    [
      'a deep one',
      `where (created_at, id) < ($1, $2) ${PAGE}`,
      () => [deepLead.created_at, deepLead.id],
      /^leads_newest$/,
    ],
    ['one stage', `where pipeline_stage = $1 ${PAGE}`, () => ['won'], /^leads_by_stage$/],
    [
      'one stage, deep',
      `where pipeline_stage = $1 and (created_at, id) < ($2, $3) ${PAGE}`,
      () => ['won', deepLead.created_at, deepLead.id],
      /^leads_by_stage$/,
    ],
    ['one source', `where source = $1 ${PAGE}`, () => ['reddit'], /^leads_by_source$/],
    [
      'a range of dates',
      `where created_at >= $1::timestamptz - interval '10 days' and created_at <= $1 ${PAGE}`,
      () => [deepLead.created_at],
      /^leads_newest$/,
    ],
  ])('%s comes in the order of its index', async (_, condition, values, index) => {
    for (const table of ['app.leads', 'api.leads']) {
      const nodes = await planOf(`select * from ${table} ${condition}`, values());
      expectOnly(nodes, index);
      const [scan] = nodes.filter((node) => node['Index Name']);
      expect(scan?.['Actual Rows']).toBe(51);
      expect(scan?.['Rows Removed by Filter'] ?? 0).toBe(0);
    }
  });

  test('reads as few rows under a grant', async () => {
    await db.admin.query(
      `update app.organizations set parent_organization_id = (select id from app.organizations where id <> $1 order by id limit 1) where id = $1`,
      [organization],
    );
    const { rows } = await db.admin.query(
      `insert into app.grants (organization_id, parent_organization_id, scopes)
       select id, parent_organization_id, '{leads.read}' from app.organizations where id = $1 returning parent_organization_id as id`,
      [organization],
    );
    const nodes = await planOf(
      `select * from app.leads ${PAGE}`,
      [],
      claimsOf(rows[0].id, { target_organization_id: organization }),
    );
    expectOnly(nodes, /^leads_newest$/);
  });
});

test('the policy asks who reads once a statement, not once a row', async () => {
  const nodes = await planOf('select count(*) from app.leads');
  const asked = nodes.filter((node) => node['Parent Relationship'] === 'InitPlan');
  expect(asked.map((node) => node['Actual Loops'])).toEqual([1]);
  expect(nodes.filter((node) => node['Parent Relationship'] === 'SubPlan')).toEqual([]);
});

test('a tenant’s leads are found by the tenant, not by reading everybody’s', async () => {
  const nodes = await planOf('select count(*) from app.leads where lead_score > 50');
  expect(nodes.map((node) => node['Node Type']).join()).not.toContain('Seq Scan');
});

test('a single lead is found by its key, with or without naming the organization', async () => {
  expectOnly(await planOf('select * from app.leads where id = $1', [deepLead.id]), /^leads_pkey$/);
  expectOnly(
    await planOf('select * from app.leads where organization_id = $1 and id = $2', [organization, deepLead.id]),
    /^leads_pkey$/,
  );
  expectOnly(await planOf("update app.leads set name = 'x' where id = $1", [deepLead.id]), /^leads_pkey$/);
});

test('a lead is found by its phone number and its email address, however they are written', async () => {
  await db.admin.query(
    "update app.leads set phone = '(404) 555-' || lpad(right(email, 4), 4, '0') where organization_id = $1",
    [organization],
  );
  await db.admin.query('analyze app.leads');
  expectOnly(
    await planOf('select * from app.leads where phone_key = app.phone_key($1)', ['+1 404.555.0173']),
    /^leads_by_phone$/,
  );
  expectOnly(
    await planOf('select * from app.leads where email_key = lower($1)', ['Lead7@Example.com']),
    /^leads_by_email$/,
  );
});

describe('a page of the audit log', () => {
  const ENTRIES = /^platform_events_(default|[0-9]{4}_[0-9]{2})_pkey$/;

  test('the first and a deep one come in the order of the keys of the partitions', async () => {
    expectOnly(await planOf(`select * from audit.platform_events ${PAGE}`), ENTRIES);
    expectOnly(
      await planOf(`select * from audit.platform_events where (created_at, id) < ($1, $2) ${PAGE}`, [
        deepEntry.created_at,
        deepEntry.id,
      ]),
      ENTRIES,
    );
  });

  test('one action comes in the order of its index', async () => {
    const nodes = await planOf(`select * from audit.platform_events where action = $1 ${PAGE}`, ['lead.created']);
    expect(nodes.map((node) => node['Node Type']).join()).not.toMatch(/Seq Scan/);
  });

  test('a range of dates touches only its months', async () => {
    const nodes = await planOf(
      `select * from audit.platform_events where created_at >= now() - interval '10 minutes' and created_at <= now() ${PAGE}`,
    );
    expectOnly(nodes, ENTRIES);
  });

  test('a single entry is found by its key, as its id holds its time', async () => {
    const nodes = await planOf(
      'select * from audit.platform_events where created_at = uuid_extract_timestamp($1::uuid) and id = $1',
      [deepEntry.id],
    );
    expectOnly(nodes, ENTRIES);
    expect(nodes.filter((node) => node['Index Name'])).toHaveLength(1);
  });
});

test('whether anything waits in a connection is told without reading what it has brought in a month', async () => {
  await db.admin.query(`insert into app.connections (organization_id, vendor) values ($1, 'callrail')`, [organization]);
  await db.admin.query(
    `insert into app.hook_receipts (organization_id, connection_id, headers, body, state, call_ids, received_at)
     select c.organization_id, c.id, '{}', '', case when i % 1000 = 0 then 'dead' when i % 1000 = 1 then 'failed' else 'done' end,
            array[uuidv7()], now() - i * interval '12 minutes'
       from app.connections as c, generate_series(1, 3000) as i where c.organization_id = $1`,
    [organization],
  );
  await db.admin.query('vacuum analyze app.hook_receipts');
  const told = 'select vendor, status, waiting, dead from api.connections';
  expect(await db.as('tenant', claims, told)).toEqual([{ vendor: 'callrail', status: 'ok', waiting: '3', dead: '3' }]);
  const read = (await planOf(told)).filter(
    (node) => node['Relation Name'] === 'hook_receipts' || /^hook_receipts/.test(node['Index Name'] ?? ''),
  );
  expect(new Set(read.flatMap((node) => node['Index Name'] ?? []))).toEqual(new Set(['hook_receipts_open']));
  expect(read.reduce((sum, node) => sum + node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0), 0)).toBe(6);
});
