import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Contract } from '../contracts/contract.ts';
import type { Statement } from '../database/transaction.ts';
import { fromDatabase, fromZod } from '../errors.ts';
import { claimsOf, type KeyActor } from '../operations/actor.ts';
import { requireScope } from '../operations/execute.ts';
import type { ExportOperation } from '../operations/operation.ts';
import type { Gateway } from './gateway.ts';
import type { GatewayResponse, Request } from './locals.ts';

/** How long a client may take none of what waits for it. */
const STALLED_MS = 120_000;

/** COPY takes no parameters, so they are written into its text, each as a quoted literal. */
const inlined = ({ text, values }: Statement): string =>
  text.replaceAll(/\$(\d+)/g, (_match, index) => {
    const value = values[Number(index) - 1];
    return value === null || value === undefined ? 'null' : pg.escapeLiteral(String(value));
  });

/**
 * Streams an export as CSV: PostgreSQL writes it (COPY … TO STDOUT), the gateway passes the bytes on as fast as the client
 * takes them, so memory does not grow with the export. Row-level security holds as for every statement.
 */
export async function streamExport<Input>(
  gateway: Gateway,
  operation: ExportOperation<Input>,
  actor: KeyActor,
  rawInput: unknown,
  contract: Contract,
  req: Request,
  res: GatewayResponse,
): Promise<void> {
  requireScope(actor, operation.scope);
  const parsed = operation.input.safeParse(rawInput);
  if (!parsed.success) throw fromZod(parsed.error);
  const input = parsed.data;
  const shape = (name: string) => `${contract.name}.${name}`;
  const query = inlined(
    operation.statement({
      input,
      actor,
      shape,
      contract: contract.name,
      services: gateway.core.services,
      local: undefined,
    }),
  );

  const client = await gateway.exportPool.connect().catch((error: unknown) => {
    throw fromDatabase(error, gateway.core.reasons) ?? error;
  });
  // whoever stops reading must not keep a connection from the others
  res.setTimeout(STALLED_MS, () => res.destroy());
  let failure: Error | undefined;
  try {
    await client.query('begin read only');
    await client.query(
      "select set_config('role', 'tenant', true), set_config('request.jwt.claims', $1, true), set_config('statement_timeout', '0', true)",
      [claimsOf(actor, operation.target?.(input))],
    );
    // what may not be read is refused here, while the status can still say so
    await client.query(`select from (${query}) as first_row limit 1`);
    const rows = client.query(copyTo(`copy (${query}) to stdout with (format csv, header)`));
    res.setHeader('Content-Type', 'text/csv; charset=utf-8');
    res.setHeader('Content-Disposition', `attachment; filename="${operation.id.replace('.', '-')}.csv"`);
    res.setHeader('Cache-Control', 'no-store');
    if (req.method === 'HEAD') {
      rows.resume();
      await once(rows, 'end');
      res.end();
    } else {
      await pipeline(rows, res);
    }
    await client.query('commit');
  } catch (error) {
    // a connection in the middle of a COPY is of no use to anybody else
    failure = error as Error;
    // nobody is there to be told
    if (res.closed) return;
    if (!res.headersSent) throw fromDatabase(error, gateway.core.reasons) ?? error;
    res.destroy(failure);
  } finally {
    client.release(failure);
  }
}
