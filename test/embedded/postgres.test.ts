import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { processInfo } from '../../src/embedded/process-info.ts';
import { StartupError } from '../../src/startup-error.ts';
import { postmasterPid, query, temporaryDataDir } from './workspace.ts';

test('the first start makes a cluster, a restart keeps its data and its port', async () => {
  const dataDir = temporaryDataDir();
  const first = await startEmbeddedPostgres({ dataDir });
  expect(first).toMatchObject({ attached: false, host: '127.0.0.1' });
  expect(first.url).toMatch(new RegExp(`^postgres://postgres:[\\w-]{32}@127\\.0\\.0\\.1:${first.port}/trunkline$`));
  await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await first.stop();
  await first.stop();
  await expect(first.exited).resolves.toEqual({ code: 0, signal: null });

  const second = await startEmbeddedPostgres({ dataDir });
  expect(second.url).toBe(first.url);
  expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  await second.stop();
  expect(postmasterPid(dataDir)).toBeUndefined();
});

test('the cluster is durable, UTF-8, checksummed and takes overrides', async () => {
  const server = await startEmbeddedPostgres({ dataDir: temporaryDataDir(), settings: { work_mem: '7MB' } });
  const names = ['data_checksums', 'fsync', 'synchronous_commit', 'TimeZone', 'jit', 'work_mem', 'password_encryption'];
  const columns = names.map((name) => `current_setting('${name}') AS "${name}"`).join(', ');
  const database = `SELECT pg_encoding_to_char(encoding) AS encoding, datlocprovider, datlocale
    FROM pg_database WHERE datname = 'trunkline'`;
  expect(await query(server.url, `SELECT ${columns}`)).toEqual([
    {
      ...{ data_checksums: 'on', fsync: 'on', synchronous_commit: 'on', TimeZone: 'UTC', jit: 'off', work_mem: '7MB' },
      password_encryption: 'scram-sha-256',
    },
  ]);
  expect(await query(server.url, database)).toEqual([{ encoding: 'UTF8', datlocprovider: 'b', datlocale: 'C.UTF-8' }]);
  await query(server.url, 'CREATE EXTENSION pg_trgm');
  // "  m", " mü", "müü", "üü ": with an unfit LC_CTYPE the umlauts would be no letters
  expect(await query(server.url, "SELECT cardinality(show_trgm('Müü')) AS count")).toEqual([{ count: 4 }]);
  await server.stop();
});

test('the password is in no process argument and in no file that others can read', async () => {
  const dataDir = temporaryDataDir();
  const lines: string[] = [];
  const server = await startEmbeddedPostgres({ dataDir, log: (line) => lines.push(line) });
  const { password } = new URL(server.url);
  expect(processInfo(postmasterPid(dataDir) as number)?.commandLine).not.toContain(password);
  expect(lines.join('\n')).toContain('ready to accept connections');
  expect(lines.join('\n')).not.toContain(password);
  const readable = readdirSync(dataDir, { withFileTypes: true })
    .filter((entry) => entry.isFile() && statSync(join(dataDir, entry.name)).mode & 0o077)
    .map((entry) => readFileSync(join(dataDir, entry.name), 'utf8'));
  expect(readable.join('\n')).not.toContain(password);
  expect(statSync(join(dataDir, 'postgres.json')).mode & 0o777).toBe(0o600);
  expect(statSync(join(dataDir, 'postgres')).mode & 0o777).toBe(0o700);
  await expect(query(server.url.replace(password, 'wrong'), 'SELECT')).rejects.toThrow(
    'password authentication failed',
  );
  await server.stop();
});

test('a server that dies by itself is reported, and can be started again', async () => {
  const dataDir = temporaryDataDir();
  const first = await startEmbeddedPostgres({ dataDir });
  process.kill(postmasterPid(dataDir) as number, 'SIGKILL');
  await expect(first.exited).resolves.toEqual({ code: null, signal: 'SIGKILL' });
  const second = await startEmbeddedPostgres({ dataDir });
  expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await second.stop();
});

test('a cluster of another major version is refused, naming both', async () => {
  const dataDir = temporaryDataDir();
  mkdirSync(join(dataDir, 'postgres'), { recursive: true });
  writeFileSync(join(dataDir, 'postgres', 'PG_VERSION'), '17\n');
  await expectRefusal(dataDir, /is of PostgreSQL 17, but this Trunkline brings PostgreSQL 18/);
});

test('files that are no cluster are refused and left alone', async () => {
  const dataDir = temporaryDataDir();
  mkdirSync(join(dataDir, 'postgres'), { recursive: true });
  writeFileSync(join(dataDir, 'postgres', 'thesis.txt'), 'precious');
  await expectRefusal(dataDir, /holds files, but no PostgreSQL cluster/);
  expect(readdirSync(join(dataDir, 'postgres'))).toEqual(['thesis.txt']);
});

test('an empty directory in its place is filled', async () => {
  const dataDir = temporaryDataDir();
  mkdirSync(join(dataDir, 'postgres'), { recursive: true });
  await (await startEmbeddedPostgres({ dataDir })).stop();
});

test('a lost password file is named', async () => {
  const dataDir = temporaryDataDir();
  await (await startEmbeddedPostgres({ dataDir })).stop();
  rmSync(join(dataDir, 'postgres.json'));
  await expectRefusal(dataDir, /postgres\.json, which holds the password .* is missing/);
});

test('a data directory that cannot be made is named', async () => {
  const dataDir = temporaryDataDir();
  writeFileSync(dataDir, 'a file in its place');
  await expectRefusal(dataDir, new RegExp(`The data directory ${dataDir} cannot be used`));
});

test('a busy port is named, with the way to choose another', async () => {
  const dataDir = temporaryDataDir();
  const first = await startEmbeddedPostgres({ dataDir });
  await first.stop();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(first.port, '127.0.0.1', resolve));
  const message = new RegExp(`Port ${first.port}.* is taken .* POSTGRES_PORT`);
  await expectRefusal(dataDir, message);
  await expectRefusal(join(dirname(dataDir), 'another'), message, first.port);
  await new Promise((resolve) => other.close(resolve));
  await (await startEmbeddedPostgres({ dataDir })).stop();
});

async function expectRefusal(dataDir: string, message: RegExp, port?: number): Promise<void> {
  const error = await startEmbeddedPostgres({ dataDir, port }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StartupError);
  expect((error as Error).message).toMatch(message);
  expect((error as Error).message).not.toContain('\n');
}
