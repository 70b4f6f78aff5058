import { createHash } from 'node:crypto';
import type pg from 'pg';

/** Who a transaction is: the role it takes and the claims its policies and triggers read. */
export interface Scope {
  role: 'anon' | 'tenant' | 'gateway';
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

type PipelinedClient = pg.PoolClient & { connection: { stream: { cork(): void; uncork(): void } } };

/**
 * Runs one statement in a transaction of the given scope: begin, role and claims, statement, commit leave in one packet, and
 * one round trip answers all four. Throws what the statement threw; the transaction is rolled back then.
 */
export async function runInScope<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  scope: Scope,
  statement: Statement,
  options: { readOnly?: boolean } = {},
): Promise<pg.QueryResult<Row>> {
  const client = (await pool.connect()) as PipelinedClient;
  return new Promise((resolve, reject) => {
    let result: pg.QueryResult<Row> | undefined;
    let failure: Error | undefined;
    let broken: Error | undefined;
    // the first thing that went wrong is the reason; what follows in a failed transaction only echoes it
    const failed = (error: Error | null) => {
      if (error) failure ??= error;
    };
    const { stream } = client.connection;
    stream.cork();
    client.query(options.readOnly ? 'begin read only' : 'begin', (error: Error | null) => {
      failed(error);
      // without a transaction the connection is in an unknown state
      if (error) broken = error;
    });
    client.query({ name: 'enter', text: ENTER, values: [scope.role, scope.claims] }, failed);
    client.query(
      { name: nameOf(statement.text), text: statement.text, values: statement.values },
      (error: Error | null, answer: pg.QueryResult<Row>) => {
        failed(error);
        result = answer;
      },
    );
    client.query('commit', (error: Error | null) => {
      failed(error);
      if (error) broken = error;
      client.release(broken);
      if (failure) reject(failure);
      else resolve(result as pg.QueryResult<Row>);
    });
    stream.uncork();
  });
}

/** Statements of one transaction, one after the other, for what must look before it goes on. */
export async function inTransaction<Result>(
  pool: pg.Pool,
  scope: Scope,
  work: (
    query: <Row extends pg.QueryResultRow>(statement: Statement) => Promise<pg.QueryResult<Row>>,
  ) => Promise<Result>,
): Promise<Result> {
  const client = (await pool.connect()) as PipelinedClient;
  let broken: Error | undefined;
  try {
    void client.query('begin').catch(() => {});
    await client.query({ name: 'enter', text: ENTER, values: [scope.role, scope.claims] });
    const result = await work((statement) =>
      client.query({ name: nameOf(statement.text), text: statement.text, values: statement.values }),
    );
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
