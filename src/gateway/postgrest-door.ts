import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, { type Router } from 'express';
import { SignJWT } from 'jose';
import { Agent, type Dispatcher, request } from 'undici';
import { AppError, forbidden, invalidRequest, notFound } from '../errors.ts';
import { claimsOf, type KeyActor, roleOf } from '../operations/actor.ts';
import type { Gateway } from './gateway.ts';
import { identify } from './identify.ts';
import type { GatewayResponse, Request } from './locals.ts';
import { createPlaces } from './places.ts';

// The SQL-minded door: PostgREST over the api views, with its whole filter language. The key becomes a JWT of 60 seconds
// that names organization, key and scopes; policies, audit and events are the core's, as everywhere.

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Between two hops, or ours to set. */
const NOT_FORWARDED = new Set([
  'authorization',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'host',
  'expect',
  'x-organization-id',
  'proxy-authorization',
  'accept-encoding',
  'content-length',
  'x-request-id',
]);
/**
 * Requests of one organization that are with PostgREST at once; more wait for their turn. PostgREST has ten connections to the database
 * unless it is told otherwise, and a query goes on there for up to ten seconds, whether its client waits or not: whoever took all of them
 * would close the door to everybody else.
 */
const PLACES_PER_ORGANIZATION = 4;
const NOT_RETURNED = new Set(['connection', 'keep-alive', 'transfer-encoding', 'server', 'date']);

export function postgrestDoor(gateway: Gateway): Router {
  const router = express.Router();
  const connections = Math.max(gateway.databasePoolSize, 4 * PLACES_PER_ORGANIZATION);
  const agent = new Agent({ connections, keepAliveTimeout: 10_000 });
  gateway.onClose(() => agent.close());
  const places = createPlaces(PLACES_PER_ORGANIZATION);
  const secret = new TextEncoder().encode(gateway.postgrest.jwtSecret);

  router.use(identify(gateway, { anonymous: () => false, accepts: () => true }));
  router.use(async (req: Request, res: GatewayResponse) => {
    res.locals.route = '/rest/v1';
    const actor = res.locals.actor as KeyActor;
    requireMethod(actor, req.method);
    const target = req.headers['x-organization-id'];
    if (target !== undefined && !UUID.test(String(target))) {
      throw invalidRequest('X-Organization-Id is not the id of an organization.', {
        field: 'X-Organization-Id',
        reason: 'must be a UUID',
      });
    }
    // said rather than ignored: whoever names one business means no other
    if (target !== undefined && actor.reach === 'workspace') {
      throw invalidRequest('X-Organization-Id is for keys of one organization.', {
        field: 'X-Organization-Id',
        reason: 'a workspace key reads all of its businesses; filter by organization_id=eq.…',
      });
    }
    const left = new AbortController();
    res.once('close', () => left.abort());
    const give = await places.take(actor.organizationId, left.signal).catch(() => undefined);
    // the client has left; there is nobody to answer
    if (!give) return;
    const claims = { ...JSON.parse(claimsOf(readers(actor), target as string | undefined)), role: roleOf(actor) };
    const answer = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('60s')
      .sign(secret)
      .then((token) => ask(gateway, agent, req, token, left.signal))
      .finally(give);
    if (answer) await pass(answer, req, res, left.signal);
  });
  return router;
}

/**
 * The actor without the scopes of resources that it may not read: a view that is written to also answers with rows. (The core asks
 * for any scope of a resource, as what an operation has just written may be shown.)
 */
const readers = (actor: KeyActor): KeyActor => {
  const resourceOf = (scope: string): string => scope.slice(0, scope.indexOf('.'));
  return {
    ...actor,
    scopes: actor.scopes.filter(
      (scope) => actor.scopes.includes(`${resourceOf(scope)}.read`) || scope.endsWith('.admin'),
    ),
  };
};

/** Reading needs a scope to read, anything else one to write. Which rows and columns, the policies and grants say. */
function requireMethod(actor: KeyActor, method: string): void {
  const reads = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  const wanted = reads ? /\.read$/ : /\.(write|admin)$/;
  if (!actor.scopes.some((scope) => wanted.test(scope))) {
    throw forbidden(`The API key lacks a scope to ${reads ? 'read' : 'write'}.`);
  }
}

/**
 * Preferences with every count a count: what the planner expects of a filter it knows from the values of all organizations, whichever
 * rows may be read.
 */
const counting = (prefer: string): string => prefer.replace(/\bcount=(planned|estimated)\b/gi, 'count=exact');

