import { createHmac } from 'node:crypto';
import type { HookRequest } from '../connector.ts';
import { sameText } from '../signature.ts';

/**
 * Whether Twilio sent it: X-Twilio-Signature is the HMAC-SHA1, in base 64, of the address that was called and of every field of the
 * form after it, name and value, sorted by name. The port may or may not stand in the address that Twilio signed.
 */
export function isTwilios({ url, headers, rawBody }: HookRequest, authToken: string): boolean {
  const given = headers['x-twilio-signature'] ?? '';
  const fields = fieldsOf(rawBody);
  const expected = addresses(url).map((address) =>
    createHmac('sha1', authToken).update(`${address}${fields}`).digest('base64'),
  );
  // every one is compared, so that the time tells nothing
  return expected.map((one) => sameText(given, one)).includes(true);
}

/** Names and values, one after the other; of a name that is there more than once, each value once, sorted. */
function fieldsOf(body: Buffer): string {
  // gone through once: it is asked before anybody knows who sent it, and a form may have a hundred thousand names
  const values = Map.groupBy(new URLSearchParams(body.toString('utf8')), ([name]) => name);
  return [...values.keys()]
    .toSorted()
    .flatMap((name) =>
      [...new Set(values.get(name)?.map(([, value]) => value))].toSorted().map((value) => name + value),
    )
    .join('');
}

const STANDARD: Record<string, string> = { 'https:': '443', 'http:': '80' };

function addresses(url: string): string[] {
  const { protocol, port, host, hostname } = new URL(url);
  const [, rest = ''] = url.split(/^[a-z]+:\/\/[^/?#]*/i);
  const other = port === '' ? `${hostname}:${STANDARD[protocol]}` : hostname;
  return [`${protocol}//${host}${rest}`, `${protocol}//${other}${rest}`];
}
