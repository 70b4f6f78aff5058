import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { fieldsOf } from '../../connectors/callrail/payload.ts';
import { isTwilios } from '../../connectors/twilio/signature.ts';

// A hook takes a mebibyte, which is a hundred thousand fields. Whoever looks through all of them for each keeps everybody else waiting
// for minutes.

const COUNT = 100_000;
const names = Array.from({ length: COUNT }, (_, n) => `f${n}`);

test('Twilio’s signature of a form of very many fields is checked', () => {
  const url = 'https://trunkline.example.com/hooks/twilio/x';
  const rawBody = Buffer.from(names.map((name) => `${name}=1`).join('&'));
  const signed = `${url}${names
    .toSorted()
    .map((name) => `${name}1`)
    .join('')}`;
  const headers = { 'x-twilio-signature': createHmac('sha1', 'token').update(signed).digest('base64') };
  const request = { url, headers, rawBody, query: new URLSearchParams() };
  expect(isTwilios(request, 'token')).toBe(true);
  expect(isTwilios(request, 'another')).toBe(false);
});

test('a form of CallRail’s with very many lists is read', () => {
  const body = Buffer.from(`tags[]=a&${names.map((name) => `${name}[]=1`).join('&')}&tags[]=b`);
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const fields = fieldsOf({ headers, body, receivedAt: new Date() });
  expect(Object.keys(fields)).toHaveLength(COUNT + 1);
  expect(fields).toMatchObject({ tags: ['a', 'b'], f7: ['1'] });
});
