import type { Route } from '../contracts/contract.ts';
import { invalidRequest } from '../errors.ts';
import type { Request } from './locals.ts';

/** Path, query and body as one object, as operations take it. Throws 400 for what has no place in it. */
export function inputOf(route: Route, req: Request): Record<string, unknown> {
  const params = req.params as Record<string, string>;
  const query = req.query as Record<string, unknown>;
  if (route.method === 'GET') return join(query, params, 'query parameter');
  const [stray] = Object.keys(query);
  if (stray !== undefined)
    throw invalidRequest(`Unknown query parameter: ${stray}.`, { field: stray, reason: 'unknown query parameter' });
  const body: unknown = req.body ?? {};
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidRequest('The body must be a JSON object.', { reason: 'must be a JSON object' });
  }
  return join(body as Record<string, unknown>, params, 'field');
}

function join(given: Record<string, unknown>, params: Record<string, string>, kind: string): Record<string, unknown> {
  for (const name of Object.keys(params)) {
    if (name in given) throw invalidRequest(`Unknown ${kind}: ${name}.`, { field: name, reason: `unknown ${kind}` });
  }
  return { ...given, ...params };
}
