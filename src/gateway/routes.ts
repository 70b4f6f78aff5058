import { createHash } from 'node:crypto';
import express, { type Router } from 'express';
import type { Contract, Route } from '../contracts/contract.ts';
import { AppError, unauthorized } from '../errors.ts';
import type { KeyActor } from '../operations/actor.ts';
import { execute } from '../operations/execute.ts';
import { streamExport } from './export.ts';
import type { Gateway } from './gateway.ts';
import { idempotencyOf } from './idempotency.ts';
import { inputOf } from './input.ts';
import type { GatewayResponse, Request } from './locals.ts';

/** Routes of a contract, from its table. */
export function contractRoutes(gateway: Gateway, contract: Contract): Router {
  const router = express.Router({ caseSensitive: true });
  // path by path, so that a path without parameters answers 405 by itself before one with them takes its name for an id
  for (const routes of Map.groupBy(contract.routes, (route) => route.path).values()) {
    const path = (routes[0] as Route).path.replaceAll(/\{(\w+)\}/g, ':$1');
    for (const route of routes) {
      const template = `${contract.basePath}${route.path}`;
      const method = route.method.toLowerCase() as 'get' | 'post' | 'put' | 'patch' | 'delete';
      router[method](path, async (req: Request, res: GatewayResponse) => {
        res.locals.route = template;
        await answer(gateway, contract, route, req, res);
      });
    }
    const allowed = routes.map((route) => route.method).join(', ');
    router.all(path, (_req: Request, res: GatewayResponse) => {
      res.setHeader('Allow', allowed);
      throw new AppError(405, 'method_not_allowed', 'This resource does not have this method.', {
        reason: `allowed: ${allowed}`,
      });
    });
  }
  return router;
}

async function answer(
  gateway: Gateway,
  contract: Contract,
  route: Route,
  req: Request,
  res: GatewayResponse,
): Promise<void> {
  const actor = actorOf(res);
  const input = inputOf(route, req);
  if (route.operation.kind === 'export') {
    return streamExport(gateway, route.operation, actor, input, contract, req, res);
  }
  const idempotency = idempotencyOf(req, res);
  const give = await gateway.places.take(actor.organizationId);
  const result = await execute(
    gateway.core,
    route.operation,
    actor,
    input,
    { contract: contract.name, status: route.status },
    idempotency,
  ).finally(give);
  res.statusCode = result.status;
  if (result.replayed) res.setHeader('Idempotent-Replayed', 'true');
  if (route.single) {
    // weak: compressed or not, it is the same resource
    const tag = `W/"${createHash('sha1').update(result.body).digest('base64url')}"`;
    res.setHeader('ETag', tag);
    res.setHeader('Cache-Control', 'private, no-cache');
    if (isKnown(tag, req.headers['if-none-match'])) {
      res.statusCode = 304;
      res.end();
      return;
    }
  } else {
    res.setHeader('Cache-Control', 'no-store');
  }
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.end(req.method === 'HEAD' ? undefined : result.body);
}

/**
 * Whether the client has this version. Not Express's req.fresh, which says no to Cache-Control: no-cache: fetch sends that of
 * its own accord with every If-None-Match.
 */
const isKnown = (tag: string, ifNoneMatch: string | undefined): boolean =>
  ifNoneMatch !== undefined &&
  (ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((known) => known.trim().replace(/^(W\/)?/, 'W/') === tag));

/** Every route needs an actor; only the pulse goes without, and does not come here. */
function actorOf(res: GatewayResponse): KeyActor {
  if (!res.locals.actor) throw unauthorized('An API key is required: Authorization: Bearer <key>.');
  return res.locals.actor;
}
