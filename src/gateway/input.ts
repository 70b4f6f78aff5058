import type { Route } from '../contracts/contract.ts';
import { invalidRequest } from '../errors.ts';
import type { Request } from './locals.ts';

/** Path, query and body as one object, as operations take it. Throws 400 for what has no place in it. */
export function inputOf(route: Route, req: Request): Record<string, unknown> {
  const params = req.params as Record<string, string>;
  const query = req.query as Record<string, unknown>;
  requireStorable(query, []);
  if (route.method === 'GET') return join(query, params, 'query parameter');
  const { inQuery = [] } = route;
  const stray = Object.keys(query).find((name) => !inQuery.includes(name));
  if (stray !== undefined)
    throw invalidRequest(`Unknown query parameter: ${stray}.`, { field: stray, reason: 'unknown query parameter' });
  const body: unknown = req.body === undefined ? {} : req.body;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidRequest('The body must be a JSON object.', { reason: 'must be a JSON object' });
  }
  requireStorable(body, []);
  const inBody = join(body as Record<string, unknown>, params, 'field');
  const named = inQuery.find((name) => name in body);
  if (named !== undefined)
    throw invalidRequest(`${named} belongs in the query.`, { field: named, reason: 'belongs in the query' });
  return { ...inBody, ...query };
}

/** Deeper than anything that is documented, and shallow enough for whoever walks it, here and in the database. */
const MAX_DEPTH = 16;

/** Refuses what JSON can say and no column can hold, naming the field. */
function requireStorable(value: unknown, path: string[]): void {
  if (typeof value === 'string' && !isStorable(value)) {
    const reason = 'must not contain a NUL character or half a surrogate pair';
    throw invalidRequest(`Invalid value for ${path.join('.')}: ${reason}.`, { field: path.join('.'), reason });
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    const reason = 'is too large a number';
    throw invalidRequest(`Invalid value for ${path.join('.')}: ${reason}.`, { field: path.join('.'), reason });
  }
  if (typeof value !== 'object' || value === null) return;
  if (path.length > MAX_DEPTH) {
    const [field] = path;
    throw invalidRequest(`${field} is nested too deeply.`, { field, reason: `at most ${MAX_DEPTH} levels` });
  }
  for (const [name, item] of Object.entries(value)) {
    // validators skip this name, so that it would vanish without a word
    if (name === '__proto__' || !isStorable(name)) {
      const field = [...path, name].join('.').toWellFormed().replaceAll('\0', '\uFFFD');
      throw invalidRequest(`Unknown field: ${field}.`, { field, reason: 'unknown field' });
    }
    requireStorable(item, [...path, name]);
  }
}

const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

function join(given: Record<string, unknown>, params: Record<string, string>, kind: string): Record<string, unknown> {
  for (const name of Object.keys(params)) {
    if (name in given) throw invalidRequest(`Unknown ${kind}: ${name}.`, { field: name, reason: `unknown ${kind}` });
  }
  return { ...given, ...params };
}
