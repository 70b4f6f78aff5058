import { createServer } from 'node:http';

const { subtle } = globalThis.crypto; // Web Crypto: the same in Node.js, Deno, Bun, browsers and edge workers
const bytes = (text) => new TextEncoder().encode(text);
const algorithm = { name: 'HMAC', hash: 'SHA-256' };
// whsec_…, as it was shown
const key = await subtle.importKey('raw', bytes(process.env.WEBHOOK_SECRET), algorithm, false, ['verify']);

/** rawBody: the bytes as they came, before any JSON parser. */
async function verify(headers, rawBody) {
  const timestamp = headers['x-ai93-timestamp'] ?? '';
  const recent = /^\d+$/.test(timestamp) && Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300;
  if (!recent) return false; // old: a replay
  const [, hex] = /^sha256=([0-9a-f]{64})$/.exec(headers['x-ai93-signature'] ?? '') ?? [];
  if (!hex) return false;
  const signed = Buffer.concat([bytes(`${timestamp}.`), rawBody]);
  return subtle.verify(algorithm, key, Buffer.from(hex, 'hex'), signed); // takes the same time, right or wrong
}

const seen = new Set(); // event ids; keep yours where they outlive the process

createServer(async (request, response) => {
  const rawBody = Buffer.concat(await request.toArray());
  const genuine = await verify(request.headers, rawBody);
  response.writeHead(genuine ? 204 : 400).end(); // answer first, work afterwards
  if (!genuine) return;
  const { id, type } = JSON.parse(rawBody); // a header has the id too, but only the body is signed
  if (seen.has(id)) return; // sent again, though it had come
  seen.add(id);
  console.log(type);
}).listen(process.env.PORT ?? 3000);
