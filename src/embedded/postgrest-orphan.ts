import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { processInfo, signalUnlessGone } from './process-info.ts';

const POLL = 20;

export function recordChild(pidFile: string, pid: number): void {
  writeFileSync(`${pidFile}.new`, JSON.stringify({ pid, parentPid: process.pid }));
  renameSync(`${pidFile}.new`, pidFile); // whoever reads it never sees half of it
}

/** A recorded PostgREST is an orphan when it has another parent now than the process that started it. */
export async function endOrphan(pidFile: string): Promise<void> {
  const recorded = readPidFile(pidFile);
  if (!recorded) return;
  const isOrphan = () => {
    const info = processInfo(recorded.pid);
    return info?.program === 'postgrest' && info.parentPid !== recorded.parentPid;
  };
  if (!isOrphan()) return;
  signalUnlessGone(recorded.pid, 'SIGKILL'); // it holds nothing worth an orderly end
  while (isOrphan()) await delay(POLL);
}

function readPidFile(pidFile: string): { pid: number; parentPid: number } | undefined {
  try {
    return JSON.parse(readFileSync(pidFile, 'utf8')) as { pid: number; parentPid: number };
  } catch {
    return undefined;
  }
}
