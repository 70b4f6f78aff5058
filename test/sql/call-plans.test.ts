import type pg from 'pg';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { expectOnly, type Node, nodesOf } from '../support/plans.ts';
import { claimsOf, makeKey } from './fixtures.ts';

// Calls are read by index, whoever else has how many.

let db: TestDatabase;
let claims: object;
let deep: { id: string; received_at: Date };

beforeAll(async () => {
  db = await createDatabase();
  // triggers would take longer than everything else here; what they derive is written in bulk
  await db.admin.query(`
    begin;
    set local session_replication_role = replica;
    insert into app.organizations (name, slug) select 'Organization ' || i, 'o' || i from generate_series(1, 20) i;
    insert into app.calls (organization_id, source, external_id, caller_key, received_at, status, intent, qualified, classification_ms, dispatch_action)
    select o.id, 'callrail', 'CAL' || i, '1404555' || lpad(i::text, 4, '0'), now() - i * interval '2 hours', 'classified',
           (array['water', 'fire', 'mold', 'biohazard', 'sales_pitch', 'wrong_number', 'other'])[1 + i % 7], i % 7 < 4, i,
           (array['auto_dispatch', 'callback', 'review', 'ignore', 'ignore'])[1 + i % 5]
      from app.organizations o, generate_series(1, 1500) i;
    commit`);
  await db.admin.query('vacuum analyze app.calls');
  const organization = (await db.admin.query('select id from app.organizations order by id offset 7 limit 1')).rows[0]
    .id;
  claims = claimsOf(organization, { key_id: await makeKey(db, organization) });
  deep = (
    await db.admin.query(
      'select id, received_at from app.calls where organization_id = $1 order by received_at desc, id desc offset 700 limit 1',
      [organization],
    )
  ).rows[0];
});
afterAll(() => db.drop());

async function planOf(text: string, values: unknown[] = []): Promise<Node[]> {
  const rows = await db.as<pg.QueryResultRow>(
    'tenant',
    claims,
    `explain (analyze, format json, buffers off) ${text}`,
    values,
  );
  return nodesOf(rows[0]?.['QUERY PLAN'][0].Plan);
}

const PAGE = 'order by received_at desc, id desc limit 51';

describe('a page of calls', () => {
  test.each<[string, string, () => unknown[], RegExp]>([
    ['the first', `where true ${PAGE}`, () => [], /^calls_newest$/],
    ['a deep one', `where (received_at, id) < ($1, $2) ${PAGE}`, () => [deep.received_at, deep.id], /^calls_newest$/],
    ['one intent', `where intent = $1 ${PAGE}`, () => ['water'], /^calls_by_intent$/],
    ['one status', `where status = $1 ${PAGE}`, () => ['received'], /^calls_by_status$/],
    ['the qualified ones', `where qualified = $1 ${PAGE}`, () => [true], /^calls_(qualified|newest)$/],
    ['one decision', `where dispatch_action = $1 ${PAGE}`, () => ['review'], /^calls_by_decision$/],
    ['junk', `where intent = any ($1) ${PAGE}`, () => [['sales_pitch', 'wrong_number']], /^calls_newest$/],
  ])('%s comes in the order of its index', async (_name, rest, values, index) => {
    expectOnly(await planOf(`select * from app.calls ${rest}`, values()), index);
  });
});

test('a call is found by its id, and by its id at the source', async () => {
  expectOnly(await planOf('select * from app.calls where id = $1', [deep.id]), /^calls_pkey$/);
  expectOnly(
    await planOf('select * from app.calls where source = $1 and external_id = $2', ['callrail', 'CAL7']),
    /^calls_by_external_id$/,
  );
});

test('earlier calls of a caller are found by the number', async () => {
  expectOnly(
    await planOf('select * from app.calls where caller_key = $1 order by received_at desc', ['14045550042']),
    /^calls_by_caller$/,
  );
});

test('a window is counted from the index alone', async () => {
  const nodes = await planOf(
    "select intent, count(*), count(*) filter (where qualified), sum(classification_ms) from app.calls where received_at >= now() - interval '7 days' group by intent",
  );
  const scans = nodes.filter((node) => /Scan/.test(node['Node Type']));
  if (
    scans.length !== 1 ||
    scans[0]?.['Node Type'] !== 'Index Only Scan' ||
    scans[0]['Index Name'] !== 'calls_statistics'
  ) {
    throw new Error(JSON.stringify(scans));
  }
});

test('outcomes of calls are counted from the organization’s own, whose time zone is looked up once', async () => {
  const nodes = await planOf('select * from api.call_outcomes');
  const scans = nodes.filter((node) => /Scan/.test(node['Node Type']));
  const ofCalls = scans.filter((node) => node['Relation Name'] === 'calls' || /^calls_/.test(node['Index Name'] ?? ''));
  const ofOrganizations = scans.filter((node) => node['Relation Name'] === 'organizations');
  if (
    ofCalls.some((node) => node['Node Type'] === 'Seq Scan') ||
    ofOrganizations.some((node) => node['Actual Loops'] > 1)
  ) {
    throw new Error(JSON.stringify(scans));
  }
});
