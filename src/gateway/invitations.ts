import { createHash } from 'node:crypto';
import express, { type Router } from 'express';
import { runInScope } from '../database/transaction.ts';
import { fromDatabase, notFound } from '../errors.ts';
import { generateApiKey } from '../security/api-key.ts';
import type { Gateway } from './gateway.ts';
import { limitAnonymous } from './identify.ts';
import type { GatewayResponse, Request } from './locals.ts';
import { escapeHtml, PAGE_HEADERS, page, refuse, wantsPage } from './page.ts';

// Accepting an invitation: a page for a browser, JSON for everybody else, at the link that POST /organizations answered with.
// Opening the link changes nothing (mail scanners open links); the button, or a POST, accepts.

interface Invitation {
  organization_name: string;
  email: string;
  expires_at: Date;
  state: 'open' | 'accepted' | 'expired';
}

const hashOf = (token: unknown): Buffer => createHash('sha256').update(String(token)).digest();

export function invitations(gateway: Gateway): Router {
  const router = express.Router();
  const { pool, reasons } = gateway.core;
  const anonymous = (res: GatewayResponse) => ({
    role: 'anon' as const,
    claims: JSON.stringify({ source: 'api', correlation_id: res.locals.requestId }),
  });

  router.use('/:token', async (req: Request, res: GatewayResponse, next) => {
    res.locals.route = '/invite/{token}';
    res.setHeader('Cache-Control', 'no-store');
    await limitAnonymous(gateway, req, res);
    next();
  });

  router.get('/:token', async (req: Request, res: GatewayResponse) => {
    try {
      const found = await runInScope<Invitation & Record<string, unknown>>(
        pool,
        anonymous(res),
        { text: 'select * from app.show_invitation($1)', values: [hashOf(req.params.token)] },
        { readOnly: true },
      );
      const invitation = found.rows[0];
      if (!invitation) throw notFound('No such invitation.');
      const { organization_name: organization, email, state } = invitation;
      const body = { organization, email, state, expires_at: invitation.expires_at.toISOString() };
      show(req, res, 200, body, invitationPage(body));
    } catch (error) {
      refuse(req, res, fromDatabase(error, reasons) ?? error, 'Invitation', 'This invitation cannot be used');
    }
  });

  router.post('/:token', async (req: Request, res: GatewayResponse) => {
    const made = generateApiKey('eal', 'live');
    try {
      const accepted = await runInScope<{ organization_id: string; organization_name: string }>(pool, anonymous(res), {
        text: 'select * from app.accept_invitation($1, $2, $3)',
        values: [hashOf(req.params.token), made.hash, made.displayPrefix],
      });
      const row = accepted.rows[0];
      if (!row) throw notFound('No such invitation.');
      const body = {
        organization: row.organization_name,
        organization_id: row.organization_id,
        scopes: ['admin', 'read', 'write'],
        key: made.key,
        _warning: 'Save this key now. It will not be shown again.',
      };
      show(req, res, 201, body, keyPage(body.organization, body.key));
    } catch (error) {
      refuse(req, res, fromDatabase(error, reasons) ?? error, 'Invitation', 'This invitation cannot be used');
    }
  });
  return router;
}

function show(req: Request, res: GatewayResponse, status: number, body: object, html: string): void {
  res.status(status).vary('Accept');
  if (wantsPage(req)) res.set(PAGE_HEADERS).send(html);
  else res.json(body);
}

function invitationPage(invitation: {
  organization: string;
  email: string;
  state: string;
  expires_at: string;
}): string {
  const name = escapeHtml(invitation.organization);
  const status: Record<string, string> = {
    open: `<form method="post"><button type="submit">Accept and show the key</button></form>
      <p class="note">Works once, until ${escapeHtml(invitation.expires_at.slice(0, 16).replace('T', ' '))} UTC. The key is shown on the next page only.</p>`,
    accepted: '<p>This invitation has been accepted already.</p>',
    expired: '<p>This invitation has expired. Ask the operator of this service for a key.</p>',
  };
  return page(
    `Invitation to ${invitation.organization}`,
    `<h1>You are invited to administer ${name}</h1>
     <p>The invitation is for <strong>${escapeHtml(invitation.email)}</strong>. Accepting it makes the first admin key of ${name}.</p>
     ${status[invitation.state] ?? ''}`,
  );
}

const keyPage = (organization: string, key: string): string =>
  page(
    `Key of ${organization}`,
    `<h1>The admin key of ${escapeHtml(organization)}</h1>
     <code class="key">${escapeHtml(key)}</code>
     <p><strong>Save this key now. It will not be shown again.</strong></p>
     <p class="note">Send it with every request: <code>Authorization: Bearer &lt;key&gt;</code></p>`,
  );
