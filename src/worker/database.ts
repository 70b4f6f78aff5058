import pg from 'pg';
import type { Logger } from 'pino';
import { SIGNS_OF_LIFE } from '../database/pool.ts';

/** No statement of the worker takes so long: the server is gone, and no packet said so. */
const ANSWER_TIMEOUT_MS = 5 * 60_000;

/** The worker's connections. One that breaks is replaced by a new one: whoever used it sees an error and tries again. */
export function openPool(databaseUrl: string, log: Logger): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: 'trunkline worker',
    // relay, three lanes, prepare, record, heartbeat, inbound hooks (two), polls, tasks (five), and pg-boss's own upkeep
    max: 17,
    connectionTimeoutMillis: 10_000,
    query_timeout: ANSWER_TIMEOUT_MS,
    ...SIGNS_OF_LIFE,
  });
  const report = (error: Error) => log.debug({ err: error }, 'database connection lost');
  pool.on('error', report);
  // a connection that breaks while it is lent out tells its client, too; unheard, that would end the process
  pool.on('connect', (client) => client.on('error', report));
  return pool;
}

/** Runs statements in one transaction. After an error the connection is not used again: who knows what state it is in. */
export async function inTransaction<T>(pool: pg.Pool, run: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await run(client);
    await client.query('commit');
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

const AWAY =
  /^(Connection terminated|Client has encountered a connection error|Query read timeout|timeout exceeded when trying to connect)/;

/** Whether a statement failed because the database is away, shuts down or cut the connection: that says nothing of the statement. */
export const isAway = (error: Error): boolean =>
  error instanceof pg.DatabaseError ? /^(08|57P)/.test(error.code ?? '') : AWAY.test(error.message);
