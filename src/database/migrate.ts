import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { StartupError } from '../startup-error.ts';
import { installQueue, QUEUE_VERSION } from './queue-schema.ts';

/** Where the core lives. */
const SQL = join(import.meta.dirname, '../../sql');
const MINIMUM_VERSION = 18;
/** How long one try to lock the core may take: less than deadlock_timeout, so that nobody is sacrificed for us. */
const LOCK_PATIENCE = '500ms';
/** What a try ends with when others are in the way: our patience is over, or we closed a circle. */
const BUSY = ['57014', '40P01'];
/** How long we try. */
const LOCK_DEADLINE = 120_000;

interface SqlFile {
  name: string;
  text: string;
}

interface Core {
  /** in the order they are applied: the numbered files, then the wire shapes of the contracts */
  files: SqlFile[];
  /** the once-only steps */
  changes: SqlFile[];
  hash: string;
}

const sqlFiles = (root: string, folder: string): SqlFile[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ name: join(folder, name), text: readFileSync(join(root, folder, name), 'utf8') }));

function readCore(root: string): Core {
  const files = [...sqlFiles(root, ''), ...sqlFiles(root, 'contracts')];
  const changes = sqlFiles(root, 'changes');
  const hash = createHash('sha256').update(QUEUE_VERSION);
  for (const file of [...files, ...changes]) hash.update(`${file.name}\0${file.text}\0`);
  return { files, changes, hash: hash.digest('hex') };
}

/**
 * Applies sql/ to the database of an administrator's connection string. Several processes may do so at once: one applies
 * the files, the others wait and find it done. Returns whether anything had to be applied.
 *
 * Once-only steps (sql/changes) run before the files, and only on a database that is in use already: the files are the
 * current truth, so a new database has every step in it.
 */
export async function migrate(adminUrl: string, sqlFolder: string = SQL): Promise<{ applied: boolean }> {
  const client = new pg.Client({ connectionString: adminUrl, application_name: 'trunkline migrate' });
  await client.connect();
  try {
    await checkVersion(client);
    const core = readCore(sqlFolder);
    await client.query("select pg_advisory_lock(hashtext('trunkline.migrate'))");
    try {
      if ((await appliedHash(client)) === core.hash) return { applied: false };
      await applyCore(client, core);
      await installQueue(client);
      await asOwner(client, 'update private.core_state set hash = $1, applied_at = now()', [core.hash]);
      return { applied: true };
    } finally {
      // it ends with the connection, too; what went wrong before is what matters
      await client.query("select pg_advisory_unlock(hashtext('trunkline.migrate'))").catch(() => undefined);
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
  const { rows } = await client.query<Row>(text, values).catch(async (error: Error) => {
    // in a transaction that has failed this fails as well, and would be told in place of the reason
    await client.query('reset role').catch(() => undefined);
    throw error;
  });
  await client.query('reset role');
  return rows;
}

async function applyCore(client: pg.Client, core: Core): Promise<void> {
  const inUse = (await appliedHash(client)) !== undefined;
  await client.query('begin');
  try {
    await client.query("set local client_min_messages = 'warning'");
    if (inUse) await lockCore(client);
    if (inUse) await applyChanges(client, core.changes);
    for (const file of core.files) await applyFile(client, file);
    await client.query('reset role');
    await asOwner(
      client,
      'insert into private.core_state (hash) select $1 where not exists (select from private.core_state)',
      [`unfinished ${core.hash}`],
    );
    if (!inUse) for (const step of core.changes) await recordChange(client, step);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/**
 * Locks every table and view of a database in use before anything is changed. Taken one by one as the files come to them,
 * the locks would sooner or later close a circle with a writer's, and PostgreSQL would end that by failing the writer. So:
 * all of them at once, or none and a pause in which the writers get on. They are taken in the order in which a change
 * travels (resource, audit, outbox, deliveries), in which a circle is rare; a view before its tables, as whoever writes
 * through it does.
 */
async function lockCore(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ names: string }>(`
    select string_agg(c.oid::regclass::text, ', ' order by
             case when c.relname ~ '^(webhook|event|deliver)' then 3
                  when c.relname = 'outbox' then 2
                  when c.relname = 'audit_log' or n.nspname = 'audit' then 1
                  else 0 end,
             c.relkind <> 'v', c.oid) as names
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspowner = 'trunkline_owner'::regrole and c.relkind in ('r', 'p', 'v') and not c.relispartition`);
  const lock = `lock table ${rows[0]?.names} in access exclusive mode`;
  const deadline = Date.now() + LOCK_DEADLINE;
  await client.query('savepoint unlocked');
  for (;;) {
    try {
      await client.query(
        `set local statement_timeout = '${LOCK_PATIENCE}'; set local role trunkline_owner; ${lock}; reset role`,
      );
      await client.query('set local statement_timeout = 0');
      return;
    } catch (error) {
      await client.query('rollback to savepoint unlocked');
      const { code = '' } = error as { code?: string };
      if (!BUSY.includes(code) || Date.now() > deadline) throw error;
      await delay(20 + Math.random() * 100);
    }
  }
}

async function applyFile(client: pg.Client, file: SqlFile): Promise<void> {
  try {
    await client.query(file.text);
  } catch (error) {
    throw new Error(`sql/${file.name}: ${(error as Error).message}`, { cause: error });
  }
}

async function applyChanges(client: pg.Client, steps: SqlFile[]): Promise<void> {
  const rows = await asOwner<{ name: string }>(client, 'select name from private.core_changes');
  const done = new Set(rows.map((row) => row.name));
  for (const step of steps.filter((file) => !done.has(file.name))) {
    await client.query('set local role trunkline_owner');
    await applyFile(client, step);
    await client.query('reset role');
    await recordChange(client, step);
  }
}

async function recordChange(client: pg.Client, step: SqlFile): Promise<void> {
  await asOwner(client, 'insert into private.core_changes (name) values ($1)', [step.name]);
}
