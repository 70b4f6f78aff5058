import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { claimsOf, failure, makeOrganization, makeWorkspaceKey, relay } from './fixtures.ts';

let db: TestDatabase;
let top: string;
let north: string;
let stranger: string;

beforeAll(async () => {
  db = await createDatabase();
  top = await makeOrganization(db, 'Top');
  north = await makeOrganization(db, 'North', top);
  stranger = await makeOrganization(db, 'Stranger');
});
afterAll(() => db.drop());

const as = (organization: string, text: string, values: unknown[] = [], more: object = {}) =>
  db.as('tenant', claimsOf(organization, more), text, values);
const start = async (organization = north): Promise<string> =>
  (await as(organization, "insert into api.scraper_runs (source) values ('reddit') returning id"))[0]?.id;
const runOf = async (id: string) =>
  (await db.admin.query('select * from app.scraper_runs where id = $1', [id])).rows[0];

test('a run is its organization’s, of its workspace, and runs until it is said to have ended', async () => {
  const id = await start();
  expect(await runOf(id)).toMatchObject({
    organization_id: north,
    workspace_id: top,
    source: 'reddit',
    status: 'running',
    finished_at: null,
  });
  await as(north, "update api.scraper_runs set status = 'partial', leads_found = 3, leads_rejected = 1 where id = $1", [
    id,
  ]);
  const ended = await runOf(id);
  expect(ended).toMatchObject({ status: 'partial', finished_at: expect.any(Date) });
  // a later correction does not move its end
  await as(north, "update api.scraper_runs set error = 'one row had no name' where id = $1", [id]);
  expect((await runOf(id)).finished_at).toEqual(ended.finished_at);
  // and one that goes on has none
  await as(north, "update api.scraper_runs set status = 'running' where id = $1", [id]);
  expect((await runOf(id)).finished_at).toBeNull();
});

test.each([
  ["status = 'done'", 'a status that there is not'],
  ['leads_found = -1', 'a negative count'],
  [`error = repeat('x', 2001)`, 'too long an error'],
  [`details = '[]'`, 'details that are no object'],
])('%s is refused: %s', async (set) => {
  const id = await start();
  expect(await failure(as(north, `update api.scraper_runs set ${set} where id = $1`, [id]))).toMatchObject({
    code: '23514',
  });
});

test('beginning and end are audited, and how far it got in between is not', async () => {
  await relay(db);
  const id = await start();
  for (const found of [1, 2, 3]) {
    await as(
      north,
      'update app.scraper_runs set leads_found = $2::integer, leads_created = $2::integer, rows_done = $2::integer where id = $1',
      [id, found],
    );
  }
  await as(north, "update app.scraper_runs set status = 'succeeded' where id = $1", [id]);
  const { rows } = await db.admin.query(
    "select action from audit.platform_events where payload ->> 'scraper_run_id' = $1 order by created_at, id",
    [id],
  );
  expect(rows.map((row) => row.action)).toEqual(['scraper_run.created', 'scraper_run.updated']);
});

describe('who may', () => {
  test('read is told by the scope for sources, and write by the one for leads', async () => {
    const id = await start();
    const reader = { scopes: ['sources.read'] };
    expect(await as(north, 'select from api.scraper_runs where id = $1', [id], reader)).toHaveLength(1);
    expect(await failure(as(north, 'select from api.scraper_runs', [], { scopes: ['leads.read'] }))).toMatchObject({
      code: 'PT403',
    });
    const insert = "insert into app.scraper_runs (source) values ('reddit')";
    expect(await failure(as(north, insert, [], { scopes: ['leads.read', 'sources.read'] }))).toMatchObject({
      code: 'PT403',
    });
    await as(north, insert, [], { scopes: ['leads.write'] });
  });

  test('see a run: its business, its workspace’s key, and nobody else', async () => {
    const id = await start();
    const look = 'select from app.scraper_runs where id = $1';
    expect(await as(north, look, [id])).toHaveLength(1);
    expect(await as(top, look, [id])).toHaveLength(0);
    expect(await as(stranger, look, [id])).toHaveLength(0);
    const workspaceOf = async (organization: string) =>
      claimsOf(organization, { reach: 'workspace', key_id: await makeWorkspaceKey(db, organization) });
    expect(await db.as('workspace', await workspaceOf(top), look, [id])).toHaveLength(1);
    expect(await db.as('workspace', await workspaceOf(stranger), look, [id])).toHaveLength(0);
  });

  test('change a run: its business alone', async () => {
    const id = await start();
    const change = "update app.scraper_runs set error = 'x' where id = $1 returning 1";
    expect(await as(stranger, change, [id])).toEqual([]);
    expect(await as(top, change, [id])).toEqual([]);
    const put = "insert into app.scraper_runs (organization_id, source) values ($1, 'reddit')";
    expect(await failure(as(stranger, put, [north]))).toMatchObject({ code: '42501' });
  });
});

test('an import that got no further is noted as failed, and nobody else’s run is', async () => {
  const importing = async (minutes: number): Promise<string> => {
    const [run] = await as(
      north,
      `insert into app.scraper_runs (source, details, rows_done) values ('list', '{"sha256": "x", "rows": 12}', 7) returning id`,
    );
    await db.admin.query(
      `begin; set local session_replication_role = replica;
       update app.scraper_runs set updated_at = now() - ${minutes} * interval '1 minute' where id = '${run?.id}'; commit`,
    );
    return run?.id;
  };
  const [stopped, underWay, other] = [await importing(16), await importing(14), await start()];
  await db.admin.query(
    `begin; set local session_replication_role = replica;
     update app.scraper_runs set updated_at = now() - interval '1 day' where id = '${other}'; commit`,
  );
  const [noted] = await db.as('worker', null, 'select app.note_stopped_imports() as runs');
  expect(noted?.runs).toBe('1');
  expect(await runOf(stopped)).toMatchObject({
    status: 'failed',
    finished_at: expect.any(Date),
    error: 'It stopped after 7 of 12 rows; the same import with --resume goes on from there.',
  });
  for (const id of [underWay, other]) expect(await runOf(id)).toMatchObject({ status: 'running', error: null });
});
