import type { DirectHook, Received } from '../../connectors/connector.ts';
import { connectionActor, receiveLeads } from '../connections/leads.ts';
import { AppError, forbidden, fromDatabase } from '../errors.ts';
import { execute } from '../operations/execute.ts';
import type { Gateway } from './gateway.ts';
import { type CalledHook, hookRequest, readBody } from './hook-request.ts';
import { limitRequest, placeOf } from './limit.ts';
import type { GatewayResponse, Request } from './locals.ts';
import { escapeHtml, PAGE_HEADERS, page, refuse, wantsPage } from './page.ts';

// Hooks that a visitor of a website waits for. A script gets JSON, a browser that sent a plain form a page or a redirect. No answer
// holds an id, or tells whether the lead is new.

/** Says which pages may read the answer. Returns whether the calling one may send at all; one that does not say who it is may. */
export function setOrigin(req: Request, res: GatewayResponse, allowed: readonly string[]): boolean {
  const { origin } = req.headers;
  if (allowed.length > 0) res.vary('Origin');
  if (origin === undefined) return true;
  if (allowed.length > 0 && !allowed.includes(origin)) return false;
  res.setHeader('Access-Control-Allow-Origin', allowed.length > 0 ? origin : '*');
  res.setHeader('Access-Control-Expose-Headers', 'Retry-After, X-Request-Id');
  if (req.method === 'OPTIONS') {
    res.setHeader('Access-Control-Allow-Methods', 'POST');
    res.setHeader('Access-Control-Allow-Headers', 'Content-Type, X-Requested-With');
    res.setHeader('Access-Control-Max-Age', '600');
  }
  return true;
}

export async function receiveForm(
  gateway: Gateway,
  req: Request,
  res: GatewayResponse,
  called: CalledHook,
  hook: DirectHook,
  fromAllowedPage: boolean,
): Promise<void> {
  try {
    if (!fromAllowedPage) throw forbidden('This page may not send this form.');
    await limit(gateway, req, res, called, hook);
    await readBody(req, res);
    const request = hookRequest(req, gateway.core.services.publicUrl);
    if (request.rawBody.length > hook.maxSize(called.config)) {
      throw new AppError(413, 'payload_too_large', 'The form is too large.', {
        reason: `at most ${hook.maxSize(called.config)} bytes`,
      });
    }
    const received = await hook.receive(request, called.config, { name: called.row.name, now: new Date() });
    if ('errors' in received) return refuseFields(req, res, received.errors);
    await keep(gateway, res, called, received.leads);
    thank(req, res, received);
  } catch (error) {
    refuse(req, res, fromDatabase(error, gateway.core.reasons) ?? error, 'Form', 'The form was not sent');
  }
}

/** One address first, so that it does not use up what all have together. */
async function limit(
  gateway: Gateway,
  req: Request,
  res: GatewayResponse,
  { row, config }: CalledHook,
  hook: DirectHook,
): Promise<void> {
  const { perAddress, inAll } = hook.limits(config);
  for (const [who, perMinute] of [
    [`hook:${row.id}:${placeOf(req)}`, perAddress],
    [`hook:${row.id}`, inAll],
  ] as const) {
    await limitRequest(res, gateway.limiter, gateway.metrics, who, { perMinute, burst: perMinute });
  }
}

async function keep(
  gateway: Gateway,
  res: GatewayResponse,
  { row }: CalledHook,
  leads: Extract<Received, { leads: unknown }>['leads'],
): Promise<void> {
  if (leads.length > 0) {
    const actor = connectionActor(row.organization_id, 'api', res.locals.requestId);
    await execute(gateway.core, receiveLeads, actor, leads, { contract: 'eal' });
  }
  // the lead is in: told that it failed, the visitor would send the form again, which makes another
  await gateway.core.pool
    .query({
      name: 'note_connection',
      text: 'select app.note_connection($1, $2, $3, $4, $5)',
      values: [row.organization_id, row.id, true, leads.length > 0, null],
    })
    .catch((error) =>
      gateway.log.warn({ err: error, connection: row.id }, 'it could not be noted that a form came in'),
    );
}

function thank(
  req: Request,
  res: GatewayResponse,
  { redirect, message }: { redirect?: string; message?: string },
): void {
  res.vary('Accept');
  if (!wantsPage(req)) res.status(201).json({ ok: true });
  else if (redirect !== undefined) res.redirect(303, redirect);
  else
    res
      .status(200)
      .set(PAGE_HEADERS)
      .send(page('Thank you', `<h1>Thank you</h1><p>${escapeHtml(message ?? '')}</p>`));
}

/** All that is to be corrected, at once. */
function refuseFields(req: Request, res: GatewayResponse, errors: Record<string, string>): void {
  const [[field, reason] = ['', '']] = Object.entries(errors);
  res.status(400).vary('Accept');
  if (!wantsPage(req)) {
    const details = { field, reason, fields: errors };
    res.json({ error: { code: 'invalid_request', message: `Invalid value for ${field}: ${reason}.`, details } });
    return;
  }
  const items = Object.entries(errors).map(
    ([name, why]) => `<li><strong>${escapeHtml(name)}</strong> ${escapeHtml(why)}</li>`,
  );
  res.set(PAGE_HEADERS);
  res.send(page('Please correct the form', `<h1>Please go back and correct the form</h1><ul>${items.join('')}</ul>`));
}
