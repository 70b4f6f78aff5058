import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectors } from '../../connectors/registry.ts';
import { createLogger, type Logger } from '../../src/log.ts';
import { rowsOf } from '../gateway/isolation-cases.ts';
import { type Api, type Caller, startApi } from '../support/api.ts';
import type { Reply } from '../support/gateway.ts';
import { startTestWorker, until } from '../worker/fixtures.ts';
import type { ConformanceCase, Service } from './case.ts';
import { CASES } from './cases.ts';
import { hookOf } from './conformance.ts';
import { receiptsOf } from './fixtures.ts';
import { http } from './http-service.ts';

// No credential of any vendor is in a log, an error, an answer or a table, while its service repeats all that it is sent.

let api: Api;
let log: Logger;
const lines: string[] = [];

beforeAll(async () => {
  log = createLogger('trace', { write: (line: string) => void lines.push(line) });
  api = await startApi({ log });
});
afterAll(() => api.stop());

const configurable = connectors.filter(({ configuration }) => configuration.secretNames.length > 0);

describe.each(configurable.map((connector) => [connector.manifest.vendor, connector] as const))(
  '%s',
  (vendor, connector) => {
    const own = CASES[vendor] as ConformanceCase;
    const protocol = own.protocol ?? http;
    const path = `/connectors/${vendor}`;
    const told: string[] = [];
    let one: Caller;
    let service: Service;

    beforeEach(async () => {
      service = await protocol.start();
      service.answer(protocol.echoes.error);
      one = await api.organization();
    });
    afterEach(() => service.close());

    const keep = (reply: Reply): Reply => {
      told.push(reply.text, JSON.stringify([...reply.headers]));
      return reply;
    };
    async function expectNothing(): Promise<void> {
      const everything = [...told, ...lines, await rowsOf(api.db, one.organizationId)].join('\n');
      for (const secret of [...Object.values(own.secrets), ...service.credentials()])
        expect(everything.includes(secret), `told: ${secret}`).toBe(false);
    }
    const connect = async (): Promise<Reply> =>
      keep(await one.put(path, { settings: own.settings(service.url), secrets: own.secrets }));

    test('is connected, shown and tried out', async () => {
      expect((await connect()).status).toBe(201);
      expect(keep(await connect()).status).toBe(200);
      for (const shown of [path, '/connectors', '/audit-log', '/audit-log/export.csv']) keep(await one.get(shown));
      keep(await one.post(`${path}/test`, {}, { 'idempotency-key': 'once' }));
      keep(await one.post(`${path}/test`, { secrets: own.secrets }));
      keep(await one.post(`${path}/rotate-token`));
      keep(await one.delete(path));
      await expectNothing();
    });

    test('is refused', async () => {
      const fields = connector.manifest.fields;
      for (const { name, secret, required } of fields) {
        const wrong = { ...own.secrets, [name]: { [`${own.secrets[name]}`]: own.secrets[name] } };
        const { [name]: _left, ...less } = own.secrets;
        if (secret) expect(keep(await one.put(path, { secrets: wrong })).status).toBe(400);
        if (secret && required) expect(keep(await one.put(path, { secrets: less })).status).toBe(400);
        // entered into the field beside it
        if (secret) expect(keep(await one.put(path, { settings: own.secrets, secrets: less })).status).toBe(400);
      }
      await expectNothing();
    });

    if (own.hook)
      test('calls, and is asked back', async () => {
        const { body } = await connect();
        const hook = new URL(body.hook_url).pathname;
        const deliver = async (secrets: Record<string, string>): Promise<Reply> => {
          const { headers, rawBody, query } = hookOf(own).request(secrets, body.hook_url);
          const given = headers as Record<string, string>;
          return keep(
            await api.raw('POST', `${hook}${query.size > 0 ? `?${query}` : ''}`, {
              headers: given,
              body: rawBody.toString(),
            }),
          );
        };
        const worker = await startTestWorker(api.db, { log, inbound: { pollMs: 20, retrySchedule: [60] } });
        expect((await deliver(own.secrets)).status).toBe(200);
        const forged = Object.entries(own.secrets).map(([name, secret]) => [name, `${secret}x`]);
        await deliver(Object.fromEntries(forged));
        if (connector.hook?.kind === 'stored')
          await until(async () =>
            (await receiptsOf(api.db, one.organizationId)).every(({ state }) => state !== 'pending'),
          );
        await worker.stop();
        keep(await one.get('/connectors'));
        await expectNothing();
      });
  },
);
