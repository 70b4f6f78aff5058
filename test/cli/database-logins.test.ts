import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cleanUp, type Environment, run, runJson } from '../start/process.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { createKey, createOrganization } from '../support/gateway.ts';

// Logins belong to the cluster, which other tests share: so their names are of this run, and they are dropped at the end.

const suffix = randomBytes(4).toString('hex');
const [ONE, ALL] = [`ann_${suffix}`, `bi_${suffix}`];

let db: TestDatabase;
let environment: Environment;
let ours: string;
let one: pg.Client;
let all: pg.Client;

const connect = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

beforeAll(async () => {
  db = await createDatabase();
  environment = { DATABASE_URL: db.url };
  ours = await createOrganization(db, 'Ours');
  const theirs = await createOrganization(db, 'Theirs');
  for (const id of [ours, theirs]) {
    await db.admin.query("insert into app.leads (organization_id, email) values ($1, 'a@example.com')", [id]);
    await createKey(db, id);
  }
  const made = await runJson(['dba', 'create', '--name', ONE, '--org', ours], environment);
  expect(made).toMatchObject({ name: ONE, organization_id: ours, psql: `psql '${made.url}'` });
  one = await connect(made.url);
  all = await connect((await runJson(['dba', 'create', '--name', ALL, '--all'], environment)).url);
});

afterAll(async () => {
  await one.end().catch(() => undefined);
  await all.end().catch(() => undefined);
  for (const name of [ONE, ALL]) await run(['dba', 'drop', '--name', name], environment);
  await cleanUp();
  await db.drop();
});

describe('a database login', () => {
  test("of an organization sees that organization's rows alone", async () => {
    const { rows } = await one.query('select distinct organization_id from leads');
    expect(rows).toEqual([{ organization_id: ours }]);
    expect((await one.query('select name from organizations')).rows).toEqual([{ name: 'Ours' }]);
    expect((await one.query('select distinct organization_id from audit_log')).rows).toEqual([
      { organization_id: ours },
    ]);
  });

  test('of all sees every organization', async () => {
    const { rows } = await all.query('select name from organizations order by name');
    expect(rows).toEqual([{ name: 'Ours' }, { name: 'Theirs' }]);
  });

  test('has a name that can be used once', async () => {
    const { code, stderr } = await run(['dba', 'create', '--name', ONE, '--all'], environment);
    expect([code, stderr]).toEqual([1, `trunkline: A role named ${ONE} exists already.\n`]);
  });

  test('reads only, with a time limit, unless it says otherwise', async () => {
    const { rows } = await one.query(
      "select current_setting('statement_timeout') as timeout, current_setting('transaction_read_only') as read_only",
    );
    expect(rows).toEqual([{ timeout: '1min', read_only: 'on' }]);
  });

  test.each(['one', 'all'])('fills no disk with what its queries put by, whatever it says (%s)', async (which) => {
    const client = which === 'one' ? one : all;
    expect((await client.query('show temp_file_limit')).rows).toEqual([{ temp_file_limit: '2GB' }]);
    await expect(client.query('set temp_file_limit = -1')).rejects.toThrow('permission denied');
  });

  test.each(['one', 'all'])('cannot write, also when it says otherwise (%s)', async (which) => {
    const client = which === 'one' ? one : all;
    await client.query('set default_transaction_read_only = off');
    await expect(client.query('update leads set name = name')).rejects.toThrow('permission denied');
    await expect(client.query("insert into leads (email) values ('b@example.com')")).rejects.toThrow(
      'permission denied',
    );
    await expect(client.query('delete from leads')).rejects.toThrow('permission denied');
    await expect(client.query('create table api.mine (id integer)')).rejects.toThrow('permission denied');
  });

  test.each(['one', 'all'])('reaches no secret, no hash and no role of the core (%s)', async (which) => {
    const client = which === 'one' ? one : all;
    for (const table of ['app.api_keys', 'app.webhook_secrets', 'private.database_logins', 'app.invitations']) {
      await expect(client.query(`select * from ${table}`)).rejects.toThrow('permission denied');
    }
    for (const role of ['trunkline_owner', 'tenant', 'gateway', 'postgres']) {
      await expect(client.query(`set role ${role}`)).rejects.toThrow('permission denied');
    }
    const { rows } = await client.query(
      "select table_name || '.' || column_name as name from information_schema.columns where table_schema = 'api' and column_name ~ 'hash|secret$|ciphertext|password'",
    );
    expect(rows).toEqual([]);
  });

  test('is listed with what it sees', async () => {
    const logins = await runJson(['dba', 'list'], environment);
    expect(logins).toContainEqual({ name: ONE, organization_id: ours, sees: 'Ours' });
    expect(logins).toContainEqual({ name: ALL, organization_id: null, sees: 'every organization' });
  });

  test('is ended and gone when it is dropped', async () => {
    const ended = new Promise((resolve) => one.once('end', resolve));
    await runJson(['dba', 'drop', '--name', ONE], environment);
    await ended;
    const { rowCount } = await db.admin.query('select from pg_roles where rolname = $1', [ONE]);
    expect(rowCount).toBe(0);
    expect((await db.admin.query('select from private.database_logins')).rowCount).toBe(0);
  });
});
