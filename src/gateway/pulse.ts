import type { NextFunction } from 'express';
import type { GatewayResponse, Request } from './locals.ts';

/** GET /health without a key: whether the API surface is up, and nothing about anybody. With a key it is an operation. */
export function pulse(req: Request, res: GatewayResponse, next: NextFunction): void {
  if (res.locals.actor || req.path !== '/health' || (req.method !== 'GET' && req.method !== 'HEAD')) {
    next();
    return;
  }
  res.locals.route = `${req.baseUrl}/health`;
  res.setHeader('Cache-Control', 'no-store');
  res.json({ status: 'ok', version: 'v1', timestamp: new Date().toISOString() });
}
