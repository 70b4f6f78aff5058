import { createHash } from 'node:crypto';
import pg from 'pg';
import { Flight, type Prepared } from './flight.ts';

/** Who a transaction is: the role it takes and the claims its policies and triggers read. */
export interface Scope {
  role: 'anon' | 'tenant' | 'workspace' | 'gateway';
  /** request.jwt.claims as JSON text; '' is none */
  claims: string;
}

export interface Statement {
  text: string;
  values: unknown[];
}

// Policies ask for the tenant only when there is a row to judge; asked here, a key that was revoked a moment ago gets no empty
// list either.
const ENTER = "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true), app.tenant()";
const ENTER_READING = `${ENTER}, set_config('transaction_read_only', 'on', true)`;
const names = new Map<string, string>();

/** A name makes PostgreSQL keep the parsed statement; equal texts share it. Texts are few: they come from code, not from clients. */
function nameOf(text: string): string {
  let name = names.get(text);
  if (!name) {
    name = createHash('sha1').update(text).digest('base64url');
    names.set(text, name);
  }
  return name;
}

const prepared = ({ text, values }: Statement): Prepared => ({ name: nameOf(text), text, values });

/**
 * Runs one statement in a transaction of the given scope: role and claims, statement and commit leave in one packet, and one
 * round trip answers them. Throws what the statement threw; the transaction is rolled back then.
 */
export async function runInScope<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  scope: Scope,
  statement: Statement,
  options: { readOnly?: boolean } = {},
): Promise<pg.QueryResult<Row>> {
  const client = await pool.connect();
  const enter = { text: options.readOnly ? ENTER_READING : ENTER, values: [scope.role, scope.claims] };
  return new Promise((resolve, reject) => {
    const flight = new Flight<Row>([prepared(enter), prepared(statement)], (error, result) => {
      client.release(isLast(error));
      if (error) reject(error);
      else resolve(result as pg.QueryResult<Row>);
    });
    client.query(flight);
  });
}

/**
 * Whether a connection ends with this error. Its socket may close only a moment later: until then the pool would lend it to
 * the next request.
 */
const isLast = (error: Error | undefined | null): boolean =>
  error instanceof Error &&
  (!(error instanceof pg.DatabaseError) || error.severity === 'FATAL' || error.severity === 'PANIC');

/** Runs a statement in the transaction that is under way. */
export type Query = <Row extends pg.QueryResultRow>(statement: Statement) => Promise<pg.QueryResult<Row>>;

/** Statements of one transaction, one after the other, for what must look before it goes on. */
export async function inTransaction<Result>(
  pool: pg.Pool,
  scope: Scope,
  work: (query: Query) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    await client.query({ text: ENTER, values: [scope.role, scope.claims] });
    const result = await work((statement) => client.query(statement));
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
