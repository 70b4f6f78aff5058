import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { expectOnly, innerPlans, type Node, nodesOf } from '../support/plans.ts';
import { claimsOf } from './fixtures.ts';

// A workspace of 200 businesses, uneven ones, beside 20 organizations of their own: what its key reads comes by index, and a search
// reads neither everybody's leads nor all of the workspace's.

let db: TestDatabase;
let workspace: string;
let claims: object;
let small: string;
let middling: string;
let lead: { organization_id: string; id: string; created_at: Date };

beforeAll(async () => {
  db = await createDatabase();
  await db.admin.query(`
    begin;
    set local session_replication_role = replica;
    insert into app.organizations (name, slug) values ('Group', 'group');
    insert into app.organizations (name, slug, parent_organization_id)
    select 'Business ' || i, 'b' || i, (select id from app.organizations where slug = 'group') from generate_series(1, 200) as i;
    insert into app.organizations (name, slug) select 'Organization ' || i, 'o' || i from generate_series(1, 20) as i;
    insert into app.leads (organization_id, workspace_id, name, target_type, source, pipeline_stage, tags, search_text, created_at)
    select o.id, coalesce(o.parent_organization_id, o.id), n.name, case when i % 200 = 11 then 'realtor' else 'customer_lead' end,
           (array['website', 'google_ads', 'reddit', 'referral'])[1 + i % 4],
           (array['new', 'contacted', 'replied', 'qualified', 'won', 'lost'])[1 + i % 6],
           case when i % 3 = 0 then '{hot}' else '{}' end::text[], app.fold(' ' || n.name), now() - i * interval '3 minutes'
      from generate_series(1, 40000) as i
      join app.organizations as o on o.slug = case when i % 4 = 0 then 'o' || 1 + i % 20 else 'b' || 1 + (199 * (i * 7919 % 10007 / 10007.0) ^ 2)::integer end,
           lateral (select 'Lead ' || i || case when i % 10 = 1 then ' Maria' else '' end || case when i % 5000 = 1001 then ' Xylophone' else '' end as name) as n;
    insert into app.lead_replies (organization_id, lead_id, message, received_at)
    select l.organization_id, l.id, 'Yes', l.created_at + n * interval '1 hour' from app.leads as l, generate_series(1, 2) as n;
    insert into app.lead_handoffs (organization_id, lead_id, destination, handed_off_at)
    select l.organization_id, l.id, 'crm', l.created_at from app.leads as l;
    insert into app.scraper_runs (organization_id, workspace_id, source, status, started_at, finished_at)
    select o.id, coalesce(o.parent_organization_id, o.id), 'reddit', 'succeeded', now() - i * interval '1 hour', now()
      from app.organizations as o, generate_series(1, 50) as i;
    commit`);
  for (const table of ['leads', 'lead_replies', 'lead_handoffs', 'scraper_runs', 'organizations']) {
    await db.admin.query(`vacuum analyze app.${table}`);
  }
  workspace = (await db.admin.query("select id from app.organizations where slug = 'group'")).rows[0].id;
  middling = (await db.admin.query("select id from app.organizations where slug = 'b40'")).rows[0].id;
  small = (await db.admin.query("select id from app.organizations where slug = 'b190'")).rows[0].id;
  claims = claimsOf(workspace, { reach: 'workspace' });
  lead = (
    await db.admin.query(
      'select organization_id, id, created_at from app.leads where workspace_id = $1 order by created_at desc offset 15000 limit 1',
      [workspace],
    )
  ).rows[0];
});
afterAll(() => db.drop());

async function planOf(text: string, values: unknown[] = []): Promise<Node[]> {
  const [row] = await db.as('workspace', claims, `explain (analyze, format json, buffers off) ${text}`, values);
  return nodesOf(row?.['QUERY PLAN'][0].Plan);
}

const NEWEST = 'order by row.created_at desc, row.id desc limit 51';

