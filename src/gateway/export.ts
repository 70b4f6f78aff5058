import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import type { Contract } from '../contracts/contract.ts';
import type { KeyActor } from '../operations/actor.ts';
import type { ExportOperation } from '../operations/operation.ts';
import { stream } from '../operations/stream.ts';
import type { Gateway } from './gateway.ts';
import type { GatewayResponse, Request } from './locals.ts';

/** How long a client may take none of what waits for it. */
const STALLED_MS = 120_000;

/** Answers with an export as CSV: the bytes as PostgreSQL writes them, as fast as the client takes them. */
export async function streamExport<Input>(
  gateway: Gateway,
  operation: ExportOperation<Input>,
  actor: KeyActor,
  rawInput: unknown,
  contract: Contract,
  req: Request,
  res: GatewayResponse,
): Promise<void> {
  // whoever stops reading must not keep a connection from the others
  res.setTimeout(STALLED_MS, () => res.destroy());
  // exports hold a connection for long, so they have their own
  const core = { ...gateway.core, pool: gateway.exportPool };
  try {
    await stream(core, operation, actor, rawInput, { contract: contract.name }, async (rows) => {
      res.setHeader('Content-Type', 'text/csv; charset=utf-8');
      res.setHeader('Content-Disposition', `attachment; filename="${operation.id.replace('.', '-')}.csv"`);
      res.setHeader('Cache-Control', 'no-store');
      if (req.method !== 'HEAD') return pipeline(rows, res);
      rows.resume();
      await once(rows, 'end');
      res.end();
    });
  } catch (error) {
    // nobody is there to be told
    if (res.closed) return;
    if (!res.headersSent) throw error;
    res.destroy(error as Error);
  }
}
