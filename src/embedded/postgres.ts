import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StartupError } from '../startup-error.ts';
import { type PostgresBinaries, postgresBinaries } from './binaries.ts';
import type { ChildExit } from './child.ts';
import { makeDataDir } from './cluster.ts';
import { acceptsConnections, addressOf, ensureDatabase } from './database.ts';
import { launchCluster } from './launch.ts';
import { acquireOwnerLock, type OwnerLock, ownerPid } from './owner-lock.ts';
import { stopPostmaster } from './postmaster.ts';
import { runningPostmaster } from './postmaster-file.ts';
import { readState } from './state.ts';

export interface EmbeddedPostgres {
  /** superuser connection string of the database `trunkline`, over loopback TCP with password */
  url: string;
  host: string;
  port: number;
  /** a running postmaster of this data directory is used, which someone else owns: stop() does nothing */
  attached: boolean;
  /** settles when the server ends, by stop() or by itself; never when attached */
  exited: Promise<ChildExit>;
  /** fast shutdown; settles when the server is gone */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** the cluster goes into `${dataDir}/postgres` */
  dataDir: string;
  /** default: the port remembered in the data directory, else a free one, found at the first start */
  port?: number;
  /** more server settings; these win over postgresql.conf */
  settings?: Record<string, string>;
  /** use a running postmaster of this directory instead of failing */
  attach?: boolean;
  /** as root: the user to run a new cluster as; default: postgres, else nobody */
  systemUser?: string;
  /** PostgreSQL's own log lines */
  log?: (line: string) => void;
}

/** How long an attaching process waits for an owner that is still starting. */
const ATTACH_PATIENCE = 60_000;

export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const binaries = postgresBinaries();
  try {
    await makeDataDir(dataDir);
    const deadline = Date.now() + ATTACH_PATIENCE;
    for (;;) {
      const lock = acquireOwnerLock(dataDir);
      if (lock) return await startAsOwner({ ...options, dataDir }, binaries, lock);
      const attached = options.attach ? await attachTo(dataDir) : undefined;
      if (attached) return attached;
      if (!options.attach || Date.now() > deadline) throw alreadyRunning(dataDir, options.attach ?? false);
      await delay(50);
    }
  } catch (error) {
    throw asStartupError(error, dataDir);
  }
}

async function startAsOwner(
  options: EmbeddedPostgresOptions,
  binaries: PostgresBinaries,
  lock: OwnerLock,
): Promise<EmbeddedPostgres> {
  try {
    // We hold the lock: a postmaster that runs now has lost its owner.
    const attached = options.attach ? await attachTo(options.dataDir) : undefined;
    if (attached) {
      lock.release();
      return attached;
    }
    const { child, connection } = await launchCluster(options, binaries);
    child.exited.then(() => lock.release());
    try {
      await ensureDatabase(connection);
    } catch (error) {
      await stopPostmaster(child);
      throw error;
    }
    let stopping: Promise<void> | undefined;
    const stop = () => {
      stopping ??= stopPostmaster(child);
      return stopping;
    };
    return { ...addressOf(connection), attached: false, exited: child.exited, stop };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function attachTo(dataDir: string): Promise<EmbeddedPostgres | undefined> {
  const state = readState(dataDir);
  const running = runningPostmaster(join(dataDir, 'postgres'));
  if (!state || !running?.ready) return undefined;
  const connection = { port: running.port, password: state.password };
  if (!(await acceptsConnections(connection))) return undefined;
  return { ...addressOf(connection), attached: true, exited: new Promise(() => {}), stop: async () => {} };
}

function alreadyRunning(dataDir: string, attaching: boolean): StartupError {
  const pid = ownerPid(dataDir);
  const owner = pid === undefined ? '' : ` (pid ${pid})`;
  return new StartupError(
    attaching
      ? `Another Trunkline${owner} owns ${dataDir}, but its PostgreSQL accepts no connections: see that process's output, or stop it.`
      : `Trunkline is already running${owner} with the data directory ${dataDir}: stop it first, or set another DATA_DIR and PORT.`,
  );
}

const REFUSALS = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'ENOTDIR', 'EEXIST', 'ERR_SQLITE_ERROR'];

function asStartupError(error: unknown, dataDir: string): unknown {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (error instanceof StartupError || !REFUSALS.includes(code)) return error;
  return new StartupError(
    `The data directory ${dataDir} cannot be used (${message}): make it writable for this user, or set DATA_DIR to another directory.`,
    { cause: error },
  );
}
