import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminUrlOf, cleanUp, launch, newDataDir, type Running, until } from './process.ts';

// One data directory through its life: every test finds what the one before it left.

let dataDir: string;
let running: Running;
let url: string;
let key: string;

const start = async (): Promise<void> => {
  running = launch(['start'], { DATA_DIR: dataDir });
  url = await running.ready;
};
const get = (path: string): Promise<Response> => fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
// biome-ignore lint/suspicious/noExplicitAny: whatever is answered
const leads = async (): Promise<any[]> => ((await (await get('/api/v1/leads')).json()) as { data: unknown[] }).data;

/** Holds a request back: nobody reads leads until the lock is gone. */
async function lockLeads(): Promise<{ waiters(): Promise<number>; release(): Promise<void> }> {
  const client = new pg.Client({ connectionString: adminUrlOf(dataDir) });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('begin');
  await client.query('lock table app.leads in access exclusive mode');
  return {
    waiters: async () =>
      (
        await client.query(
          "select from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'trunkline gateway'",
        )
      ).rowCount ?? 0,
    release: async () => {
      await client.query('commit').catch(() => undefined);
      await client.end().catch(() => undefined);
    },
  };
}

beforeAll(() => {
  dataDir = newDataDir();
});
afterAll(cleanUp);

describe('trunkline start', () => {
  test('prints a key once, and a curl that works as printed', async () => {
    await start();
    const printed = running.stdout();
    expect(printed).toContain(`${url}/docs`);
    key = /eal_live_\w+/.exec(printed)?.[0] ?? '';
    const curl = /^curl [\s\S]+?\n\n/m.exec(printed)?.[0] ?? '';
    const { stdout } = await promisify(execFile)('bash', ['-c', curl]);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'Maya Patel', pipeline_stage: 'new' });
    expect(await leads()).toHaveLength(1);
  });

  test('the printed key is an admin key, of the organization of the first start', async () => {
    const health = (await (await get('/api/v1/health')).json()) as { tenant_id: string; scopes: string[] };
    expect(running.stdout()).toContain(`My organization (${health.tenant_id})`);
    expect([...health.scopes].sort()).toEqual(['admin', 'read', 'write']);
  });

  test('keeps the encryption key to its owner, and the API key nowhere', async () => {
    expect(statSync(join(dataDir, 'encryption.key')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dataDir, 'postgres.json'), 'utf8')).not.toContain(key);
    expect(running.stderr()).not.toContain(key);
  });

  test('gateway and worker share one page of metrics', async () => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('trunkline_http_request_duration_seconds');
    expect(metrics).toContain('trunkline_outbox_rows');
  });

  test('a second one on the same data is refused in one line', async () => {
    const second = launch(['start'], { DATA_DIR: dataDir });
    second.ready.catch(() => undefined);
    const { code, stderr } = await second.exited;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^trunkline: Trunkline is already running \(pid \d+\) with the data directory .+\n$/);
  });

  test('a PostgREST that dies is started again', async () => {
    const file = join(dataDir, 'postgrest.json');
    const pid = (): number | undefined => {
      try {
        return JSON.parse(readFileSync(file, 'utf8')).pid;
      } catch {
        return undefined; // while none runs, none is recorded
      }
    };
    const before = pid() as number;
    process.kill(before, 'SIGKILL');
    await until(() => ![before, undefined].includes(pid()));
    await until(async () => (await get('/rest/v1/leads')).status === 200);
    expect(running.stderr()).toContain('PostgREST ended by itself');
  });

  test('SIGTERM lets the request under way finish, and refuses new ones', async () => {
    const lock = await lockLeads();
    const slow = get('/api/v1/leads');
    await until(async () => (await lock.waiters()) === 1);
    running.kill('SIGTERM');
    await until(() =>
      fetch(`${url}/livez`).then(
        () => false,
        () => true,
      ),
    );
    await lock.release();
    expect((await slow).status).toBe(200);
    expect((await running.exited).code).toBe(0);
  });

  test('a later start keeps the data, and says how to make another key', async () => {
    await start();
    expect(await leads()).toHaveLength(1);
    expect(running.stdout()).not.toContain('eal_live_');
    expect(running.stdout()).toContain('key create');
  });

  test('a second signal exits at once', async () => {
    const lock = await lockLeads();
    const slow = get('/api/v1/leads').catch(() => undefined);
    await until(async () => (await lock.waiters()) === 1);
    const repeat = setInterval(() => running.kill('SIGINT'), 150);
    expect((await running.exited).code).toBe(130);
    clearInterval(repeat);
    await lock.release();
    await slow;
  });

  test('kill -9 leaves nothing that stops the next start', async () => {
    await start();
    running.kill('SIGKILL');
    await running.exited;
    await start();
    expect(await leads()).toHaveLength(1);
  });

  test('a PostgreSQL that dies ends everything, with exit code 1', async () => {
    const pid = Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
    process.kill(pid, 'SIGKILL');
    const { code, stderr } = await running.exited;
    expect(code).toBe(1);
    expect(stderr).toContain('PostgreSQL ended by itself');
  });

  test('a signal while it still starts stops what has started', async () => {
    running = launch(['start'], { DATA_DIR: dataDir });
    running.ready.catch(() => undefined);
    const owner = (): string =>
      existsSync(join(dataDir, 'owner.json')) ? readFileSync(join(dataDir, 'owner.json'), 'utf8') : '';
    await until(() => owner().includes(`"pid":${running.pid},`)); // PostgreSQL is started next
    const { code, stdout } = await running.stop();
    expect(code).toBe(0);
    expect(stdout).toBe('');
  });
});
