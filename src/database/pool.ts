import pg from 'pg';

/** Statements of a request end by then; a client that waits longer than that has gone. */
const STATEMENT_TIMEOUT_MS = 15_000;

/** A pool of connections. Those that break are replaced; the pool never throws out of turn. */
export function createPool(
  url: string,
  options: { max: number; name: string; onError?: (error: Error) => void },
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max,
    application_name: options.name,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
  });
  const lost = (error: Error) => options.onError?.(error);
  pool.on('error', lost);
  // the pool listens to idle connections only; one that breaks in the middle of a statement would end the process
  pool.on('connect', (client) => client.on('error', lost));
  return pool;
}
