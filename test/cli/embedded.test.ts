import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { processInfo } from '../../src/embedded/process-info.ts';
import {
  adminUrlOf,
  cleanUp,
  type Environment,
  launch,
  newDataDir,
  type Running,
  run,
  runJson,
  until,
} from '../start/process.ts';

// The commands on the embedded database: first while nothing runs, then beside a running instance.

let environment: Environment;
let dataDir: string;
let organization: string;

beforeAll(() => {
  dataDir = newDataDir();
  environment = { DATA_DIR: dataDir };
});
afterAll(cleanUp);

describe('while nothing runs', () => {
  test('the first command makes the database, and the next finds what it wrote', async () => {
    const { code, stderr, stdout } = await run(
      ['org', 'create', '--name', 'Acme Roofing', '--industry', 'roofing', '--json'],
      environment,
    );
    expect(code).toBe(0);
    expect(stderr).toBe(`A new database was made in ${dataDir}.\n`);
    const made = JSON.parse(stdout);
    expect(made).toMatchObject({
      name: 'Acme Roofing',
      slug: 'acme-roofing',
      industry: 'roofing',
      parent_organization_id: null,
    });
    organization = made.id;
    expect(await runJson(['org', 'list'], environment)).toEqual([made]);
  });

  test('its server is gone when a command is done', async () => {
    expect(() => adminUrlOf(dataDir)).toThrow();
  });
});

test('a command that is ended while its server starts leaves none behind', async () => {
  const fresh = newDataDir();
  const command = launch(['org', 'list'], { DATA_DIR: fresh });
  command.ready.catch(() => undefined);
  const pidFile = join(fresh, 'postgres', 'postmaster.pid');
  await until(() => existsSync(pidFile) && /^\d+\n/.test(readFileSync(pidFile, 'utf8')));
  const postmaster = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  command.kill('SIGTERM');
  expect((await command.exited).code).toBe(130);
  expect(await until(() => processInfo(postmaster) === undefined)).toBe(true);
});

describe('beside a running instance', () => {
  let running: Running;
  let url: string;
  const status = async (key: string, path = '/api/v1/organizations/me'): Promise<number> =>
    (await fetch(url + path, { headers: { authorization: `Bearer ${key}` } })).status;

  beforeAll(async () => {
    running = launch(['start'], environment);
    url = await running.ready;
  });

  test('no second organization is made at the first start', async () => {
    expect(running.stdout()).not.toContain('eal_live_');
    expect(await runJson(['org', 'list'], environment)).toHaveLength(1);
  });

  test('a child organization stands under its parent', async () => {
    const child = await runJson(
      ['org', 'create', '--name', 'Acme North', '--parent', organization, '--slug', 'north'],
      environment,
    );
    expect(child).toMatchObject({ parent_organization_id: organization, slug: 'north' });
    const { stdout } = await run(['org', 'list'], environment);
    expect(stdout).toMatch(/Acme Roofing[\s\S]+Acme North/);
  });

  test('a key is made, works, is listed without its secret, rotated and revoked', async () => {
    const org = ['--org', organization];
    const made = await runJson(
      ['key', 'create', ...org, '--contract', 'eal', '--scopes', 'read,write', '--env', 'test', '--expires', '90d'],
      environment,
    );
    expect(made.key).toMatch(/^eal_test_/);
    expect(await status(made.key)).toBe(200);

    const listed = await run(['key', 'list', ...org, '--json'], environment);
    expect(listed.stdout).not.toContain(made.key);
    expect(JSON.parse(listed.stdout)).toMatchObject([
      { id: made.id, contract: 'eal', environment: 'test', scopes: ['read', 'write'] },
    ]);

    const rotated = await runJson(['key', 'rotate', ...org, '--key', made.id, '--overlap', '1'], environment);
    expect([await status(made.key), await status(rotated.key)]).toEqual([200, 200]);

    await runJson(['key', 'revoke', ...org, '--key', made.id], environment);
    expect([await status(made.key), await status(rotated.key)]).toEqual([401, 200]);
    const again = await run(['key', 'revoke', ...org, '--key', made.id], environment);
    expect([again.code, again.stderr]).toEqual([1, 'trunkline: No such API key.\n']);
  });

  test('the audit log names the command line as the system', async () => {
    const client = new pg.Client({ connectionString: adminUrlOf(dataDir) });
    await client.connect();
    const { rows } = await client.query(
      "select distinct source, correlation_id like 'cli\\_%' as cli from audit.platform_events where action like 'api_key.%'",
    );
    await client.end();
    expect(rows).toEqual([{ source: 'system', cli: true }]);
  });

  test('the human forms say what to do next', async () => {
    const created = await run(
      ['key', 'create', '--org', organization, '--contract', 'eal', '--scopes', 'read'],
      environment,
    );
    expect(created.stdout).toMatch(/key {5}eal_live_\w+[\s\S]+Save this key now/);
    const verified = await run(['audit', 'verify'], environment);
    expect(verified.stdout).toContain('No hour is sealed yet');
  });
});
