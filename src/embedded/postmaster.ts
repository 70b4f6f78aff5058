import { realpathSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { StartupError } from '../startup-error.ts';
import type { PostgresBinaries } from './binaries.ts';
import { type Child, type SystemUser, startChild } from './child.ts';
import { isPostmasterOf, readPostmasterFile, removeMisleadingFile } from './postmaster-file.ts';
import { processesIn, signalUnlessGone } from './process-info.ts';

export interface PostmasterOptions {
  binaries: PostgresBinaries;
  clusterDir: string;
  user: SystemUser | undefined;
  port: number;
  settings: Record<string, string>;
  log: ((line: string) => void) | undefined;
}

/** PostgreSQL waits so long itself before it turns from fast to immediate shutdown. */
const PATIENCE = 10_000;
const POLL = 10;

export class PortInUseError extends StartupError {}

/** Stops a postmaster that is not our child. */
export async function stopOrphan(clusterDir: string, pid: number): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    signalUnlessGone(pid, signal);
    const deadline = Date.now() + PATIENCE;
    while (Date.now() < deadline) {
      if (!isPostmasterOf(clusterDir, pid)) return;
      await delay(POLL);
    }
  }
  throw new StartupError(
    `The PostgreSQL of an earlier run (process ${pid}) does not stop: end it with "kill -9 ${pid}" and start again.`,
  );
}

/** Starts a postmaster and waits until it accepts connections, for as long as crash recovery takes. */
export async function startPostmaster(options: PostmasterOptions): Promise<Child> {
  const { clusterDir, port } = options;
  removeMisleadingFile(clusterDir);
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const spawnedAt = Math.floor(Date.now() / 1000);
    const child = await spawnPostmaster(options);
    if (await isReady(child, clusterDir, spawnedAt)) return child;
    const failure = (await child.lastLines()).join('\n');
    if (/address already in use/i.test(failure)) {
      throw new PortInUseError(
        `Port ${port}, which the embedded PostgreSQL should use, is taken by another program: end that program or choose another port with POSTGRES_PORT.`,
      );
    }
    // Backends outlive a killed postmaster until they look up from their work.
    if (!/pre-existing shared memory block/.test(failure) || Date.now() > deadline) {
      const reason = /(?:FATAL|PANIC): +(.+)/.exec(failure)?.[1] ?? failure.split('\n').at(-1);
      throw new StartupError(`The embedded PostgreSQL in ${clusterDir} did not start: ${reason}`);
    }
    for (const pid of processesIn(realpathSync(clusterDir))) signalUnlessGone(pid, 'SIGQUIT');
    await delay(10 * POLL);
  }
}

/** Fast shutdown: open transactions are rolled back. An immediate one loses nothing either, but needs recovery. */
export async function stopPostmaster(child: Child): Promise<void> {
  await child.stop('SIGINT', 'SIGQUIT', PATIENCE);
}

async function spawnPostmaster({ binaries, clusterDir, user, port, settings, log }: PostmasterOptions): Promise<Child> {
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...settings, port: String(port) };
  const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  try {
    return await startChild(binaries.postgres, ['-D', clusterDir, ...args], { user, log });
  } catch (cause) {
    throw new StartupError(
      `The embedded PostgreSQL cannot be run (${(cause as Error).message}): set DATABASE_URL to a PostgreSQL 18 server of yours.`,
      { cause },
    );
  }
}

async function isReady(child: Child, clusterDir: string, spawnedAt: number): Promise<boolean> {
  let exited = false;
  child.exited.then(() => {
    exited = true;
  });
  while (!exited) {
    const recorded = readPostmasterFile(clusterDir);
    // In a restarted container the process ids repeat: a stale file may name the same one.
    const isOurs = recorded?.pid === child.pid && recorded.startedAt >= spawnedAt;
    if (isOurs && recorded.ready) return true;
    await delay(POLL);
  }
  return false;
}
