import { readFileSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartupError } from '../startup-error.ts';
import type { PostgresBinaries } from './binaries.ts';
import { runCommand, type SystemUser } from './child.ts';

/**
 * The user to run PostgreSQL as, for it refuses to run as root; undefined: ourselves. The owner of an existing cluster
 * comes first, so that a cluster is always run by the same user.
 */
export function systemUserFor(clusterDir: string | undefined, wanted: string | undefined): SystemUser | undefined {
  const self = process.getuid?.();
  if (self === undefined) return undefined; // Windows
  const cluster = clusterDir === undefined ? undefined : statSync(clusterDir);
  if (self !== 0) {
    if (cluster && cluster.uid !== self) {
      throw new StartupError(
        `${clusterDir} belongs to another user (${nameOf(cluster)}): start as that user or as root, or set DATA_DIR to a directory of yours.`,
      );
    }
    return undefined;
  }
  if (cluster?.uid === 0) {
    throw new StartupError(
      `${clusterDir} belongs to root, but PostgreSQL does not run as root: give it to another user, as in "chown -R postgres ${clusterDir}".`,
    );
  }
  if (cluster) return { name: nameOf(cluster), uid: cluster.uid, gid: cluster.gid };

  const users = passwdUsers();
  const names = wanted ? [wanted] : ['postgres', 'nobody'];
  const user = names.map((name) => users.find((candidate) => candidate.name === name)).find(Boolean);
  if (!user || user.uid === 0) {
    throw new StartupError(
      `PostgreSQL does not run as root, and ${wanted ? `"${wanted}" (TRUNKLINE_POSTGRES_USER) is no other user of this system` : 'this system has neither a user "postgres" nor "nobody"'}: set TRUNKLINE_POSTGRES_USER to an existing user, or DATABASE_URL to a PostgreSQL 18 server of yours.`,
    );
  }
  return user;
}

/** Fails unless the user can run the binaries and enter the data directory. */
export async function assertReachable(user: SystemUser, binaries: PostgresBinaries, dataDir: string): Promise<void> {
  const [runs, enters] = await Promise.all([
    runCommand(binaries.postgres, ['--version'], { user }).catch((error: NodeJS.ErrnoException) => error),
    canEnter(user, dataDir),
  ]);
  const reason = `PostgreSQL does not run as root, and the user "${user.name}", as which it would run, cannot enter`;
  const otherServer = 'or set DATABASE_URL to a PostgreSQL 18 server of yours.';
  if (!(runs instanceof Error) && runs.code === 0) {
    if (enters) return;
    throw new StartupError(
      `${reason} ${await firstClosed(user, dataDir)}: set DATA_DIR to a directory that it can enter (now ${dataDir}), ${otherServer}`,
    );
  }
  const forbidden = runs instanceof Error && runs.code !== 'EACCES'; // as in a container that may not change users
  const closed = forbidden ? undefined : await firstClosed(user, dirname(binaries.postgres));
  if (closed) {
    throw new StartupError(
      `${reason} ${closed}: move the project to a directory that it can enter, such as /opt or /srv, ${otherServer}`,
    );
  }
  const detail = runs instanceof Error ? runs.message : runs.lines.at(-1);
  throw new StartupError(
    `${binaries.postgres} does not run as the user "${user.name}" (${detail}): start Trunkline as that user, reinstall with "npm rebuild", ${otherServer}`,
  );
}

async function canEnter(user: SystemUser, directory: string): Promise<boolean> {
  return runCommand('/bin/sh', ['-c', 'test -x "$0"', directory], { user }).then(
    ({ code }) => code === 0,
    () => false,
  );
}

/** The outermost directory on the way to `path` that the user cannot enter. */
async function firstClosed(user: SystemUser, path: string): Promise<string | undefined> {
  const parent = dirname(path);
  const above = parent === path ? undefined : await firstClosed(user, parent);
  return above ?? ((await canEnter(user, path)) ? undefined : path);
}

function passwdUsers(): SystemUser[] {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const fields = lines.filter((line) => !line.startsWith('#')).map((line) => line.split(':'));
  return fields.map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}

function nameOf({ uid }: Stats): string {
  return passwdUsers().find((user) => user.uid === uid)?.name ?? `uid ${uid}`;
}
