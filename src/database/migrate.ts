import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { StartupError } from '../startup-error.ts';
import { installQueue, QUEUE_VERSION } from './queue-schema.ts';

/** Where the core lives. */
const SQL = join(import.meta.dirname, '../../sql');
const MINIMUM_VERSION = 18;

interface SqlFile {
  name: string;
  text: string;
}

const sqlFiles = (folder: string): SqlFile[] =>
  readdirSync(join(SQL, folder))
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ name: join(folder, name), text: readFileSync(join(SQL, folder, name), 'utf8') }));

/** The core in the order it is applied: the numbered files, then the wire shapes of the contracts. */
const core = (): SqlFile[] => [...sqlFiles(''), ...sqlFiles('contracts')];

const digest = (files: SqlFile[]): string => {
  const hash = createHash('sha256').update(QUEUE_VERSION);
  for (const file of files) hash.update(`${file.name}\0${file.text}\0`);
  return hash.digest('hex');
};

/**
 * Applies sql/ to the database of an administrator's connection string. Several processes may do so at once: one applies
 * the files, the others wait and find it done. Returns whether anything had to be applied.
 *
 * Once-only steps (sql/changes) run before the files, and only on a database that is in use already: the files are the
 * current truth, so a new database has every step in it.
 */
export async function migrate(adminUrl: string): Promise<{ applied: boolean }> {
  const client = new pg.Client({ connectionString: adminUrl, application_name: 'trunkline migrate' });
  await client.connect();
  try {
    await checkVersion(client);
    const files = core();
    const hash = digest([...files, ...sqlFiles('changes')]);
    await client.query("select pg_advisory_lock(hashtext('trunkline.migrate'))");
    try {
      if ((await appliedHash(client)) === hash) return { applied: false };
      await applyCore(client, files, hash);
      await installQueue(client);
      await asOwner(client, 'update private.core_state set hash = $1, applied_at = now()', [hash]);
      return { applied: true };
    } finally {
      await client.query("select pg_advisory_unlock(hashtext('trunkline.migrate'))");
    }
  } finally {
    await client.end();
  }
}

async function checkVersion(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: string }>("select current_setting('server_version') as version");
  const version = rows[0]?.version ?? '';
  if (Number.parseInt(version, 10) < MINIMUM_VERSION) {
    throw new StartupError(
      `DATABASE_URL points to PostgreSQL ${version}; Trunkline needs PostgreSQL ${MINIMUM_VERSION} or newer.`,
    );
  }
}

async function appliedHash(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ exists: boolean }>(
    "select to_regclass('private.core_state') is not null as exists",
  );
  if (!rows[0]?.exists) return undefined;
  return (await asOwner<{ hash: string }>(client, 'select hash from private.core_state'))[0]?.hash;
}

/** Row-level security holds for an administrator who is no superuser too; the owner's policy is the way in. */
async function asOwner<Row extends pg.QueryResultRow>(
  client: pg.Client,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  await client.query('set role trunkline_owner');
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.query('reset role');
  }
}

async function applyCore(client: pg.Client, files: SqlFile[], hash: string): Promise<void> {
  const inUse = (await appliedHash(client)) !== undefined;
  await client.query('begin');
  try {
    // waiting for a lock in a database that is in use must not make everybody queue behind us
    await client.query("set local lock_timeout = '10s'");
    await client.query("set local client_min_messages = 'warning'");
    if (inUse) await applyChanges(client);
    for (const file of files) await applyFile(client, file);
    await client.query('reset role');
    await asOwner(
      client,
      'insert into private.core_state (hash) select $1 where not exists (select from private.core_state)',
      [`unfinished ${hash}`],
    );
    if (!inUse) for (const step of sqlFiles('changes')) await recordChange(client, step);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function applyFile(client: pg.Client, file: SqlFile): Promise<void> {
  try {
    await client.query(file.text);
  } catch (error) {
    throw new Error(`sql/${file.name}: ${(error as Error).message}`, { cause: error });
  }
}

async function applyChanges(client: pg.Client): Promise<void> {
  const rows = await asOwner<{ name: string }>(client, 'select name from private.core_changes');
  const done = new Set(rows.map((row) => row.name));
  for (const step of sqlFiles('changes').filter((file) => !done.has(file.name))) {
    await client.query('set local role trunkline_owner');
    await applyFile(client, step);
    await client.query('reset role');
    await recordChange(client, step);
  }
}

async function recordChange(client: pg.Client, step: SqlFile): Promise<void> {
  await asOwner(client, 'insert into private.core_changes (name) values ($1)', [step.name]);
}
