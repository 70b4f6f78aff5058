import { readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { processInfo } from './process-info.ts';

export interface Postmaster {
  pid: number;
  port: number;
  ready: boolean;
  /** in whole seconds since 1970 */
  startedAt: number;
}

/** The postmaster of this cluster, whoever started it: postmaster.pid may be stale and its process id someone else's. */
export function runningPostmaster(clusterDir: string): Postmaster | undefined {
  const recorded = readPostmasterFile(clusterDir);
  return recorded && isPostmasterOf(clusterDir, recorded.pid) ? recorded : undefined;
}

export function isPostmasterOf(clusterDir: string, pid: number): boolean {
  const info = processInfo(pid);
  if (info?.program !== 'postgres') return false;
  if (info.workingDirectory !== undefined) return info.workingDirectory === realpathSync(clusterDir);
  return info.commandLine?.includes(clusterDir) ?? true;
}

/**
 * For a file whose postmaster is gone. PostgreSQL refuses to start when it names any process of its user, be it an
 * unrelated one or a zombie; where there is none it clears the file away itself, with checks of its own.
 */
export function removeMisleadingFile(clusterDir: string): void {
  const recorded = readPostmasterFile(clusterDir);
  if (recorded && isTaken(recorded.pid)) rmSync(join(clusterDir, 'postmaster.pid'), { force: true });
}

function isTaken(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

export function readPostmasterFile(clusterDir: string): Postmaster | undefined {
  try {
    // process id, data directory, start time, port, socket directory, listen address, shared memory, status
    const lines = readFileSync(join(clusterDir, 'postmaster.pid'), 'utf8').split('\n');
    const [pid = 0, , startedAt = 0, port = 0] = lines.map(Number);
    return { pid, port, ready: lines[7]?.trim() === 'ready', startedAt };
  } catch {
    return undefined;
  }
}
