import compression from 'compression';
import express, { type Express, type NextFunction } from 'express';
import { contracts } from '../contracts/registry.ts';
import { accessLog } from './access-log.ts';
import { selectContract } from './authenticate.ts';
import { jsonBody } from './body.ts';
import { docs } from './docs.ts';
import { errorHandler, unknownPath } from './errors.ts';
import type { Gateway } from './gateway.ts';
import { hooks } from './hooks.ts';
import { identify } from './identify.ts';
import { invitations } from './invitations.ts';
import type { GatewayResponse, Request } from './locals.ts';
import { postgrestDoor } from './postgrest-door.ts';
import { probes } from './probes.ts';
import { pulse } from './pulse.ts';
import { recordings } from './recordings.ts';
import { requestId } from './request-id.ts';
import { contractRoutes } from './routes.ts';
import { unsubscribe } from './unsubscribe.ts';

/** The gateway as a list of middleware, in the order a request meets it. */
export function createApp(gateway: Gateway): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.set('query parser', 'simple');
  if (gateway.trustProxy !== undefined) app.set('trust proxy', gateway.trustProxy);

  app.use(requestId(gateway.log));
  app.use(accessLog(gateway.metrics));
  app.use((_req: Request, res: GatewayResponse, next: NextFunction) => {
    res.setHeader('X-Content-Type-Options', 'nosniff');
    next();
  });
  app.use(probes(gateway.metrics.registry, { database: async () => void (await gateway.core.pool.query('select 1')) }));
  const compress = compression();
  app.use((req: Request, res: GatewayResponse, next: NextFunction) =>
    req.headers['accept-encoding'] ? compress(req, res, next) : next(),
  );
  app.use(docs(gateway));
  app.use('/invite', invitations(gateway));
  app.use('/hooks', hooks(gateway));
  app.use('/recordings', recordings(gateway));
  app.use('/unsubscribe', unsubscribe(gateway));
  app.use('/rest/v1', postgrestDoor(gateway));

  for (const basePath of new Set(contracts.map((contract) => contract.basePath))) {
    const routers = new Map(
      contracts.filter((one) => one.basePath === basePath).map((one) => [one.name, contractRoutes(gateway, one)]),
    );
    app.use(basePath, selectContract(basePath));
    app.use(
      basePath,
      identify(gateway, {
        anonymous: (req) => req.path === '/health',
        accepts: (res, contract) => res.locals.contract?.name === contract,
      }),
    );
    app.use(basePath, pulse, jsonBody, (req: Request, res: GatewayResponse, next: NextFunction) =>
      routers.get(res.locals.contract?.name ?? 'eal')?.(req, res, next),
    );
  }

  app.use(unknownPath);
  app.use(errorHandler);
  return app;
}
