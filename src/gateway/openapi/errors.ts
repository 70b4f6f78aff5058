import type { Contract, Route } from '../../contracts/contract.ts';
import { AppError, invalidRequest, MissingScope, notFound, unauthorized } from '../../errors.ts';
import { headersOf } from './headers.ts';
import type { JsonSchema, Ref, Response } from './types.ts';

interface ErrorDocument {
  name: string;
  description: string;
  headers?: string[];
  example(contract: Contract): AppError;
}

/**
 * Every error an operation can give, by status, with an example worded as the gateway and the database word it. Where a
 * contract's clients meet another one, the contract says so (`errorWords`).
 */
const ERRORS: Record<number, ErrorDocument> = {
  400: {
    name: 'InvalidRequest',
    description: 'Something in the request is wrong or unknown; the message says which field and why.',
    example: () => invalidRequest('The body is not valid JSON.', { reason: 'is not valid JSON' }),
  },
  401: {
    name: 'Unauthorized',
    description: 'No key, or one that is malformed, unknown, expired, revoked, or of another API.',
    headers: ['WWW-Authenticate'],
    example: () => unauthorized('The API key is invalid.'),
  },
  403: {
    name: 'Forbidden',
    description: 'The key lacks the scope.',
    example: () => new MissingScope('leads.write'),
  },
  404: {
    name: 'NotFound',
    description: 'There is no such resource, or the key does not reach it.',
    example: () => notFound('No such lead.'),
  },
  409: {
    name: 'Conflict',
    description: 'Another request with this Idempotency-Key is under way.',
    example: () =>
      new AppError(409, 'conflict', 'A request with this Idempotency-Key is still being processed.', {
        field: 'Idempotency-Key',
        reason: 'in flight; try again shortly',
      }),
  },
  413: {
    name: 'PayloadTooLarge',
    description: 'The body is larger than 1 MiB.',
    example: () =>
      new AppError(413, 'payload_too_large', 'The body is larger than 1 MiB.', { reason: 'at most 1 MiB' }),
  },
  415: {
    name: 'UnsupportedMediaType',
    description: 'The body is not JSON.',
    example: () =>
      new AppError(415, 'unsupported_media_type', 'The body must be JSON.', {
        field: 'Content-Type',
        reason: 'must be application/json',
      }),
  },
  422: {
    name: 'IdempotencyKeyReused',
    description: 'The Idempotency-Key was used with another request.',
    example: () =>
      new AppError(422, 'unprocessable', 'This Idempotency-Key was used with another request.', {
        field: 'Idempotency-Key',
        reason: 'reused with another method, path or body',
      }),
  },
  429: {
    name: 'RateLimited',
    description: 'Too many requests; wait as long as `Retry-After` says.',
    headers: ['Retry-After'],
    example: ({ rateLimit }) =>
      new AppError(429, 'rate_limit_exceeded', 'Rate limit exceeded. Retry after 12 seconds.', {
        reason: `at most ${rateLimit.perMinute} requests a minute, with bursts up to ${rateLimit.burst}`,
      }),
  },
  500: {
    name: 'InternalError',
    description: 'A defect on our side.',
    example: () => new AppError(500, 'internal_error', 'Something went wrong on our side.'),
  },
  503: {
    name: 'Unavailable',
    description: 'The database cannot be reached or is overloaded; the same request may succeed shortly.',
    headers: ['Retry-After'],
    example: () =>
      new AppError(503, 'service_unavailable', 'The service is temporarily unavailable. Try again shortly.'),
  },
};

export interface DocumentedError {
  status: number;
  name: string;
  description: string;
  headers: string[];
  /** body of the answer, in the contract's shape */
  example: object;
}

/** The errors as a contract's clients meet them, in the order of their statuses. */
export const errorsOf = (contract: Contract): DocumentedError[] =>
  Object.entries(ERRORS).map(([status, { name, description, headers = [], example }]) => {
    const words = contract.errorWords[Number(status)];
    return {
      status: Number(status),
      name,
      description: words?.description ?? description,
      headers,
      example: contract.errorBody(words?.example ?? example(contract)),
    };
  });

/** The code in the body of an error: some contracts nest it, some do not. */
export function codeOf(body: unknown): string | undefined {
  const { error } = (body ?? {}) as { error?: { code?: string } | string };
  return typeof error === 'string' ? error : error?.code;
}

/** The statuses of the errors of a route. */
function errorStatuses({ method, path, operation, refers, conflicts }: Route): number[] {
  const post = method === 'POST';
  const body = method !== 'GET';
  return [
    400,
    401,
    ...(operation.scope === null ? [] : [403]),
    // a list of another organization's is not found without a grant
    ...(path.includes('{') || operation.target || refers ? [404] : []),
    ...(post || conflicts ? [409] : []),
    ...(body ? [413, 415] : []),
    ...(post ? [422] : []),
    429,
    500,
    503,
  ];
}

export const errorRefs = (route: Route): Record<string, Ref> =>
  Object.fromEntries(
    errorStatuses(route).map((status) => [status, { $ref: `#/components/responses/${ERRORS[status]?.name}` }]),
  );

export const errorResponses = (contract: Contract, schema: JsonSchema): Record<string, Response> =>
  Object.fromEntries(
    errorsOf(contract).map(({ name, description, headers, example }) => [
      name,
      { description, headers: headersOf(...headers), content: { 'application/json': { schema, example } } },
    ]),
  );
