import ipaddr from 'ipaddr.js';
import type { RateLimit } from '../contracts/contract.ts';
import { AppError } from '../errors.ts';
import type { GatewayResponse, Request } from './locals.ts';
import type { GatewayMetrics } from './metrics.ts';
import type { RateLimiter } from './rate-limit.ts';

/** Of an IPv6 address, its network: whoever has one address there has all 2⁶⁴. */
const IPV6_NETWORK = 64;

/** Where a request comes from, as limits count it. */
export function placeOf({ ip = '' }: Request): string {
  if (!ipaddr.isValid(ip)) return ip;
  const address = ipaddr.process(ip);
  if (address.kind() === 'ipv4') return address.toString();
  return ipaddr.IPv6.networkAddressFromCIDR(`${address}/${IPV6_NETWORK}`).toString();
}

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
