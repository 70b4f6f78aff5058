import type { RateLimit } from '../contracts/contract.ts';
import { AppError } from '../errors.ts';
import type { GatewayResponse } from './locals.ts';
import type { GatewayMetrics } from './metrics.ts';
import type { RateLimiter } from './rate-limit.ts';

/** Counts the request and puts the limit's headers on its answer. Throws 429 when it is one too many. */
export async function limitRequest(
  res: GatewayResponse,
  limiter: RateLimiter,
  metrics: GatewayMetrics,
  who: string,
  limit: RateLimit,
): Promise<void> {
  const verdict = await limiter.consume(who, limit);
  res.setHeader('X-RateLimit-Remaining', String(verdict.remaining));
  res.setHeader('RateLimit-Policy', `"sustained";q=${limit.perMinute};w=60, "burst";q=${limit.burst};w=60`);
  res.setHeader('RateLimit', `"burst";r=${verdict.remaining};t=${verdict.reset}`);
  if (verdict.allowed) return;
  metrics.rateLimited();
  res.setHeader('Retry-After', String(verdict.reset));
  throw new AppError(429, 'rate_limit_exceeded', `Rate limit exceeded. Retry after ${verdict.reset} seconds.`, {
    reason: `at most ${limit.perMinute} requests a minute, with bursts up to ${limit.burst}`,
  });
}
