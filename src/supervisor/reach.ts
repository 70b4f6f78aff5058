import pg from 'pg';
import { StartupError } from '../startup-error.ts';

const PATIENCE_MS = 10_000;

/** Fails with a StartupError unless a PostgreSQL answers under this connection string and lets its user in. */
export async function reach(url: string): Promise<void> {
  await onConnection(url, async (client) => void (await client.query('select 1')));
}

/** Whether the database holds a core. */
export const holdsCore = (url: string): Promise<boolean> =>
  onConnection(url, async (client) => {
    const { rows } = await client.query<{ there: boolean }>(
      "select to_regclass('app.organizations') is not null as there",
    );
    return rows[0]?.there ?? false;
  });

/** Runs statements on a connection of their own. A problem with the connection is a StartupError. */
export async function onConnection<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'trunkline',
    connectionTimeoutMillis: PATIENCE_MS,
  });
  client.on('error', () => undefined); // the statement under way fails too
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    throw connectionProblem(error, url) ?? error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

const NETWORK = ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EPIPE', 'ENOENT', 'EACCES'];

/** What is wrong with a connection, in the operator's words; undefined when the error says something else. */
export function connectionProblem(error: unknown, url: string): StartupError | undefined {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const { username, host, hostname, pathname } = URL.parse(url) ?? new URL('postgres://?/');
  const user = decodeURIComponent(username);
  const problem = (text: string) => new StartupError(text, { cause: error });
  if (NETWORK.includes(code) || /timeout|Connection terminated/i.test(message)) {
    return problem(`No PostgreSQL answers at ${host} (${code || message}): is it running, and is DATABASE_URL right?`);
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return problem(`DATABASE_URL: the host ${hostname} is not known.`);
  if (code === '28P01' || code === '28000') {
    const loginRole = ['gateway', 'worker', 'postgrest'].includes(user);
    const remedy = loginRole
      ? `run "trunkline migrate" with this ENCRYPTION_KEY, which makes the role and sets its password, or set ${user.toUpperCase()}_PASSWORD`
      : 'correct the password in DATABASE_URL';
    return problem(`PostgreSQL at ${host} does not let "${user}" in (${message}): ${remedy}.`);
  }
  if (code === '3D000') return problem(`PostgreSQL at ${host} has no database ${pathname.slice(1)}: create it first.`);
  if (code === '57P01') return problem('PostgreSQL was stopped meanwhile.');
  if (code === '57P03' || code === '53300')
    return problem(`PostgreSQL at ${host} takes no connection now: ${message}.`);
  if (/does not support SSL|certificate|SSL/i.test(message)) {
    return problem(`No secure connection to PostgreSQL at ${host}: ${message}. See sslmode in DATABASE_URL.`);
  }
  return undefined;
}
