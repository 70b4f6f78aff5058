import { createHash } from 'node:crypto';
import { invalidRequest } from '../errors.ts';
import type { Idempotency } from '../operations/execute.ts';
import type { GatewayResponse, Request } from './locals.ts';

/** The Idempotency-Key of a POST, with what the request is; undefined without one. Throws 400 for one that cannot be kept. */
export function idempotencyOf(req: Request, res: GatewayResponse): Idempotency | undefined {
  const given = req.headers['idempotency-key'];
  if (req.method !== 'POST' || given === undefined) return undefined;
  // the draft writes the key as a quoted string; most clients send it bare
  const key = String(given).replace(/^"(.*)"$/, '$1');
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw invalidRequest('The Idempotency-Key is malformed.', {
      field: 'Idempotency-Key',
      reason: 'must be 1 to 255 visible ASCII characters',
    });
  }
  const fingerprint = createHash('sha256')
    .update(`${req.method} ${req.originalUrl}\n`)
    .update(res.locals.rawBody ?? '')
    .digest();
  return { key, fingerprint };
}