describe('a workspace key reads by index', () => {
  test.each<[string, string, () => unknown[], RegExp]>([
    ['the first page', `where true ${NEWEST}`, () => [], /^leads_workspace_newest$/],
    [
      'a deep page',
      `where (row.created_at, row.id) < ($1, $2) ${NEWEST}`,
      () => [lead.created_at, lead.id],
      /^leads_workspace_newest$/,
    ],
    ['one stage', `where row.pipeline_stage = $1 ${NEWEST}`, () => ['won'], /^leads_workspace_stage$/],
    ['one source', `where row.source = $1 ${NEWEST}`, () => ['reddit'], /^leads_workspace_source$/],
    [
      'one unusual kind of target',
      `where row.target_type = $1 and row.target_type <> 'customer_lead' ${NEWEST}`,
      () => ['realtor'],
      /^leads_workspace_type$/,
    ],
    ['since a day', `where row.created_at >= $1 ${NEWEST}`, () => [lead.created_at], /^leads_workspace_newest$/],
    [
      'one business',
      `where row.organization_id = (select app.business($1)) ${NEWEST}`,
      () => [middling],
      /^leads_newest$/,
    ],
  ])('%s of leads, each row of it once', async (_what, condition, values, index) => {
    const nodes = await planOf(`select row.* from app.leads as row ${condition}`, values());
    expectOnly(nodes, index);
    const [scan] = nodes.filter((node) => node['Index Name']);
    expect(scan?.['Actual Rows']).toBe(51);
    expect((scan?.['Rows Removed by Filter'] ?? 0) / 51).toBeLessThan(1);
  });

  test('a lead by its id, its replies and its hand-offs', async () => {
    expectOnly(await planOf('select * from app.leads where id = $1', [lead.id]), /^leads_workspace_id$|^leads_pkey$/);
    for (const [table, time] of [
      ['lead_replies', 'received_at'],
      ['lead_handoffs', 'handed_off_at'],
    ]) {
      const nodes = await planOf(
        `select row.* from app.${table} as row where row.organization_id = $1 and row.lead_id = $2 order by row.${time} desc, row.id desc limit 51`,
        [lead.organization_id, lead.id],
      );
      expectOnly(nodes, new RegExp(`^${table}_of_lead$`));
    }
  });

  test('the log of runs', async () => {
    expectOnly(
      await planOf('select row.* from app.scraper_runs as row order by row.started_at desc, row.id desc limit 51'),
      /^scraper_runs_workspace$/,
    );
  });
});

describe('a search', () => {
  /** Leads read, and the indexes they were found by. */
  async function search(q: string | null, more: { tags?: string[]; business?: string; as?: [string, object] } = {}) {
    const [role, asking] = more.as ?? ['workspace', claims];
    const { rows, plans } = await innerPlans(
      db,
      role,
      asking,
      'select id from app.find_leads($1, $2, null, null, null, null, $3, 51)',
      [q, more.tags, more.business],
    );
    const nodes = plans.filter(({ text }) => /app\.leads as "row"/.test(text)).flatMap((plan) => plan.nodes);
    expect(nodes.map((node) => node['Node Type'])).not.toContain('Seq Scan');
    const read = nodes
      .filter((node) => node['Relation Name'] === 'leads' && node['Node Type'] !== 'Index Only Scan')
      .reduce((sum, node) => sum + node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0), 0);
    return {
      found: rows.length,
      read,
      indexes: [...new Set(nodes.flatMap((node) => node['Index Name'] ?? []))].sort(),
    };
  }

  test('for what many have walks from the newest on', async () => {
    for (const wanted of [{ q: 'lead' }, { q: 'ma' }, { q: null, tags: ['hot'] }]) {
      const { found, read, indexes } = await search(wanted.q, wanted);
      expect(indexes).toEqual(['leads_workspace_newest']);
      expect(found).toBe(51);
      expect(read).toBeLessThan(1001);
    }
  });

  test.each([
    ['a rare word', 'xylophone', 8],
    ['a word that is nowhere', 'nowhere', 0],
    ['of two letters', 'zq', 0],
    ['of one', 'ж', 0],
    ['without letters', '---', 0],
    ['a phone number', '+49 30 1234567', 0],
  ])('for %s reads little, and the rest by the trigram index', async (_what, q, expected) => {
    const { found, read, indexes } = await search(q);
    expect(indexes).toEqual(['leads_search', 'leads_workspace_newest']);
    expect(found).toBe(expected);
    expect(read).toBeLessThan(1001 + expected);
  });

  test('in one business, and in an organization beside, reads no other’s leads', async () => {
    const locked: [string, object] = ['tenant', claimsOf(small)];
    const { rows } = await db.admin.query(
      'select count(*)::integer as leads from app.leads where organization_id = $1',
      [small],
    );
    for (const more of [{ as: locked }, { business: small }]) {
      const { read, indexes } = await search('maria', more);
      expect(indexes).toEqual(['leads_newest']);
      expect(read).toBeLessThanOrEqual(rows[0].leads);
    }
  });
});
