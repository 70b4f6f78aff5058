import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { processInfo } from './process-info.ts';

export interface OwnerLock {
  release(): void;
}

const SQLITE_BUSY = 5;

/**
 * Makes this process the owner of a data directory; undefined when a living process owns it.
 *
 * The lock is SQLite's exclusive lock on an empty file: the one lock of the operating system that Node offers without an
 * add-on. The kernel drops it when the process dies, however it dies, so it can't be stale, be taken for that of a
 * process with a recycled id, or be taken over by two at once, as a file with a process id can.
 */
export function acquireOwnerLock(dataDir: string): OwnerLock | undefined {
  const database = new DatabaseSync(join(dataDir, 'owner.lock'), { timeout: 0 });
  const ownerFile = join(dataDir, 'owner.json');
  try {
    database.exec('BEGIN EXCLUSIVE');
    rmSync(ownerFile, { force: true }); // a killed owner's may belong to another user
    writeFileSync(ownerFile, JSON.stringify({ pid: process.pid, startedAt: new Date().toISOString() }));
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
  return {
    release() {
      if (!database.isOpen) return;
      rmSync(ownerFile, { force: true });
      database.close();
    },
  };
}

/** Who owns the directory, for a message; undefined in the moment between the lock and the file. */
export function ownerPid(dataDir: string): number | undefined {
  try {
    const { pid } = JSON.parse(readFileSync(join(dataDir, 'owner.json'), 'utf8')) as { pid: number };
    return processInfo(pid) && pid;
  } catch {
    return undefined;
  }
}
