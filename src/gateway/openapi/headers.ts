import type { Contract } from '../../contracts/contract.ts';
import type { OpenApiDocument, Parameter, Ref } from './types.ts';

const text = { type: 'string' };

/** Headers of answers. */
export const responseHeaders = ({ rateLimit }: Contract): OpenApiDocument['components']['headers'] => ({
  'X-Request-Id': {
    description:
      'Names the request: the one that was sent, or one made here. The audit entries of the request carry it.',
    schema: text,
    example: 'corr_5f1c8a324d65e2b8',
  },
  'X-RateLimit-Remaining': {
    description: 'Requests that would pass now.',
    schema: { type: 'integer', minimum: 0 },
    example: rateLimit.burst - 1,
  },
  RateLimit: {
    description: 'IETF draft: `r` requests remain, and the sustained counter starts anew in `t` seconds.',
    schema: text,
    example: `"burst";r=${rateLimit.burst - 1};t=60`,
  },
  'RateLimit-Policy': {
    description: 'IETF draft: the limits in force, `q` requests in `w` seconds.',
    schema: text,
    example: `"sustained";q=${rateLimit.perMinute};w=60, "burst";q=${rateLimit.burst};w=60`,
  },
  'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 1 }, example: 12 },
  ETag: {
    description: 'Version of the resource, for If-None-Match.',
    schema: text,
    example: 'W/"Zr6wOsWqZGbXHyT_zL1dFG8FYLI"',
  },
  'Idempotent-Replayed': {
    description: '`true`: the answer was kept from an earlier request with the same Idempotency-Key.',
    schema: { type: 'string', const: 'true' },
  },
  'WWW-Authenticate': { description: 'How to authenticate.', schema: text, example: 'Bearer' },
});

/** Headers of requests. */
export const requestHeaders: Record<string, Parameter> = {
  RequestId: {
    name: 'X-Request-Id',
    in: 'header',
    description:
      'Your own name of the request; comes back, and the audit log has it (`correlation_id`) with what the request changed.',
    schema: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$' },
    example: 'order-4711',
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'Sending the request again with the same key within 24 hours gets the first answer again, and changes nothing.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
    example: '3f6c1b0e-8d7a-4c55-9e1d-2a4b6c8d0e1f',
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    description: '`ETag` of the answer you have: 304 without a body if it still holds.',
    schema: text,
    example: 'W/"Zr6wOsWqZGbXHyT_zL1dFG8FYLI"',
  },
};

const ALWAYS = ['X-Request-Id', 'X-RateLimit-Remaining', 'RateLimit', 'RateLimit-Policy'];

/** References to the headers that every answer has, and to more. */
export const headersOf = (...more: string[]): Record<string, Ref> =>
  Object.fromEntries([...ALWAYS, ...more].map((name) => [name, { $ref: `#/components/headers/${name}` }]));
