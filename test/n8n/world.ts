import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { adminUrlOf, cleanUp, launch, newDataDir, type Running, runJson } from '../start/process.ts';
import { installedN8n, packedNodes, unpackInto } from './installed.ts';
import { type Json, N8n } from './n8n.ts';

/** An organization of Trunkline, and a key of it. */
export interface Office {
  organizationId: string;
  key: string;
  request(method: string, path: string, body?: object): Promise<Json>;
}

/** Everything that runs: a Trunkline as `npm start` runs it, an n8n with our package, and its database. */
export interface World {
  n8n: N8n;
  tarball: string;
  url: string;
  /** SQL as an administrator of Trunkline's database */
  sql(text: string, values?: unknown[]): Promise<Json[]>;
  office(options?: { scopes?: string; limited?: boolean; parent?: string }): Promise<Office>;
  restartTrunkline(): Promise<void>;
  stop(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const command = installedN8n();
  const scratch = mkdtempSync(join(tmpdir(), 'trunkline-pack-'));
  const tarball = packedNodes(scratch);

  const n8nData = newDataDir();
  const postgres = await startEmbeddedPostgres({ dataDir: n8nData, settings: { fsync: 'off' } });
  const admin = new pg.Client({ connectionString: postgres.url });
  await admin.connect();
  await admin.query('create database n8n');
  await admin.end();
  const database = new URL(postgres.url);
  database.pathname = '/n8n';

  const dataDir = newDataDir();
  const environment: Record<string, string> = {
    DATA_DIR: dataDir,
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOW_SUBNETS: '127.0.0.0/8',
  };
  let trunkline: Running = launch(['start'], environment);
  const url = await trunkline.ready;
  environment.PORT = new URL(url).port;

  const n8n = new N8n(command, database.href);
  chmodSync(n8n.userFolder, 0o755);
  unpackInto(tarball, n8n.userFolder);
  await n8n.start();

  const sql = async (text: string, values: unknown[] = []): Promise<Json[]> => {
    const client = new pg.Client({ connectionString: adminUrlOf(dataDir) });
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end();
    }
  };

  return {
    n8n,
    tarball,
    url,
    sql,
    async office({ scopes = 'read,write,admin', limited = false, parent } = {}) {
      const name = `Office ${Math.random().toString(36).slice(2, 8)}`;
      const made = await runJson(
        ['org', 'create', '--name', name, ...(parent ? ['--parent', parent] : [])],
        environment,
      );
      const args = ['key', 'create', '--org', made.id, '--contract', 'eal', '--scopes', scopes];
      const { key } = await runJson(args, environment);
      if (!limited) {
        await sql('update app.api_keys set rate_per_minute = 100000, rate_burst = 100000 where organization_id = $1', [
          made.id,
        ]);
      }
      return {
        organizationId: made.id,
        key,
        request: (method, path, body) => send(`${url}/api/v1${path}`, method, key, body),
      };
    },
    async restartTrunkline() {
      await trunkline.stop();
      trunkline = launch(['start'], environment);
      await trunkline.ready;
    },
    async stop() {
      await n8n.stop();
      await trunkline.stop();
      await postgres.stop();
      await cleanUp();
      rmSync(n8n.userFolder, { recursive: true, force: true, maxRetries: 10 });
      rmSync(scratch, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

async function send(url: string, method: string, key: string, body?: object): Promise<Json> {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}
