import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SignJWT } from 'jose';
import pg from 'pg';
import { type Credentials, loginUrl, setLoginPasswords } from '../../src/database/login.ts';
import { migrate } from '../../src/database/migrate.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { type EmbeddedPostgrest, startEmbeddedPostgrest } from '../../src/embedded/postgrest.ts';
import { generateApiKey } from '../../src/security/api-key.ts';

export const ENCRYPTION_KEY: string = Buffer.alloc(32, 'bench').toString('base64');
const JWT_SECRET = 'a secret that only measures, 32 characters';
const CREDENTIALS: Credentials = { encryptionKey: ENCRYPTION_KEY, passwords: {} };
const MAIN = join(import.meta.dirname, '../../src/main.ts');

export interface Bench {
  /** connection string of a login role on a database */
  url(database: string, role?: 'gateway' | 'worker' | 'postgrest'): string;
  /** makes a database with the core in it */
  createDatabase(name: string): Promise<pg.Client>;
  startGateway(database: string): Promise<{ url: string; pid: number; stop(): Promise<void> }>;
  startWorker(database: string): Promise<{ stop(): Promise<void> }>;
  startPostgrest(database: string): Promise<EmbeddedPostgrest>;
  /** the JWT that the gateway's door would make, valid for an hour */
  token(organizationId: string): Promise<string>;
  stop(): Promise<void>;
}

/** A server as `npm start` runs it (durable, default settings), on data that is thrown away. */
export async function startBench(): Promise<Bench> {
  const dataDir = mkdtempSync(join(tmpdir(), 'trunkline-bench-'));
  chmodSync(dataDir, 0o755);
  const server = await startEmbeddedPostgres({ dataDir });
  const on = (database: string): string => Object.assign(new URL(server.url), { pathname: `/${database}` }).href;
  const children: ChildProcess[] = [];

  const run = (command: string, database: string, role: 'gateway' | 'worker', port: number): ChildProcess => {
    const child = spawn(process.execPath, [MAIN, command], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...process.env,
        NODE_ENV: 'production',
        DATABASE_URL: loginUrl(on(database), role, CREDENTIALS),
        ENCRYPTION_KEY,
        POSTGREST_URL: 'http://127.0.0.1:9',
        POSTGREST_JWT_SECRET: JWT_SECRET,
        PORT: String(port),
        WEBHOOK_ALLOW_HTTP: 'true',
        WEBHOOK_ALLOW_SUBNETS: '127.0.0.0/8',
        LOG_LEVEL: 'warn',
      },
    });
    children.push(child);
    return child;
  };

  return {
    url: (database, role) => (role ? loginUrl(on(database), role, CREDENTIALS) : on(database)),
    createDatabase: async (name) => {
      const admin = new pg.Client({ connectionString: server.url });
      await admin.connect();
      await admin.query(`create database ${name}`);
      await admin.end();
      await migrate(on(name));
      await setLoginPasswords(on(name), CREDENTIALS);
      const client = new pg.Client({ connectionString: on(name) });
      await client.connect();
      return client;
    },
    startGateway: async (database) => {
      const port = await freePort();
      const child = run('gateway', database, 'gateway', port);
      await answers(`http://127.0.0.1:${port}/readyz`);
      return { url: `http://127.0.0.1:${port}`, pid: child.pid ?? 0, stop: () => ended(child) };
    },
    startWorker: async (database) => {
      const port = await freePort();
      const child = run('worker', database, 'worker', port);
      await answers(`http://127.0.0.1:${port}/livez`);
      return { stop: () => ended(child) };
    },
    startPostgrest: (database) =>
      startEmbeddedPostgrest({
        databaseUrl: loginUrl(on(database), 'postgrest', CREDENTIALS),
        schemas: ['api'],
        anonRole: 'anon',
        jwtSecret: JWT_SECRET,
        poolSize: 16,
      }),
    token: (organizationId) =>
      new SignJWT({
        role: 'tenant',
        organization_id: organizationId,
        scopes: ['*'],
        source: 'api',
        correlation_id: 'bench',
      })
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime('1h')
        .sign(new TextEncoder().encode(JWT_SECRET)),
    stop: async () => {
      await Promise.all(children.map(ended));
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** Keys with limits out of the way, one an organization. */
export async function createKeys(client: pg.Client, organizations: string[]): Promise<string[]> {
  const keys: string[] = [];
  for (const organization of organizations) {
    const made = generateApiKey('eal', 'live');
    keys.push(made.key);
    await client.query(
      `insert into app.api_keys (organization_id, contract, name, key_hash, key_prefix, scopes, rate_per_minute, rate_burst)
       values ($1, 'eal', 'bench', $2, $3, '{read,write,admin}', 100000000, 100000000)`,
      [organization, made.hash, made.displayPrefix],
    );
  }
  return keys;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

export async function answers(url: string): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await delay(100);
  }
  throw new Error(`${url} does not answer`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exit;
}
