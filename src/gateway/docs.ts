import { createHash } from 'node:crypto';
import express, { type NextFunction, type Router } from 'express';
import type { Contract } from '../contracts/contract.ts';
import { contractNamed, contracts } from '../contracts/registry.ts';
import { bearer, chooseContract } from './authenticate.ts';
import { overviewPage } from './docs/overview.ts';
import { referencePage } from './docs/reference.ts';
import type { Gateway } from './gateway.ts';
import type { GatewayResponse, Request } from './locals.ts';
import { openApiDocument } from './openapi.ts';
import { PAGE_HEADERS } from './page.ts';

// What the contracts say of themselves, for everybody, without a key. It changes only with the software, so it is made once
// and asked for again by ETag.

interface Made {
  body: string;
  tag: string;
}

/** OpenAPI documents at /openapi/<contract>.json and <base path>/openapi.json, the reference for people at /docs. */
export function docs(gateway: Gateway): Router {
  const router = express.Router({ caseSensitive: true });
  const made = new Map<string, Made>();
  // the address is known only once the gateway listens
  const document = (contract: Contract) => openApiDocument(contract, { url: gateway.core.services.publicUrl });

  function once(name: string, make: () => string): Made {
    const key = `${gateway.core.services.publicUrl} ${name}`;
    let known = made.get(key);
    if (!known) {
      const body = make();
      // weak: compressed or not, it is the same
      known = { body, tag: `W/"${createHash('sha1').update(body).digest('base64url')}"` };
      made.set(key, known);
    }
    return known;
  }

  const sendDocument = (contract: Contract, req: Request, res: GatewayResponse): void =>
    send(
      req,
      res,
      once(`${contract.name}.json`, () => JSON.stringify(document(contract))),
      {
        'Content-Type': 'application/json; charset=utf-8',
      },
    );

  router.get('/openapi/:file', (req: Request, res: GatewayResponse, next: NextFunction) => {
    const contract = fromName(String(req.params.file).replace(/\.json$/, ''));
    if (!contract || !String(req.params.file).endsWith('.json')) return next();
    sendDocument(contract, req, res);
  });
  for (const basePath of new Set(contracts.map((contract) => contract.basePath))) {
    // the same rule as for requests: the key's prefix decides between those that share a path, and no key is the first one's
    router.get(`${basePath}/openapi.json`, (req: Request, res: GatewayResponse) => {
      res.vary('Authorization');
      sendDocument(chooseContract(basePath, bearer(req)), req, res);
    });
  }

  // what a person opens who was told only the gateway's address
  router.get('/', (_req: Request, res: GatewayResponse) => res.redirect(302, '/docs'));
  router.get('/docs', (req: Request, res: GatewayResponse) => {
    const [only, ...others] = contracts;
    if (only && others.length === 0) return res.redirect(302, `/docs/${only.name}`);
    send(
      req,
      res,
      once('docs', () => overviewPage(contracts, gateway.core.services.publicUrl)),
      PAGE_HEADERS,
    );
  });
  router.get('/docs/:name', (req: Request, res: GatewayResponse, next: NextFunction) => {
    const contract = fromName(String(req.params.name));
    if (!contract) return next();
    send(
      req,
      res,
      once(`docs ${contract.name}`, () => referencePage(contract, document(contract))),
      PAGE_HEADERS,
    );
  });
  return router;
}

const fromName = (name: string): Contract | undefined => contractNamed(name as Contract['name']);

function send(req: Request, res: GatewayResponse, { body, tag }: Made, headers: Record<string, string>): void {
  res.locals.route = req.path;
  res.set(headers);
  res.setHeader('ETag', tag);
  res.setHeader('Cache-Control', 'public, no-cache');
  // not req.fresh: fetch sends Cache-Control: no-cache of its own accord beside If-None-Match
  if (req.headers['if-none-match']?.includes(tag)) {
    res.status(304).end();
    return;
  }
  res.end(req.method === 'HEAD' ? undefined : body);
}
