import { chmod, chown, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StartupError } from '../startup-error.ts';
import type { PostgresBinaries } from './binaries.ts';
import { runCommand, type SystemUser } from './child.ts';

const UNFINISHED = 'postgres.initdb-';

/** Written to postgresql.conf once, so that a DBA may change them there. Durability stays at PostgreSQL's defaults. */
const SETTINGS: Record<string, string> = {
  shared_buffers: '256MB', // the machine is shared with the gateway and the worker
  max_connections: '100',
  random_page_cost: '1.1', // solid-state disks
  jit: 'off', // costs more than it saves on short statements
  timezone: 'UTC',
  log_timezone: 'UTC',
  password_encryption: 'scram-sha-256',
  log_line_prefix: '%m [%p] %q%u@%d ',
};

/** Whether a cluster is there; fails when what is there can't be run. */
export async function clusterExists(clusterDir: string, binaries: PostgresBinaries): Promise<boolean> {
  const entries = await readdir(clusterDir).catch((error: NodeJS.ErrnoException) => error);
  if (entries instanceof Error) return entries.code !== 'ENOENT'; // closed to us: the user check will say so
  if (entries.length === 0) return false;
  const version = await readFile(join(clusterDir, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version === undefined) {
    throw new StartupError(
      `${clusterDir} holds files, but no PostgreSQL cluster: move it away or set DATA_DIR to another directory.`,
    );
  }
  if (version.trim() !== binaries.major) {
    throw new StartupError(
      `${clusterDir} is of PostgreSQL ${version.trim()}, but this Trunkline brings PostgreSQL ${binaries.major}: dump it with the old version and restore it into a new DATA_DIR, or move it with pg_upgrade.`,
    );
  }
  return true;
}

/** Makes a cluster beside its final place and renames it when complete: an interrupted initdb leaves only litter. */
export async function initializeCluster(
  clusterDir: string,
  binaries: PostgresBinaries,
  user: SystemUser | undefined,
  password: string,
): Promise<void> {
  const dataDir = dirname(clusterDir);
  await removeUnfinished(dataDir);
  const workDir = await mkdtemp(join(dataDir, UNFINISHED));
  const [madeDir, passwordFile] = [join(workDir, 'data'), join(workDir, 'password')];
  await mkdir(madeDir, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user) for (const path of [passwordFile, madeDir, workDir]) await chown(path, user.uid, user.gid);

  const { code, lines } = await runCommand(binaries.initdb, initdbArguments(madeDir, passwordFile), { user });
  if (code !== 0) {
    await rm(workDir, { recursive: true, force: true });
    const detail = lines.find((line) => /error|fatal/i.test(line)) ?? lines.at(-1);
    throw new StartupError(`PostgreSQL could not create a cluster in ${dataDir}: ${detail}`);
  }
  await rename(madeDir, clusterDir);
  await flushDirectory(dataDir);
  await rm(workDir, { recursive: true, force: true });
}

function initdbArguments(directory: string, passwordFile: string): string[] {
  const settings = Object.entries(SETTINGS).map(([name, value]) => `--set=${name}=${value}`);
  return [
    ...[`--pgdata=${directory}`, '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
    ...['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'],
    // pg_trgm and the text search parser still ask the C library what a letter is
    ...(process.platform === 'linux' ? ['--lc-ctype=C.UTF-8'] : []),
    ...['--data-checksums', '--no-instructions', ...settings],
  ];
}

async function removeUnfinished(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    if (!name.startsWith(UNFINISHED)) continue;
    // the initdb of a killed start may still be writing into it: then the next start removes it
    await rm(join(dataDir, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

async function flushDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  await handle.sync().finally(() => handle.close());
}

/** The data directory stays ours, but the user that runs PostgreSQL must get through it. */
export async function makeDataDir(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  if (process.getuid?.() !== 0) return;
  const { mode } = await stat(dataDir);
  if ((mode & 0o011) !== 0o011) await chmod(dataDir, (mode & 0o777) | 0o011);
}
