import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, databaseUrl, TEST_ENCRYPTION_KEY, type TestDatabase } from '../support/database.ts';
import { cleanUp, type Environment, newDataDir, run } from './process.ts';

let db: TestDatabase;
let environment: Environment;

beforeAll(async () => {
  db = await createDatabase();
  environment = {
    DATABASE_URL: db.url,
    ENCRYPTION_KEY: TEST_ENCRYPTION_KEY,
    POSTGREST_URL: 'http://127.0.0.1:9',
    POSTGREST_JWT_SECRET: 'a secret of thirty-two characters',
  };
});
afterAll(async () => {
  await cleanUp();
  await db.drop();
});

/** The one line on stderr. */
async function refusal(args: string[], given: Environment): Promise<string> {
  const { code, stdout, stderr } = await run(args, { ...given, LOG_LEVEL: 'fatal' });
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^trunkline: [^\n]+\n$/);
  return stderr;
}

const withUrl = (change: (url: URL) => void): Environment => {
  const url = new URL(db.url);
  change(url);
  return { ...environment, DATABASE_URL: url.href };
};

describe('what the operator must mend is one line, and exit code 1', () => {
  test('a busy port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await refusal(['start'], { ...environment, PORT: String(port) })).toContain(
      `Port ${port} on 127.0.0.1 is in use`,
    );
    expect(await refusal(['worker'], { ...environment, PORT: String(port) })).toContain(
      `Port ${port} on 127.0.0.1 is in use`,
    );
    server.close();
  });

  test.each([
    ['PORT', 'eighty', 'PORT: must be a port number'],
    ['WEBHOOK_RETRY_SCHEDULE', '1m,soon', 'WEBHOOK_RETRY_SCHEDULE: must be a duration'],
    ['WEBHOOK_ALLOW_SUBNETS', '10.0.0.0/99', 'WEBHOOK_ALLOW_SUBNETS: '],
    ['TRUST_PROXY', 'everybody', 'TRUST_PROXY: must be a number of proxies'],
    ['DATABASE_URL', 'postgres://me:se/cret@[host/db', 'DATABASE_URL: must be a PostgreSQL connection string'],
    ['ENCRYPTION_KEY', 'short', 'ENCRYPTION_KEY: must be 32 bytes'],
    ['POSTGREST_JWT_SECRET', '', 'POSTGREST_JWT_SECRET: is required'],
    ['ENCRYPTION_KEY', '', 'ENCRYPTION_KEY: is required with DATABASE_URL'],
    ['HOST', '192.0.2.1', 'HOST 192.0.2.1 is no address of this machine'],
  ])('%s=%s', async (name, value, message) => {
    expect(await refusal(['start'], { ...environment, [name]: value })).toContain(message);
  });

  test('a server that does not answer', async () => {
    const line = await refusal(
      ['start'],
      withUrl((url) => (url.port = '9')),
    );
    expect(line).toContain('No PostgreSQL answers at 127.0.0.1:9');
  });

  test('a wrong password', async () => {
    const line = await refusal(
      ['start'],
      withUrl((url) => (url.password = 'not-it')),
    );
    expect(line).toContain('does not let "postgres" in');
    expect(line).not.toContain('not-it');
  });

  test('a database that is not there', async () => {
    expect(
      await refusal(
        ['migrate'],
        withUrl((url) => (url.pathname = '/nowhere')),
      ),
    ).toContain('has no database nowhere');
  });

  test('a login that is no administrator', async () => {
    const line = await refusal(['org', 'list'], { ...environment, DATABASE_URL: db.loginUrl('gateway') });
    expect(line).toContain('needs an administrator\'s connection string, and "gateway" is none');
  });

  test('a database that was never migrated', async () => {
    const empty = { ...environment, DATABASE_URL: databaseUrl(db.url, 'template1') };
    expect(await refusal(['org', 'list'], empty)).toContain('run "trunkline migrate"');
    expect(await refusal(['gateway'], empty)).toContain('run "trunkline migrate"');
  });

  test('another encryption key than the logins were made with', async () => {
    const other = { ...environment, ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64') };
    expect(await refusal(['gateway'], other)).toContain('does not let "gateway" in');
  });

  test('a gateway of its own without PostgREST', async () => {
    const { POSTGREST_URL: _none, ...rest } = environment;
    expect(await refusal(['gateway'], rest)).toContain(
      'POSTGREST_URL: is required for a gateway of its own: a PostgREST runs beside it, ',
    );
  });

  test('a data directory of another PostgreSQL', async () => {
    const dataDir = newDataDir();
    mkdirSync(join(dataDir, 'postgres'), { recursive: true });
    writeFileSync(join(dataDir, 'postgres', 'PG_VERSION'), '15\n');
    expect(await refusal(['start'], { DATA_DIR: dataDir })).toContain('is of PostgreSQL 15');
  });
});
