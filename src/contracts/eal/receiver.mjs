import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const secret = process.env.WEBHOOK_SECRET; // whsec_…, as it was shown

/** rawBody: the bytes as they came, before any JSON parser. */
function verify(header, rawBody) {
  const parts = header.split(',').map((part) => part.split('='));
  const timestamp = parts.find(([name]) => name === 't')?.[1];
  const age = Math.abs(Date.now() / 1000 - Number(timestamp));
  if (!(age <= 300)) return false; // old: a replay
  const expected = createHmac('sha256', secret).update(`${timestamp}.`).update(rawBody).digest();
  return parts.some(([name, value]) => {
    const given = Buffer.from(value ?? '', 'hex');
    return name === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

createServer(async (request, response) => {
  const rawBody = Buffer.concat(await request.toArray());
  const genuine = verify(request.headers['x-eal-signature'] ?? '', rawBody);
  response.writeHead(genuine ? 204 : 400).end(); // answer first, work afterwards
  if (genuine) console.log(JSON.parse(rawBody).type);
}).listen(process.env.PORT ?? 3000);
