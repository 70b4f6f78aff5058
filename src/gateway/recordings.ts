import { pipeline } from 'node:stream/promises';
import express, { type Router } from 'express';
import { notFound } from '../errors.ts';
import type { StoredFile } from '../storage/storage.ts';
import type { Gateway } from './gateway.ts';
import { limitAnonymous } from './identify.ts';
import type { GatewayResponse, Request } from './locals.ts';

// Recordings, at the signed addresses that calls are shown with. Whoever holds an address may listen for an hour: a player in a
// browser brings no key.

/** The id of a call, without its prefix. */
const CALL = /^[0-9a-hjkmnp-tv-z]{26}$/;
/** Without zeros before it: what is signed is the number, and no character of the address may change. */
const EXPIRES = /^[1-9]\d{0,11}$/;
const SIGNATURE = /^[\w-]{43}$/;

export function recordings(gateway: Gateway): Router {
  const router = express.Router();
  const { pool } = gateway.core;

  router.get('/:call', async (req: Request, res: GatewayResponse) => {
    res.locals.route = '/recordings/{call}';
    res.setHeader('Referrer-Policy', 'no-referrer');
    const { call } = req.params;
    const { exp, sig } = req.query;
    const wellFormed = CALL.test(String(call)) && EXPIRES.test(String(exp)) && SIGNATURE.test(String(sig));
    const { rows } = wellFormed
      ? await pool.query<{ storage_key: string; media_type: string }>(
          "select * from app.open_recording(app.typeid_uuid('call', $1), $2, $3)",
          [`call_${call}`, exp, sig],
        )
      : { rows: [] };
    const [found] = rows;
    const file = found && (await gateway.storage.open(found.storage_key));
    if (!found || !file) {
      await limitAnonymous(gateway, req, res);
      res.setHeader('Cache-Control', 'no-store');
      throw notFound('No such recording, or its address is no longer valid. Fetch the call again for a new address.');
    }
    // no longer than the address itself
    res.setHeader('Cache-Control', `private, max-age=${Math.max(0, Number(exp) - Math.floor(Date.now() / 1000))}`);
    res.setHeader('Content-Type', found.media_type);
    res.setHeader('Content-Disposition', 'inline');
    res.setHeader('Content-Security-Policy', "default-src 'none'; media-src 'self'; sandbox");
    await serve(req, res, file, gateway);
  });
  return router;
}

/** The whole, or the range asked for: a player asks for the end first, and jumps. */
async function serve(req: Request, res: GatewayResponse, file: StoredFile, gateway: Gateway): Promise<void> {
  const { size, version } = file;
  const tag = `"${version}"`;
  res.setHeader('Accept-Ranges', 'bytes');
  res.setHeader('ETag', tag);
  if (req.fresh) return void res.status(304).end();

  const condition = req.headers['if-range'];
  // the end of what is shorter than the end that is asked for is the whole of it; the parser would refuse that
  const [, end] = /^bytes=-(\d{1,15})$/.exec(req.headers.range ?? '') ?? [];
  if (Number(end) > size) req.headers.range = 'bytes=0-';
  const ranges = condition === undefined || condition === tag ? req.range(size, { combine: true }) : undefined;
  if (ranges === -1) {
    res.setHeader('Content-Range', `bytes */${size}`);
    return void res.status(416).end();
  }
  // several ranges at once are answered with the whole, as no player asks for them
  const range = Array.isArray(ranges) && ranges.type === 'bytes' && ranges.length === 1 ? ranges[0] : undefined;
  if (range) {
    res.status(206).setHeader('Content-Range', `bytes ${range.start}-${range.end}/${size}`);
  }
  res.setHeader('Content-Length', range ? range.end - range.start + 1 : size);
  if (req.method === 'HEAD') return void res.end();
  try {
    await pipeline(await file.read(range), res);
  } catch (error) {
    // a listener who goes away, or a storage that breaks off: the connection ends before the length that was promised
    if (!res.headersSent) throw error;
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') {
      gateway.log.warn({ err: error }, 'a recording broke off');
    }
  }
}