/** Path and query, also of a request that names the whole address, as those to a proxy do. */
function targetOf(req: Request): string {
  const target = req.url.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?]*/i, '');
  // PostgREST takes what is before a NUL for the name, and then breaks off while it answers
  if (/%00/.test(target.split('?', 1)[0] as string)) throw notFound('There is nothing at this path.');
  // PostgREST takes a semicolon for an ampersand
  const selected = new URLSearchParams(target.split('?').slice(1).join('?').replaceAll(';', '&')).getAll('select');
  if (selected.some((columns) => NAMING.test(columns)))
    throw invalidRequest('Nothing can be cast to a name of the database’s own.', {
      field: 'select',
      reason: 'must cast to no reg… type, nor to aclitem',
    });
  return target;
}

/** Casts to these look numbers up and tell names: of roles, say, and so how the logins of others are called. */
const NAMING = /::[\s"]*(pg_catalog["\s]*\.[\s"]*)?_?(reg[a-z]+|aclitem)/i;

/** PostgREST's answer, which begins when it has all rows. Undefined when the client left meanwhile. */
async function ask(
  gateway: Gateway,
  agent: Agent,
  req: Request,
  token: string,
  left: AbortSignal,
): Promise<Dispatcher.ResponseData | undefined> {
  const headers: Record<string, string | string[]> = { authorization: `Bearer ${token}` };
  for (const [name, value] of Object.entries(req.headers)) {
    if (value !== undefined && !NOT_FORWARDED.has(name)) headers[name] = value;
  }
  if (headers.prefer !== undefined) headers.prefer = counting(String(headers.prefer));
  const length = req.headers['content-length'];
  if (length !== undefined) headers['content-length'] = length;
  const hasBody = length !== undefined ? length !== '0' : req.headers['transfer-encoding'] !== undefined;
  if (Number(length ?? 0) > 1024 * 1024)
    throw new AppError(413, 'payload_too_large', 'The body is larger than 1 MiB.', { reason: 'at most 1 MiB' });

  const answer = await request(`${gateway.postgrest.url}${targetOf(req)}`, {
    method: req.method as 'GET',
    headers,
    body: hasBody ? Readable.from(capped(req)) : null,
    dispatcher: agent,
    // not ended when the client leaves: the query goes on, and so it keeps its place
    headersTimeout: 30_000,
    bodyTimeout: 30_000,
  }).catch((error: unknown) => {
    if (error instanceof AppError) throw error;
    if (left.aborted) return undefined;
    throw new AppError(
      503,
      'service_unavailable',
      'The database door is temporarily unavailable. Try again shortly.',
      {},
      { cause: error },
    );
  });
  if (!left.aborted) return answer;
  if (answer) drop(answer);
  return undefined;
}

/** What comes of it is nobody's; the error of a body that is cut off is the answer to that. */
const drop = ({ body }: Dispatcher.ResponseData): void => void body.on('error', () => undefined).destroy();

async function pass(
  answer: Dispatcher.ResponseData,
  req: Request,
  res: GatewayResponse,
  left: AbortSignal,
): Promise<void> {
  if (answer.statusCode === 500) await explain500(answer, req);
  res.statusCode = answer.statusCode;
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined && !NOT_RETURNED.has(name)) res.setHeader(name, value);
  }
  // PostgREST does not know that it stands behind this path
  const location = answer.headers.location;
  if (typeof location === 'string' && location.startsWith('/')) res.setHeader('Location', `${req.baseUrl}${location}`);
  res.setHeader('Cache-Control', 'no-store');
  // a client may leave between two steps, too: to its stream nothing can be piped
  if (res.destroyed) return drop(answer);
  await pipeline(answer.body, res).catch((error: unknown) => {
    if (!left.aborted) throw error;
  });
}

/**
 * What PostgREST calls an error of the server although it is none: writing to a view that cannot be written (55000), and a
 * query that took too long (57014).
 */
async function explain500(answer: Dispatcher.ResponseData, req: Request): Promise<never> {
  const { code, message } = (await answer.body.json().catch(() => ({}))) as { code?: string; message?: string };
  if (req.method !== 'GET' && req.method !== 'HEAD' && code === '55000') {
    throw new AppError(405, 'method_not_allowed', 'This view can only be read.');
  }
  if (code === '57014') {
    throw new AppError(
      503,
      'service_unavailable',
      'The query took too long. Ask for less, or filter by an indexed column.',
    );
  }
  throw new Error(`PostgREST answered 500: ${code} ${message}`);
}

/** A body without a length is counted as it passes. */
async function* capped(req: Request): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > 1024 * 1024)
      throw new AppError(413, 'payload_too_large', 'The body is larger than 1 MiB.', { reason: 'at most 1 MiB' });
    yield chunk;
  }
}
