import type { NextFunction } from 'express';
import type { GatewayResponse, Request } from './locals.ts';
import type { GatewayMetrics } from './metrics.ts';

/**
 * The path as logs may hold it: the tokens in the link of an invitation or a mail and in a hook's address are secrets, also where the
 * address was put together wrongly (a slash too many, /api/v1 before it) and leads to nothing.
 */
export const loggedPath = (req: Request): string =>
  req.path.replace(/\/(invite|unsubscribe|hooks\/[^/]*)\/.*/is, '/$1/[redacted]');

/** One log line and one observation a request, when its answer is out (or its client gone). */
export const accessLog =
  (metrics: GatewayMetrics) =>
  (req: Request, res: GatewayResponse, next: NextFunction): void => {
    const start = process.hrtime.bigint();
    const { method } = req;
    const path = loggedPath(req);
    res.once('close', () => {
      const seconds = Number(process.hrtime.bigint() - start) / 1e9;
      const { requestId, actor, route, log } = res.locals;
      metrics.observe(method, route ?? 'unmatched', res.statusCode, seconds);
      log.info({
        requestId,
        method,
        path,
        route,
        status: res.statusCode,
        ms: Math.round(seconds * 1e5) / 100,
        ...(actor && { keyId: actor.keyId, organizationId: actor.organizationId }),
        ...(!res.writableFinished && { aborted: true }),
      });
    });
    next();
  };
