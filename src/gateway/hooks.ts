import express, { type Router } from 'express';
import type { StoredHook } from '../../connectors/connector.ts';
import { connectorNamed } from '../../connectors/registry.ts';
import { type ConnectionRow, openConnection, UnusableConnection } from '../connections/opened.ts';
import { hashHookToken } from '../domain/connections.ts';
import { AppError, forbidden, notFound } from '../errors.ts';
import type { Gateway } from './gateway.ts';
import { receiveForm, setOrigin } from './hook-forms.ts';
import { type CalledHook, hookRequest, readBody } from './hook-request.ts';
import { limitAnonymous } from './identify.ts';
import type { GatewayResponse, Request } from './locals.ts';

// Where outside services and forms call in: /hooks/{vendor}/{token}. The token names the connection, and so the organization;
// what must be true besides (a signature, an origin) is the connector's to say.

/** 24 random bytes in base64url. */
const TOKEN = /^[A-Za-z0-9_-]{32}$/;
const METHODS = ['GET', 'POST', 'OPTIONS'];

export function hooks(gateway: Gateway): Router {
  const router = express.Router();
  router.all('/:vendor/:token', async (req: Request, res: GatewayResponse) => {
    const { vendor = '', token = '' } = req.params as Record<string, string>;
    res.locals.route = `/hooks/${connectorNamed(vendor) ? vendor : '{vendor}'}/{token}`;
    res.setHeader('Cache-Control', 'no-store');
    if (!METHODS.includes(req.method)) throw methodNotAllowed(res, METHODS);

    const called = await find(gateway, vendor, token);
    if (!called) {
      await limitAnonymous(gateway, req, res);
      throw notFound('There is no such hook.');
    }
    const { hook } = called.connector;
    if (hook?.kind === 'direct') {
      const allowed = setOrigin(req, res, hook.origins(called.config));
      if (req.method === 'POST') await receiveForm(gateway, req, res, called, hook, allowed);
      else if (req.method === 'OPTIONS') res.status(allowed ? 204 : 403).end();
      else throw methodNotAllowed(res, ['POST', 'OPTIONS']);
    } else if (hook?.kind === 'stored') {
      if (req.method === 'POST') await store(gateway, req, res, called, hook);
      else if (req.method === 'GET' && hook.handshake) await shakeHands(gateway, req, res, called, hook.handshake);
      else throw methodNotAllowed(res, hook.handshake ? ['GET', 'POST'] : ['POST']);
    }
  });
  return router;
}

/** Whoever has the token of an enabled connection of that vendor; every other case looks the same. */
async function find(gateway: Gateway, vendor: string, token: string): Promise<CalledHook | undefined> {
  if (!connectorNamed(vendor)?.hook || !TOKEN.test(token)) return undefined;
  const { rows } = await gateway.core.pool.query<ConnectionRow & { id: string }>({
    name: 'find_hook',
    text: 'select * from app.find_hook($1, $2)',
    values: [vendor, hashHookToken(token)],
  });
  const [row] = rows;
  if (!row) return undefined;
  try {
    return { ...openConnection(row, gateway.core.services.encryption), row };
  } catch (error) {
    if (!(error instanceof UnusableConnection)) throw error;
    await noteFailure(gateway, row, error.message);
    // not the caller's fault: a service tries again later
    throw new AppError(503, 'service_unavailable', 'This hook cannot be used at the moment.', {}, { cause: error });
  }
}

async function shakeHands(
  gateway: Gateway,
  req: Request,
  res: GatewayResponse,
  { config }: CalledHook,
  handshake: NonNullable<StoredHook['handshake']>,
): Promise<void> {
  const answer = handshake(hookRequest(req, gateway.core.services.publicUrl).query, config);
  if (answer === undefined) {
    await limitAnonymous(gateway, req, res);
    throw forbidden('The handshake is refused.');
  }
  res.type('text/plain').send(answer);
}

/** Stored first, answered then: what was acknowledged is never lost, and the service does not wait for what it leads to. */
async function store(
  gateway: Gateway,
  req: Request,
  res: GatewayResponse,
  { row, config }: CalledHook,
  hook: StoredHook,
): Promise<void> {
  await readBody(req, res);
  const request = hookRequest(req, gateway.core.services.publicUrl);
  if (!hook.verify(request, config)) {
    await limitAnonymous(gateway, req, res);
    // mostly it is the secret that was entered wrong, and the operator who looks for the reason
    await noteFailure(gateway, row, 'A call was refused: its signature does not match.');
    throw new AppError(401, 'invalid_signature', 'The signature does not match.');
  }
  const kept = hook.keepHeaders.map((name) => [name, request.headers[name]]).filter(([, value]) => value !== undefined);
  await gateway.core.pool.query({
    name: 'store_hook_receipt',
    text: 'select app.store_hook_receipt($1, $2, $3, $4)',
    values: [row.organization_id, row.id, JSON.stringify(Object.fromEntries(kept)), request.rawBody],
  });
  if (hook.answer) res.type(hook.answer.type).send(hook.answer.body);
  else res.json({ ok: true });
}

async function noteFailure(gateway: Gateway, row: CalledHook['row'], error: string): Promise<void> {
  await gateway.core.pool.query({
    name: 'note_connection',
    text: 'select app.note_connection($1, $2, $3, $4, $5)',
    values: [row.organization_id, row.id, false, false, error],
  });
}

function methodNotAllowed(res: GatewayResponse, methods: string[]): AppError {
  res.setHeader('Allow', methods.join(', '));
  return new AppError(405, 'method_not_allowed', 'This method is not allowed here.', {
    reason: `must be ${methods.join(' or ')}`,
  });
}
