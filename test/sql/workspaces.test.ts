import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import {
  addLead,
  claimsOf,
  failure,
  fillBusiness,
  makeOrganization,
  makeWorkspaceKey,
  relay,
  sha256,
} from './fixtures.ts';

// A workspace key reaches the rows of its organization and of every child, and none besides.

let db: TestDatabase;
let top: string;
let north: string;
let south: string;
let strangers: string[];
let key: string;

const workspaceClaims = (more: object = {}) => claimsOf(top, { reach: 'workspace', key_id: key, ...more });

beforeAll(async () => {
  db = await createDatabase();
  top = await makeOrganization(db, 'Top');
  north = await makeOrganization(db, 'North', top);
  south = await makeOrganization(db, 'South', top);
  const other = await makeOrganization(db, 'Another top');
  // the strangers: another workspace, a business of it, and who stands under a business of ours
  strangers = [other, await makeOrganization(db, 'Its business', other), await makeOrganization(db, 'Below', north)];
  key = await makeWorkspaceKey(db, top);
  for (const organization of [top, north, south, ...strangers]) await fillBusiness(db, organization);
  await db.as('workspace', workspaceClaims(), "select app.keep_answer('a', $1, 201, $2)", [
    sha256('r'),
    Buffer.from('a'),
  ]);
});
afterAll(() => db.drop());

interface Table {
  name: string;
  updatable: string[];
  insertable: string[];
}

/** Tables and views with rows of organizations that the role can read. */
async function tables(): Promise<Table[]> {
  const { rows } = await db.admin.query<Table>(`
    select n.nspname || '.' || c.relname as name,
           array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
                  and has_column_privilege('workspace', c.oid, a.attnum, 'update') order by a.attnum) as updatable,
           array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
                  and has_column_privilege('workspace', c.oid, a.attnum, 'insert') order by a.attnum) as insertable
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute t on t.attrelid = c.oid and t.attname = 'organization_id'
     where n.nspowner = 'trunkline_owner'::regrole and c.relkind in ('r', 'p', 'v') and not c.relispartition
       and has_column_privilege('workspace', c.oid, t.attnum, 'select')
     order by 1`);
  return rows;
}

/** A kept answer is the key's own, not the workspace's. */
const OF_THE_KEY = 'app.idempotency_keys';

const outcome = async (attempt: Promise<unknown[]>): Promise<string | number> => {
  try {
    return (await attempt).length;
  } catch (error) {
    return (error as pg.DatabaseError).code ?? 'unknown';
  }
};

describe('the role workspace', () => {
  test('can name these tables and views, and no key, secret, endpoint or audit entry', async () => {
    expect((await tables()).map((table) => table.name)).toEqual([
      'api.lead_handoffs',
      'api.lead_pipeline',
      'api.lead_replies',
      'api.leads',
      'api.scraper_runs',
      'app.idempotency_keys',
      'app.lead_handoffs',
      'app.lead_replies',
      'app.leads',
      'app.scraper_runs',
    ]);
  });

  test('reads the rows of every business of its workspace, and no others', async () => {
    for (const { name } of await tables()) {
      const rows = await db.as('workspace', workspaceClaims(), `select organization_id as id from ${name}`);
      const expected = name === OF_THE_KEY ? [top] : [top, north, south];
      expect(new Set(rows.map((row) => row.id)), name).toEqual(new Set(expected));
    }
  });

  test('without claims reads nothing', async () => {
    for (const { name } of await tables()) {
      expect(await db.as('workspace', null, `select from ${name}`), name).toEqual([]);
    }
  });

  test('changes rows of its businesses, and none of a stranger', async () => {
    for (const { name, updatable } of (await tables()).filter((one) => one.updatable.length > 0)) {
      const change = (organization: string) =>
        outcome(
          db.as(
            'workspace',
            workspaceClaims(),
            `update ${name} set ${updatable[0]} = ${updatable[0]} where organization_id = '${organization}' returning 1`,
          ),
        );
      expect(await change(north), name).toBeGreaterThan(0);
      for (const stranger of strangers) expect(await change(stranger), name).toBe(0);
    }
  });

  test('adds no row to a stranger', async () => {
    for (const { name, insertable } of await tables()) {
      if (!insertable.includes('organization_id')) continue;
      for (const stranger of strangers) {
        const { rows } = await db.admin.query(`select to_jsonb(t) as row from ${name} t where organization_id = $1`, [
          stranger,
        ]);
        const copy = `insert into ${name} (${insertable}) select ${insertable} from jsonb_populate_record(null::${name}, $1) returning 1`;
        expect(await outcome(db.as('workspace', workspaceClaims(), copy, [rows[0].row])), name).toBe('42501');
      }
    }
  });

  test('neither moves a row to another organization nor removes one', async () => {
    const move = 'update app.leads set organization_id = $1';
    expect(await failure(db.as('workspace', workspaceClaims(), move, [north]))).toMatchObject({ code: '42501' });
    for (const { name } of await tables()) {
      if (name === OF_THE_KEY || name === 'api.lead_pipeline') continue;
      expect(await outcome(db.as('workspace', workspaceClaims(), `delete from ${name}`)), name).toBe('42501');
    }
  });
});

test('what is derived is neither audited nor announced', async () => {
  await relay(db);
  const lead = await addLead(db, north, 'Derived');
  await db.admin.query("update app.leads set name = 'Changed', phone = '+1 555 123 4567' where id = $1", [lead]);
  await db.as('tenant', claimsOf(north), "insert into app.scraper_runs (source) values ('manual')");
  const derived = ['workspace_id', 'email_key', 'phone_key', 'search_text'];
  const { rows: entries } = await db.admin.query(
    "select payload -> 'diff' as diff from audit.platform_events where organization_id = $1 order by created_at desc limit 3",
    [north],
  );
  const { rows: changes } = await db.admin.query(
    'select snapshot, changed from app.outbox where organization_id = $1',
    [north],
  );
  expect([entries.length, changes.length]).toEqual([3, 3]);
  for (const name of derived) {
    for (const { diff } of entries) expect(diff).not.toHaveProperty(name);
    for (const { snapshot, changed } of changes) {
      expect(snapshot).not.toHaveProperty(name);
      expect(changed).not.toContain(name);
    }
  }
  // nor can anybody write them, and who tries as the owner gets what they should be
  await db.admin.query("update app.leads set workspace_id = $2, email_key = 'x', search_text = 'y' where id = $1", [
    lead,
    south,
  ]);
  const { rows } = await db.admin.query('select workspace_id, email_key, search_text from app.leads where id = $1', [
    lead,
  ]);
  expect(rows[0]).toEqual({
    workspace_id: top,
    email_key: 'sarah@example.com',
    search_text: expect.stringContaining('changed'),
  });
});
