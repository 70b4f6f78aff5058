import { AppError } from '../errors.ts';
import type { GatewayResponse, Request } from './locals.ts';

// Pages for people: few, small, without scripts or anything from elsewhere.

export const escapeHtml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');

/** Headers of every page: nothing is loaded, framed or told to other sites. */
export const PAGE_HEADERS: Record<string, string> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Frame-Options': 'DENY',
};

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 40rem; margin: 10vh auto; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
code, .key { font-family: ui-monospace, monospace; }
.key { display: block; padding: 1rem; border: 1px solid currentcolor; border-radius: .5rem; overflow-wrap: anywhere; user-select: all; }
button { font: inherit; padding: .6rem 1.4rem; border: 0; border-radius: .5rem; background: #1f5eff; color: #fff; cursor: pointer; }
.note { opacity: .75; }
`;

/** A page. `body` is HTML: what goes into it must have been escaped. */
export const page = (title: string, body: string): string =>
  `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body>${body}</body></html>\n`;

/** Whether it is a browser that asks: everybody else gets JSON. */
export const wantsPage = (req: Request): boolean => req.accepts(['json', 'html']) === 'html';

/** A person gets a page that says what is wrong; everybody else the usual error. */
export function refuse(req: Request, res: GatewayResponse, error: unknown, title: string, heading: string): void {
  if (!(error instanceof AppError) || !wantsPage(req)) throw error;
  res.status(error.status).vary('Accept').set(PAGE_HEADERS);
  res.send(page(title, `<h1>${heading}</h1><p>${escapeHtml(error.message)}</p>`));
}
