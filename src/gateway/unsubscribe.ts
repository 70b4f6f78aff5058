import express, { type Router } from 'express';
import { readUnsubscribeToken, type UnsubscribeSubject } from '../connections/unsubscribe.ts';
import { runInScope } from '../database/transaction.ts';
import { claimsOf, type SystemActor, systemActor } from '../operations/actor.ts';
import type { Gateway } from './gateway.ts';
import { limitAnonymous } from './identify.ts';
import type { GatewayResponse, Request } from './locals.ts';
import { escapeHtml, PAGE_HEADERS, page } from './page.ts';

// Where the link in a mail leads. Opening it changes nothing (scanners and previews open links); the button, or the POST that a mail
// program makes of List-Unsubscribe-Post (RFC 8058), unsubscribes at once, as often as it comes.

interface Unsubscribed {
  address: string;
  organization_name: string;
  suppressed: boolean;
  [column: string]: unknown;
}

/** What a mail program posts; anything else comes from the page. */
const ONE_CLICK = 'List-Unsubscribe';

export function unsubscribe(gateway: Gateway): Router {
  const router = express.Router();

  router.use('/:token', async (req: Request, res: GatewayResponse, next) => {
    res.locals.route = '/unsubscribe/{token}';
    res.setHeader('Cache-Control', 'no-store');
    // who guesses is limited; a mail provider unsubscribes all of its users from a few addresses
    if (!subjectOf(gateway, req)) await limitAnonymous(gateway, req, res);
    next();
  });
  router.get('/:token', async (req: Request, res: GatewayResponse) => {
    show(res, await told(gateway, req, res, null));
  });
  router.post(
    '/:token',
    express.urlencoded({ extended: false, limit: '10kb', parameterLimit: 10 }),
    async (req: Request, res: GatewayResponse) => {
      const oneClick = ONE_CLICK in ((req.body as object | undefined) ?? {});
      show(res, await told(gateway, req, res, oneClick ? 'list-unsubscribe-header' : 'unsubscribe-page'));
    },
  );
  return router;
}

/** The mail that the link is in. */
function subjectOf(gateway: Gateway, req: Request): UnsubscribeSubject | undefined {
  const { token } = req.params as { token?: string };
  return readUnsubscribeToken(token ?? '', gateway.core.services.encryption);
}

/** Who was written to, by whom; with a source, unsubscribed. Undefined for a link that leads to nothing. */
async function told(
  gateway: Gateway,
  req: Request,
  res: GatewayResponse,
  source: string | null,
): Promise<Unsubscribed | undefined> {
  const subject = subjectOf(gateway, req);
  if (!subject) return undefined;
  const { rows } = await runInScope<Unsubscribed>(
    gateway.core.pool,
    { role: 'tenant', claims: claimsOf(recipient(subject, res)) },
    { text: 'select * from app.unsubscribe($1, $2)', values: [subject.messageId, source] },
    { readOnly: source === null },
  );
  return rows[0];
}

/** Whoever holds the link: of all that the organization may do, this. */
const recipient = ({ organizationId }: UnsubscribeSubject, res: GatewayResponse): SystemActor => ({
  ...systemActor(organizationId, 'api', res.locals.requestId),
  scopes: ['outreach.write'],
});

function show(res: GatewayResponse, told: Unsubscribed | undefined): void {
  res.set(PAGE_HEADERS);
  if (!told) {
    res.status(404).send(page('Unsubscribe', '<h1>This link leads to nothing</h1><p>Was it copied whole?</p>'));
    return;
  }
  const [name, address] = [escapeHtml(told.organization_name), escapeHtml(told.address)];
  const body = told.suppressed
    ? `<h1>You are unsubscribed</h1><p>${name} sends no more mail to <strong>${address}</strong>.</p>`
    : `<h1>No more mail from ${name}?</h1><p>It was sent to <strong>${address}</strong>.</p>
       <form method="post"><button type="submit">Unsubscribe</button></form>`;
  res.send(page('Unsubscribe', body));
}
