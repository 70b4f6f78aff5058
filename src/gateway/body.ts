import express, { type NextFunction } from 'express';
import { AppError } from '../errors.ts';
import type { GatewayResponse, Request } from './locals.ts';

const MAX_BODY = '1mb';

const parse = express.json({
  limit: MAX_BODY,
  strict: false,
  type: () => true,
  verify: (_req, res, buffer) => {
    (res as GatewayResponse).locals.rawBody = buffer;
  },
});

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
  parse(req, res, next);
}
