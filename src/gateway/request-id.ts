import { randomUUID } from 'node:crypto';
import type { NextFunction } from 'express';
import type { Logger } from '../log.ts';
import type { GatewayResponse, Request } from './locals.ts';

/** What a client may send as its own id: it ends up in logs, headers and a CSV cell. */
const ACCEPTABLE = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** Takes the client's X-Request-Id or makes one. Every answer carries it, and every audit entry as its correlation_id. */
export const requestId =
  (log: Logger) =>
  (req: Request, res: GatewayResponse, next: NextFunction): void => {
    const given = req.headers['x-request-id'];
    const id = typeof given === 'string' && ACCEPTABLE.test(given) ? given : `corr_${randomUUID().replaceAll('-', '')}`;
    res.locals.requestId = id;
    res.locals.log = log;
    res.setHeader('X-Request-Id', id);
    next();
  };
