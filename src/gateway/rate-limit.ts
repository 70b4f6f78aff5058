import { LRUCache } from 'lru-cache';
import type pg from 'pg';
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterPostgres,
  RateLimiterRes,
} from 'rate-limiter-flexible';
import type { RateLimit } from '../contracts/contract.ts';

// A sustained rate and an allowance above it. A minute's worth of requests comes out of the first counter; what exceeds it,
// out of the second, which fills up again only every five minutes: 120 in one minute is fine, 120 in every minute is not.
const MINUTE = 60;
const ALLOWANCE_WINDOW = 300;

export interface Verdict {
  allowed: boolean;
  /** requests that would pass now */
  remaining: number;
  /** seconds until a request passes again, or until the sustained counter starts anew */
  reset: number;
}

export interface RateLimiter {
  /** Counts one request of `who`. */
  consume(who: string, limit: RateLimit): Promise<Verdict>;
}

type Store = { kind: 'memory' } | { kind: 'postgres'; pool: pg.Pool };

interface Pair {
  sustained: RateLimiterAbstract;
  allowance: RateLimiterAbstract | undefined;
}

/**
 * Memory: exact within this process, no round trip. Postgres: exact across every gateway process of the database, for one
 * round trip a request (two while a burst lasts).
 */
export function createRateLimiter(store: Store): RateLimiter {
  const pairs = new Map<string, Pair>();
  const allowances = new LRUCache<string, number>({ max: 50_000 });

  const counter = (keyPrefix: string, points: number, duration: number): RateLimiterAbstract =>
    store.kind === 'memory'
      ? new RateLimiterMemory({ keyPrefix, points, duration })
      : new RateLimiterPostgres({
          storeClient: store.pool,
          storeType: 'pool',
          schemaName: 'private',
          tableName: 'rate_limits',
          tableCreated: true,
          keyPrefix,
          points,
          duration,
        });

  /** Keys with limits of their own share a pair with all keys that have the same. */
  function pairFor({ perMinute, burst }: RateLimit): Pair {
    const name = `${perMinute}-${burst}`;
    let pair = pairs.get(name);
    if (!pair) {
      const above = burst - perMinute;
      pair = {
        sustained: counter(`sustained-${name}`, perMinute, MINUTE),
        allowance: above > 0 ? counter(`allowance-${name}`, above, ALLOWANCE_WINDOW) : undefined,
      };
      pairs.set(name, pair);
    }
    return pair;
  }

  return {
    async consume(who, limit) {
      const { sustained, allowance } = pairFor(limit);
      const first = await take(sustained, who);
      const above = limit.burst - limit.perMinute;
      if (first.allowed) {
        // what is left of the allowance is remembered from when it was last touched: asking would cost a round trip
        return { allowed: true, remaining: first.remaining + (allowances.get(who) ?? above), reset: first.reset };
      }
      if (!allowance) return first;
      const second = await take(allowance, who);
      allowances.set(who, second.remaining, { ttl: second.reset * 1000 });
      return { ...second, reset: second.allowed ? first.reset : Math.min(first.reset, second.reset) };
    },
  };
}

async function take(limiter: RateLimiterAbstract, who: string): Promise<Verdict> {
  try {
    const result = await limiter.consume(who);
    return { allowed: true, remaining: result.remainingPoints, reset: seconds(result) };
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal;
    return { allowed: false, remaining: 0, reset: seconds(refusal) };
  }
}

const seconds = (result: RateLimiterRes): number => Math.max(1, Math.ceil(result.msBeforeNext / 1000));
