import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { claimsOf, fillBusiness, makeOrganization, makeWorkspaceKey, relay, untilBlocked } from './fixtures.ts';

// The operator puts a business under another parent: from that moment its rows are that workspace's.

let db: TestDatabase;
beforeAll(async () => {
  db = await createDatabase();
});
afterAll(() => db.drop());

describe('a business that gets another parent', () => {
  const seen = async (organization: string, table: string) => {
    const claims = claimsOf(organization, { reach: 'workspace', key_id: await makeWorkspaceKey(db, organization) });
    const rows = await db.as('workspace', claims, `select distinct organization_id as id from ${table}`);
    return rows.map((row) => row.id);
  };

  test('takes leads, runs, replies and hand-offs along, and tells nobody of it', async () => {
    const [from, to] = [await makeOrganization(db, 'From'), await makeOrganization(db, 'To')];
    const business = await makeOrganization(db, 'Business', from);
    await fillBusiness(db, business);
    await relay(db);
    const before = await db.admin.query('select id, workspace_id from app.leads where organization_id = $1', [
      business,
    ]);
    expect(before.rows).toMatchObject([{ workspace_id: from }]);
    await db.admin.query('update app.organizations set parent_organization_id = $2 where id = $1', [business, to]);
    for (const table of ['app.leads', 'app.scraper_runs', 'app.lead_replies', 'app.lead_handoffs']) {
      expect(await seen(from, table), table).toEqual([]);
      expect(await seen(to, table), table).toEqual([business]);
    }
    const { rows } = await db.admin.query('select action from app.outbox where organization_id = $1', [business]);
    expect(rows).toEqual([{ action: 'organization.updated' }]);

    await db.admin.query('update app.organizations set parent_organization_id = null where id = $1', [business]);
    expect([await seen(to, 'app.leads'), await seen(business, 'app.leads')]).toEqual([[], [business]]);
  });

  test.each([
    ['lead', 'app.leads', "(organization_id, name) values ($1, 'Late')"],
    ['run', 'app.scraper_runs', "(organization_id, source) values ($1, 'reddit')"],
  ])('also takes a %s along that comes in while it moves', async (_what, table, values) => {
    const [from, to] = [await makeOrganization(db, 'From'), await makeOrganization(db, 'To')];
    const business = await makeOrganization(db, 'Business', from);
    const [mover, writer] = [await db.admin.connect(), await db.admin.connect()];
    try {
      await mover.query('begin');
      await mover.query('update app.organizations set parent_organization_id = $2 where id = $1', [business, to]);
      const { rows } = await writer.query('select pg_backend_pid() as pid');
      const late = writer.query(`insert into ${table} ${values}`, [business]);
      await untilBlocked(db, rows[0].pid);
      await mover.query('commit');
      await late;
    } finally {
      mover.release();
      writer.release();
    }
    expect(await seen(from, table)).toEqual([]);
    expect(await seen(to, table)).toEqual([business]);
  });
});
