import { afterAll, beforeAll, expect, test } from 'vitest';
import { connector } from '../../connectors/connector.ts';
import { createOutbound, type Outbound } from '../../src/connections/http-client.ts';
import { tryOut } from '../../src/connections/try-out.ts';
import { createAddressGuard } from '../../src/webhooks/address-guard.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

let service: Receiver;
let outbound: Outbound;
beforeAll(async () => {
  service = await startReceiver({ hang: true });
  outbound = createOutbound({ guard: createAddressGuard({ allowHttp: true, allowSubnets: ['127.0.0.0/8'] }) });
});
afterAll(async () => {
  await outbound.close();
  await service.close();
});

const manifest = { vendor: 'slow', title: 'Slow', description: 'Slow.', fields: [], setup: [] };

test('a service that does not answer holds nobody up, however many requests its test makes', async () => {
  const slow = connector(manifest, {
    async test(_config, io) {
      await io.http.request({ url: service.url });
      return 'It answered.';
    },
  });
  expect(await tryOut({ connector: slow, config: {} as never, secrets: [] }, outbound, 100)).toEqual({
    ok: false,
    kind: 'unavailable',
    message: 'The service did not answer within 0.1 s.',
  });
});

test('a defect of a connector is no answer of its service', async () => {
  const broken = connector(manifest, { test: () => Promise.reject(new TypeError('x is undefined')) });
  await expect(tryOut({ connector: broken, config: {} as never, secrets: [] }, outbound)).rejects.toThrow(TypeError);
});
