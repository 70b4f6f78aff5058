import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { onTestFinished, vi } from 'vitest';
import { endChild, endProcessesIn } from '../support/processes.ts';
import { until as untilTrue } from '../support/until.ts';

// initdb alone takes seconds on a busy machine
const TEST_TIMEOUT_MS = 120_000;
vi.setConfig({ testTimeout: TEST_TIMEOUT_MS });

/** A data directory of this test's own; what still runs in it at the end is killed. */
export function temporaryDataDir(): string {
  const parent = mkdtempSync(join(realpathSync(tmpdir()), 'trunkline-'));
  chmodSync(parent, 0o755); // the user that runs PostgreSQL must get through
  const dataDir = join(parent, 'data');
  onTestFinished(async () => {
    await endProcessesIn(join(dataDir, 'postgres'));
    rmSync(parent, { recursive: true, force: true, maxRetries: 10 });
  });
  return dataDir;
}

export function postmasterPid(dataDir: string): number | undefined {
  try {
    return Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
  } catch {
    return undefined;
  }
}

/** Waits until a condition holds, for as long as a test here may take. */
export const until = (condition: () => boolean | Promise<boolean>): Promise<boolean> =>
  untilTrue(condition, 'the condition', TEST_TIMEOUT_MS);

export async function query<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined); // the query fails too
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

export interface OwnerReport {
  url?: string;
  attached?: boolean;
  postgrestPid?: number;
  error?: string;
}

export interface OwnerProcess {
  pid: number;
  /** what it has to say once its start has succeeded or failed */
  report: Promise<OwnerReport>;
  kill(): Promise<void>;
  /** makes it call process.exit() without stopping its servers */
  exit(): void;
}

/** Another process that starts the embedded servers in `dataDir` and then stays. */
export function startOwnerProcess(
  dataDir: string,
  options: { attach?: boolean; postgrest?: boolean } = {},
): OwnerProcess {
  const script = fileURLToPath(new URL('owner-process.ts', import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify({ dataDir, ...options })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = () => endChild(child);
  onTestFinished(kill);
  const reader = createInterface({ input: child.stdout });
  const report = Promise.race([
    once(reader, 'line').then(([line]) => JSON.parse(line as string) as OwnerReport),
    once(reader, 'close').then(() => ({ error: 'ended without a report' })),
  ]);
  return { pid: child.pid as number, report, kill, exit: () => child.kill('SIGUSR2') };
}

/** A living process of the cluster's own user that has nothing to do with PostgreSQL. */
export function startUnrelatedProcess(dataDir: string): number {
  const { uid, gid } = statSync(join(dataDir, 'postgres'));
  const identity = process.getuid?.() === 0 ? { uid, gid } : {};
  const child = spawn('sleep', ['600'], { stdio: 'ignore', cwd: '/', ...identity });
  onTestFinished(() => endChild(child));
  return child.pid as number;
}
