import pg from 'pg';

/** Statements of a request end by then; a client that waits longer than that has gone. */
const STATEMENT_TIMEOUT_MS = 15_000;
/** A server that has said nothing by then is gone, though no packet said so: its host lost power, or a firewall forgot the connection. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 5_000;

/**
 * How a connection finds out that there is nobody at its other end. A server that nothing is asked of at the moment is asked for a sign
 * of life (without a delay, the system would do so after two hours); and a process that stands still or whose host is gone does not
 * keep what its open transaction holds.
 */
export const SIGNS_OF_LIFE = {
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  idle_in_transaction_session_timeout: 30_000,
} as const;

export interface PoolOptions {
  max: number;
  name: string;
  onError?: (error: Error) => void;
  /** how long to wait for the answer to a statement; Infinity for what streams */
  answerTimeoutMs?: number;
}

/** A pool of connections. Those that break are replaced; the pool never throws out of turn. */
export function createPool(url: string, options: PoolOptions): pg.Pool {
  const { answerTimeoutMs = ANSWER_TIMEOUT_MS } = options;
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max,
    application_name: options.name,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    ...(Number.isFinite(answerTimeoutMs) && { query_timeout: answerTimeoutMs }),
    ...SIGNS_OF_LIFE,
  });
  const lost = (error: Error) => options.onError?.(error);
  pool.on('error', lost);
  // the pool listens to idle connections only; one that breaks in the middle of a statement would end the process
  pool.on('connect', (client) => client.on('error', lost));
  return pool;
}
