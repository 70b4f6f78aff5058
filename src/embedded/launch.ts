import { join } from 'node:path';
import { StartupError } from '../startup-error.ts';
import type { PostgresBinaries } from './binaries.ts';
import type { Child } from './child.ts';
import { clusterExists, initializeCluster } from './cluster.ts';
import type { Connection } from './database.ts';
import { lastingPort } from './ports.ts';
import type { EmbeddedPostgresOptions } from './postgres.ts';
import { PortInUseError, startPostmaster, stopOrphan } from './postmaster.ts';
import { runningPostmaster } from './postmaster-file.ts';
import { type ClusterState, newPassword, readState, writeState } from './state.ts';
import { assertReachable, systemUserFor } from './system-user.ts';

const PORT_ATTEMPTS = 20;

/** Brings up the cluster of a data directory that this process owns, whatever an earlier run left there. */
export async function launchCluster(
  { dataDir, systemUser, settings = {}, log, port: wantedPort }: EmbeddedPostgresOptions,
  binaries: PostgresBinaries,
): Promise<{ child: Child; connection: Connection }> {
  const clusterDir = join(dataDir, 'postgres');
  const exists = await clusterExists(clusterDir, binaries);
  const user = systemUserFor(exists ? clusterDir : undefined, systemUser);
  if (user) await assertReachable(user, binaries, dataDir);
  const orphan = runningPostmaster(clusterDir);
  if (orphan) await stopOrphan(clusterDir, orphan.pid);

  const state = readState(dataDir) ?? firstState(dataDir, exists);
  if (!exists) await initializeCluster(clusterDir, binaries, user, state.password);

  const fixedPort = wantedPort ?? state.port;
  for (let attempt = 1; ; attempt++) {
    const port = fixedPort ?? lastingPort();
    try {
      const child = await startPostmaster({ binaries, clusterDir, user, port, settings, log });
      if (fixedPort === undefined) writeState(dataDir, { ...state, port });
      return { child, connection: { port, password: state.password } };
    } catch (error) {
      const another = error instanceof PortInUseError && fixedPort === undefined && attempt < PORT_ATTEMPTS;
      if (!another) throw error;
    }
  }
}

function firstState(dataDir: string, clusterExists: boolean): ClusterState {
  if (clusterExists) {
    throw new StartupError(
      `${join(dataDir, 'postgres.json')}, which holds the password of the cluster beside it, is missing: restore it from a backup, or move ${dataDir} away to begin with an empty database.`,
    );
  }
  const state = { password: newPassword() };
  writeState(dataDir, state);
  return state;
}
