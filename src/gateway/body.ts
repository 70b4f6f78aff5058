import { isUtf8 } from 'node:buffer';
import express, { type NextFunction } from 'express';
import { AppError, invalidRequest } from '../errors.ts';
import { isExactNumber, mayRound, parseExactly } from '../exact-json.ts';
import type { GatewayResponse, Request } from './locals.ts';

const MAX_BODY = '1mb';

const parse = express.json({
  limit: MAX_BODY,
  strict: false,
  type: () => true,
  verify: (_req, res, buffer, encoding) => {
    // read as if it were, what is no UTF-8 would be stored with signs for what is missing, and nobody would be told
    if (encoding === 'utf-8' && !isUtf8(buffer)) {
      throw invalidRequest('The body is not valid UTF-8.', { reason: 'is not valid UTF-8' });
    }
    (res as GatewayResponse).locals.rawBody = buffer;
  },
});

const UTF8 = new TextDecoder();
const isObject = (body: unknown): body is Record<string, unknown> =>
  typeof body === 'object' && body !== null && !Array.isArray(body);

/**
 * The body that was parsed, with the whole numbers that JavaScript rounds as they were written: those inside of its fields, which are
 * kept as they come. A field itself has a type that says which numbers it takes.
 */
function exact(body: Record<string, unknown>, rawBody: Buffer): unknown {
  const text = UTF8.decode(rawBody);
  if (!mayRound(text)) return body;
  try {
    const entries = Object.entries(parseExactly(text) as object);
    return Object.fromEntries(entries.map(([name, value]) => [name, isExactNumber(value) ? body[name] : value]));
  } catch {
    // nested without end, which is refused as such, or no UTF-8
    return body;
  }
}

/** Reads a JSON body: of its type, or of none. A GET has none. */
export function jsonBody(req: Request, res: GatewayResponse, next: NextFunction): void {
  if (req.method === 'GET' || req.method === 'HEAD') {
    next();
    return;
  }
  const type = req.headers['content-type'];
  const empty =
    req.headers['content-length'] === '0' ||
    (req.headers['content-length'] === undefined && req.headers['transfer-encoding'] === undefined);
  if (!empty && type !== undefined && !/^application\/([\w.-]+\+)?json\b/i.test(type)) {
    next(
      new AppError(415, 'unsupported_media_type', 'The body must be JSON.', {
        field: 'Content-Type',
        reason: 'must be application/json',
      }),
    );
    return;
  }
  // what half of all clients call it
  if (type) req.headers['content-type'] = type.replace(/(;\s*charset\s*=\s*"?)utf8\b/i, '$1utf-8');
  parse(req, res, (error?: unknown) => {
    const { rawBody } = res.locals;
    if (!error && rawBody && isObject(req.body)) req.body = exact(req.body, rawBody);
    next(error);
  });
}
