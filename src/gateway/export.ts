import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import type { Contract } from '../contracts/contract.ts';
import { AppError } from '../errors.ts';
import type { KeyActor } from '../operations/actor.ts';
import type { ExportOperation } from '../operations/operation.ts';
import { stream } from '../operations/stream.ts';
import type { Gateway } from './gateway.ts';
import type { GatewayResponse, Request } from './locals.ts';

/** An export holds a connection and a snapshot for as long as its client reads, so no one may hold many, or for ever. */
const EXPORTS_PER_ORGANIZATION = 2;
/** A client that leaves data waiting takes at least this much in each span. */
const SPAN_MS = 30_000;
const LEAST_BYTES = 64 * 1024;

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
  const release = enter(gateway, actor.organizationId, res);
  const watch = cutOffWhenStalled(res);
  // exports hold a connection for long, so they have their own
  const core = { ...gateway.core, pool: gateway.exportPool };
  try {
    await stream(core, operation, actor, rawInput, { contract: contract.name }, async (rows) => {
      res.setHeader('Content-Type', 'text/csv; charset=utf-8');
      res.setHeader('Content-Disposition', `attachment; filename="${operation.id.replace('.', '-')}.csv"`);
      res.setHeader('Cache-Control', 'no-store');
      if (req.method !== 'HEAD') return pipeline(rows, res, { end: false });
      rows.resume();
      await once(rows, 'end');
    });
  } catch (error) {
    // nobody is there to be told
    if (res.closed) return;
    if (!res.headersSent) throw error;
    res.destroy(error as Error);
    return;
  } finally {
    clearInterval(watch);
    release();
  }
  // only now, with its place given back, does the client learn that this was all: it may ask for the next at once
  res.end();
}

/** Takes one of the organization's places; returns what gives it back. Throws 429 when all are taken. */
function enter(gateway: Gateway, organizationId: string, res: GatewayResponse): () => void {
  const running = gateway.exporting.get(organizationId) ?? 0;
  if (running >= EXPORTS_PER_ORGANIZATION) {
    res.setHeader('Retry-After', '10');
    throw new AppError(429, 'rate_limit_exceeded', 'Too many exports at once. Wait for one to end.', {
      reason: `at most ${EXPORTS_PER_ORGANIZATION} at once`,
    });
  }
  gateway.exporting.set(organizationId, running + 1);
  return () => {
    const left = (gateway.exporting.get(organizationId) ?? 1) - 1;
    if (left > 0) gateway.exporting.set(organizationId, left);
    else gateway.exporting.delete(organizationId);
  };
}

/** Ends the connection of a client that reads next to nothing of what waits for it. */
function cutOffWhenStalled(res: GatewayResponse): NodeJS.Timeout {
  const { socket } = res;
  let taken = 0;
  return setInterval(() => {
    // what the client's system has accepted, not what waits in ours
    const now = (socket?.bytesWritten ?? 0) - (socket?.writableLength ?? 0);
    if (res.writableNeedDrain && now - taken < LEAST_BYTES) res.destroy();
    taken = now;
  }, SPAN_MS);
}
