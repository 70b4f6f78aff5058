import express from 'express';
import type { HookRequest } from '../../connectors/connector.ts';
import type { ConnectionRow, OpenedConnection } from '../connections/opened.ts';
import type { GatewayResponse, Request } from './locals.ts';

/** A connection whose hook was called. */
export interface CalledHook extends OpenedConnection {
  row: ConnectionRow & { id: string };
}

/** Byte for byte, as signatures cover it; nobody who calls hooks compresses. */
const rawBody = express.raw({ limit: '1mb', type: () => true, inflate: false });

export const readBody = (req: Request, res: GatewayResponse): Promise<void> =>
  new Promise((resolve, reject) => {
    rawBody(req, res, (error?: unknown) => (error ? reject(error) : resolve()));
  });

/** The request as a connector sees it. `publicUrl`: how the outside reaches the gateway, whatever proxies stand before it. */
export function hookRequest(req: Request, publicUrl: string): HookRequest {
  const headers = Object.entries(req.headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : value,
  ]);
  const [, query = ''] = /\?(.*)$/s.exec(req.originalUrl) ?? [];
  return {
    url: `${publicUrl}${req.originalUrl}`,
    headers: Object.fromEntries(headers),
    query: new URLSearchParams(query),
    // a request without a body leaves none
    rawBody: Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0),
  };
}
