import type { Registry } from '@prometheus-io/client';
import express, { type Router } from 'express';
import type { GatewayResponse, Request } from './locals.ts';

/** A thing that must answer for the process to be ready. */
export type Check = () => Promise<void>;

/**
 * Probes outside of the contracts: /livez (the process answers), /readyz (what it needs answers too), /metrics (Prometheus).
 */
export function probes(registry: Registry, checks: Record<string, Check>): Router {
  const router = express.Router();
  router.get('/livez', (_req: Request, res: GatewayResponse) => {
    res.type('text/plain').send('ok\n');
  });
  router.get('/readyz', async (_req: Request, res: GatewayResponse) => {
    const results = await Promise.all(
      Object.entries(checks).map(
        async ([name, check]) =>
          [
            name,
            await check().then(
              () => 'ok',
              () => 'failed',
            ),
          ] as const,
      ),
    );
    const ready = results.every(([, state]) => state === 'ok');
    res.status(ready ? 200 : 503).json({ status: ready ? 'ok' : 'unavailable', checks: Object.fromEntries(results) });
  });
  router.get('/metrics', async (_req: Request, res: GatewayResponse) => {
    res.type(registry.contentType).send(await registry.metrics());
  });
  return router;
}
