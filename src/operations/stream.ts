import type { Readable } from 'node:stream';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Statement } from '../database/transaction.ts';
import { fromDatabase } from '../errors.ts';
import { type Actor, claimsOf, roleOf } from './actor.ts';
import { type Binding, type Core, parseInput, requireScope } from './execute.ts';
import type { ExportOperation } from './operation.ts';

/** COPY takes no parameters, so they are written into its text, each as a quoted literal. */
const inlined = ({ text, values }: Statement): string =>
  text.replaceAll(/\$(\d+)/g, (_match, index) => {
    const value = values[Number(index) - 1];
    return value === null || value === undefined ? 'null' : pg.escapeLiteral(String(value));
  });

const ENTER =
  "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true), set_config('statement_timeout', '0', true), app.tenant()";

/**
 * Runs an export for an actor, as execute runs an operation: scope, input, transaction with claims. PostgreSQL writes CSV
 * (COPY … TO STDOUT) into the stream that `consume` is given, as fast as it is read, so memory does not grow with the export.
 *
 * Throws AppError for what the caller did before `consume` is called; what goes wrong after that, it throws as it is.
 */
export async function stream<Input>(
  core: Core,
  operation: ExportOperation<Input>,
  actor: Actor,
  rawInput: unknown,
  binding: Binding,
  consume: (rows: Readable) => Promise<void>,
): Promise<void> {
  requireScope(actor, operation.scope);
  const input = parseInput(operation.input, rawInput);
  const { contract } = binding;
  const shape = (name: string) => `${contract}.${name}`;
  const call = { input, actor, shape, contract, services: core.services, local: undefined };
  const query = inlined(operation.statement(call));
  const probe = operation.probe ? inlined(operation.probe(call)) : query;

  let consuming = false;
  let client: pg.PoolClient | undefined;
  let failure: Error | undefined;
  try {
    client = await core.pool.connect();
    await client.query('begin read only');
    await client.query(ENTER, [roleOf(actor), claimsOf(actor, operation.target?.(input))]);
    // what may not be read is refused here, while the answer's status can still say so
    await client.query(`select from (${probe}) as first_row limit 1`);
    const quotes = operation.quoted ? ', force_quote *' : '';
    const rows = client.query(copyTo(`copy (${query}) to stdout with (format csv, header${quotes})`));
    consuming = true;
    await consume(rows);
    await client.query('commit');
  } catch (error) {
    failure = error as Error;
    throw consuming ? error : (fromDatabase(error, core.reasons) ?? error);
  } finally {
    // a connection in the middle of a COPY is of no use to anybody else
    client?.release(failure);
  }
}
