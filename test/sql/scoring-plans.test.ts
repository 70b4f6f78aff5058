import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { innerPlans } from '../support/plans.ts';
import { claimsOf, makeOrganization } from './fixtures.ts';

// Scoring a lead reads rows by index, whoever has how many leads, calls and sources.

let db: TestDatabase;
let organization: string;

beforeAll(async () => {
  db = await createDatabase();
  organization = await makeOrganization(db);
  for (let count = 0; count < 9; count++) await makeOrganization(db);
  // triggers would take longer than everything else here; what they derive is written in bulk
  await db.admin.query(`
    begin;
    set local session_replication_role = replica;
    insert into app.leads (organization_id, workspace_id, name, source, phone_key, pipeline_stage)
    select o.id, o.id, 'Lead ' || i, 'source ' || i % 20, '1404555' || lpad(i::text, 4, '0'), 'won'
      from app.organizations o, generate_series(1, 2000) i;
    insert into app.calls (organization_id, source, caller_key, received_at)
    select o.id, 'callrail', '1404555' || lpad((i % 1000)::text, 4, '0'), now() - i * interval '1 hour'
      from app.organizations o, generate_series(1, 2000) i;
    insert into app.source_outcomes (organization_id, source, won, lost)
    select o.id, 'source ' || i, 10, 10 from app.organizations o, generate_series(1, 200) i;
    commit`);
  for (const table of [
    'app.leads',
    'app.calls',
    'app.source_outcomes',
    'app.scoring_rules',
    'app.email_domains',
    'app.phone_states',
  ]) {
    await db.admin.query(`vacuum analyze ${table}`);
  }
});
afterAll(() => db.drop());

const SCANS: Record<string, RegExp> = {
  leads: /^leads_(pkey|newest)$/,
  calls: /^calls_by_caller$/,
  source_outcomes: /^source_outcomes_pkey$/,
  scoring_rules: /^scoring_rules_pkey$/,
  email_domains: /^email_domains_pkey$/,
  phone_states: /^phone_states_pkey$/,
  dispatch_settings: /^dispatch_settings_pkey$/,
};

test('a lead is scored by index, as its own key asks for it', async () => {
  const { rows } = await db.admin.query(
    `insert into app.leads (organization_id, name, email, phone, source, context)
     values ($1, 'Ann Lee', 'ann@acme-roofing.com', '404-555-0042', 'source 7', '{"zip": "30060"}') returning id`,
    [organization],
  );
  const { plans } = await innerPlans(db, 'tenant', claimsOf(organization), 'select app.score_lead($1)', [rows[0].id]);
  const nodes = plans.flatMap((plan) => plan.nodes);
  const read = nodes.filter((node) => node['Relation Name'] && /Scan/.test(node['Node Type']));
  for (const node of read) {
    const name = node['Relation Name'] as string;
    const told = JSON.stringify(node);
    if (!(name in SCANS)) continue;
    expect(node['Node Type'], told).toMatch(/^Index (Only )?Scan$|^Bitmap Heap Scan$/);
    if (node['Index Name']) expect(node['Index Name'], told).toMatch(SCANS[name] as RegExp);
    // nothing is read that is not asked for: outcomes and rules of one organization, two calls
    expect(
      node['Actual Rows'] * node['Actual Loops'] + (node['Rows Removed by Filter'] ?? 0),
      told,
    ).toBeLessThanOrEqual(210);
  }
  const tables = new Set(read.map((node) => node['Relation Name']));
  for (const name of Object.keys(SCANS)) expect(tables, name).toContain(name);
});

test('leads are scored in a batch without reading the others', async () => {
  const { rows } = await db.admin.query('select id from app.leads where organization_id = $1 order by id limit 50', [
    organization,
  ]);
  const { plans } = await innerPlans(db, 'tenant', claimsOf(organization), 'select app.score_leads($1)', [
    rows.map((row) => row.id),
  ]);
  const leads = plans.flatMap((plan) => plan.nodes).filter((node) => node['Relation Name'] === 'leads');
  expect(leads.length).toBeGreaterThan(0);
  for (const node of leads.filter((each) => /Scan/.test(each['Node Type']))) {
    expect(node['Node Type']).toMatch(/Index Scan|Bitmap Heap Scan/);
    expect(
      node['Actual Rows'] * node['Actual Loops'] + (node['Rows Removed by Filter'] ?? 0),
      JSON.stringify(node),
    ).toBeLessThanOrEqual(2500);
  }
});
