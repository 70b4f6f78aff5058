import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOutbound, type Outbound } from '../../src/connections/http-client.ts';
import { createAddressGuard } from '../../src/webhooks/address-guard.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

// What is told of a service that repeats in its errors what it was sent.

let service: Receiver;
let outbound: Outbound;
beforeAll(async () => {
  service = await startReceiver();
  outbound = createOutbound({ guard: createAddressGuard({ allowHttp: true, allowSubnets: ['127.0.0.0/8'] }) });
});
afterAll(async () => {
  await outbound.close();
  await service.close();
});

const SECRET = 'pass/"word" 17+';

test.each([
  ['as it is', SECRET],
  ['as it stands in an address', encodeURIComponent(SECRET)],
  ['as it stands in a form', new URLSearchParams({ '': SECRET }).toString().slice(1)],
  ['as it stands in JSON', JSON.stringify(SECRET).slice(1, -1)],
  ['with the user, in base 64', btoa(`user:${SECRET}`)],
  ['with the user, in the whole header', `Basic ${btoa(`user:${SECRET}`)}`],
])('a credential is cut out %s', async (_how, form) => {
  service.answer({ status: 401, body: '{}' });
  const request = outbound.client([SECRET]).request({
    url: service.url,
    headers: { Authorization: `Basic ${btoa(`user:${SECRET}`)}` },
    readError: () => ({ message: `I do not know ${form}, and ${form} neither` }),
  });
  const { host } = new URL(service.url);
  await expect(request).rejects.toThrow(`${host} answered 401: I do not know [redacted], and [redacted] neither.`);
});
