import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { endChild, endProcessesIn } from '../support/processes.ts';
import { until as untilTrue } from '../support/until.ts';

// The real command line, as processes of their own. The first start of a database alone takes many seconds on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export type Environment = Record<string, string>;

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  pid: number;
  /** everything printed so far */
  stdout(): string;
  stderr(): string;
  /** settles with the address that it says it listens on; rejects when it ends first */
  ready: Promise<string>;
  kill(signal: NodeJS.Signals): void;
  exited: Promise<Result>;
  /** SIGTERM, and the exit */
  stop(): Promise<Result>;
}

const children = new Set<ChildProcess>();
const directories: string[] = [];

/** A data directory that the user who runs PostgreSQL gets into. `cleanUp` removes it. */
export function newDataDir(): string {
  const parent = mkdtempSync(join(realpathSync(tmpdir()), 'trunkline-cli-'));
  chmodSync(parent, 0o755);
  directories.push(parent);
  return join(parent, 'data');
}

/** For afterAll: kills what still runs and removes the data directories. */
export async function cleanUp(): Promise<void> {
  for (const child of children) await endChild(child);
  for (const parent of directories.splice(0)) {
    await endProcessesIn(join(parent, 'data', 'postgres'));
    rmSync(parent, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Starts a command that stays, on a free port unless the environment names one. */
export function launch(args: string[], environment: Environment): Running {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH, LOG_LEVEL: 'info', PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const exited = once(child, 'close').then(([code]): Result => {
    children.delete(child);
    return { code: code as number | null, stdout, stderr };
  });
  return {
    pid: child.pid as number,
    stdout: () => stdout,
    stderr: () => stderr,
    ready: readiness(child, () => stdout, exited),
    kill: (signal) => child.kill(signal),
    exited,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

async function readiness(child: ChildProcess, stdout: () => string, exited: Promise<Result>): Promise<string> {
  const url = (): string | undefined =>
    /(?:ready at|listens on|probes are on) (http:\S+)[\s\S]*\n$/.exec(stdout())?.[1];
  while (url() === undefined) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error((await exited).stderr);
    await delay(10);
  }
  return url() as string;
}

/** Runs a command to its end. */
export const run = (args: string[], environment: Environment): Promise<Result> => {
  const running = launch(args, environment);
  running.ready.catch(() => undefined);
  return running.exited;
};

/** Runs a command with --json and reads what it printed. Fails unless it succeeded. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was printed
export async function runJson(args: string[], environment: Environment): Promise<any> {
  const { code, stdout, stderr } = await run([...args, '--json'], environment);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** Waits until a condition holds: for as long as the test that waits may take, as processes start slowly on a busy machine. */
export const until = (condition: () => boolean | Promise<boolean>): Promise<boolean> =>
  untilTrue(condition, 'the condition', 600_000);

/** An administrator's connection string of the embedded server of a data directory that runs now. */
export function adminUrlOf(dataDir: string): string {
  const { password } = JSON.parse(readFileSync(join(dataDir, 'postgres.json'), 'utf8'));
  const port = readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[3];
  return `postgres://postgres:${password}@127.0.0.1:${port}/trunkline`;
}
