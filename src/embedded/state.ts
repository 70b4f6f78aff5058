import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What an embedded cluster needs to be found again: kept in the data directory, readable to its owner alone. */
export interface ClusterState {
  password: string;
  port?: number;
}

const file = (dataDir: string): string => join(dataDir, 'postgres.json');

export function readState(dataDir: string): ClusterState | undefined {
  try {
    return JSON.parse(readFileSync(file(dataDir), 'utf8')) as ClusterState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export function writeState(dataDir: string, state: ClusterState): void {
  const complete = `${file(dataDir)}.new`;
  writeFileSync(complete, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(complete, file(dataDir)); // never half a password
}

export function newPassword(): string {
  return randomBytes(24).toString('base64url');
}
