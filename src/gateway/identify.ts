import type { NextFunction } from 'express';
import type { RateLimit } from '../contracts/contract.ts';
import { fromDatabase, unauthorized } from '../errors.ts';
import { bearer, resolveActor, sourceOf } from './authenticate.ts';
import type { Gateway } from './gateway.ts';
import { limitRequest, placeOf } from './limit.ts';
import type { GatewayResponse, Request } from './locals.ts';

/** What somebody without a valid key may ask for, by address: guessing keys is as slow as using one. */
const ANONYMOUS: RateLimit = { perMinute: 60, burst: 120 };

/** Counts a request that came without a valid key. */
export const limitAnonymous = (gateway: Gateway, req: Request, res: GatewayResponse): Promise<void> =>
  limitRequest(res, gateway.limiter, gateway.metrics, `ip:${placeOf(req)}`, ANONYMOUS);

/**
 * Key check and rate limit. A request without a key goes on as nobody when `anonymous` allows it, and ends with 401 otherwise.
 */
export const identify =
  (
    gateway: Gateway,
    options: { anonymous: (req: Request) => boolean; accepts: (res: GatewayResponse, contract: string) => boolean },
  ) =>
  async (req: Request, res: GatewayResponse, next: NextFunction): Promise<void> => {
    let found: Awaited<ReturnType<typeof resolveActor>>;
    try {
      found = await resolveActor(
        gateway.keys,
        bearer(req),
        { id: res.locals.requestId, source: sourceOf(req) },
        (contract) => options.accepts(res, contract),
      );
      if (!found && !options.anonymous(req)) throw unauthorized('An API key is required: Authorization: Bearer <key>.');
    } catch (error) {
      await limitAnonymous(gateway, req, res);
      throw fromDatabase(error, gateway.core.reasons) ?? error;
    }
    if (!found) {
      await limitAnonymous(gateway, req, res);
      return next();
    }
    const { actor, key } = found;
    res.locals.actor = actor;
    const standard = res.locals.contract?.rateLimit ?? ANONYMOUS;
    const perMinute = key.ratePerMinute ?? standard.perMinute;
    await limitRequest(res, gateway.limiter, gateway.metrics, `key:${key.keyId}`, {
      perMinute,
      burst: key.rateBurst ?? Math.max(perMinute, standard.burst),
    });
    next();
  };
