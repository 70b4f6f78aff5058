import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectors } from '../../connectors/registry.ts';
import { createOutbound, type Outbound } from '../../src/connections/http-client.ts';
import { createAddressGuard } from '../../src/webhooks/address-guard.ts';
import type { Act, ConformanceCase, Service } from './case.ts';
import { CASES } from './cases.ts';
import {
  actsOf,
  configOf,
  expectEnding,
  functionsOf,
  ioOf,
  listen,
  type Outcome,
  outcomeOf,
  told,
} from './conformance.ts';
import { http } from './http-service.ts';

// What every connector must do, whatever it asks its service for: with the service well, ill, slow, busy and lying.

const loopback = createAddressGuard({ allowHttp: true, allowSubnets: ['127.0.0.0/8'] });
let outbound: Outbound;
/** For what never ends. Everything else does, however busy the machine is. */
let impatient: Outbound;

beforeAll(() => {
  outbound = createOutbound({ guard: loopback, maxBodyBytes: 64 * 1024 });
  impatient = createOutbound({ guard: loopback, timeoutMs: 500 });
});
afterAll(() => Promise.all([outbound.close(), impatient.close()]));

test('every connector has a case', () => {
  expect(Object.keys(CASES).toSorted()).toEqual(connectors.map(({ manifest }) => manifest.vendor).toSorted());
});

describe.each(connectors.map((connector) => [connector.manifest.vendor, connector] as const))(
  '%s',
  (vendor, connector) => {
    const own = CASES[vendor] as ConformanceCase;
    const protocol = own.protocol ?? http;
    const acts = actsOf(connector, own);

    test('shows every function that it has', () => {
      expect(Object.keys(own.acts ?? {}).toSorted()).toEqual(functionsOf(connector).toSorted());
    });

    describe.each(acts)('its service, asked by %s', (_name, act) => {
      const well = act.service ?? own.service ?? {};
      let service: Service;
      let listener: ReturnType<typeof listen>;

      beforeAll(async () => {
        service = await protocol.start();
        listener = listen();
      });
      afterAll(async () => {
        listener.stop();
        await service.close();
      });

      /** Asks the service once; nothing that is said of it holds a credential. */
      async function ask(through: Outbound = outbound): Promise<Outcome> {
        const outcome = await outcomeOf(act.act(connector, configOf(connector, own, service.url), ioOf(through, own)));
        const secrets = [...Object.values(own.secrets), ...service.credentials()];
        for (const secret of secrets) expect(told(outcome)).not.toContain(secret);
        return outcome;
      }

      /** The requests that it takes when all is well. */
      async function requests(): Promise<unknown[]> {
        const before = service.requests.length;
        service.answer(well);
        expectEnding(await ask(), 'well', act.answer);
        return service.requests.slice(before);
      }

      /** Asks again and again: each of the requests that it takes gets this answer once. */
      async function askAt(answer: unknown, each: (outcome: Outcome) => void, through = outbound): Promise<void> {
        const needs = act.needs ?? (await requests()).length;
        for (let step = 0; step < needs; step += 1) {
          service.answerFirst(step, well, answer);
          each(await ask(through));
        }
      }

      test('answers well', async () => {
        const sent = await requests();
        expect(sent.length).toBeGreaterThan(0);
        act.sent?.(sent);
      });

      test.each(protocol.situations)('$name', async ({ name, answer, ends, endless }) => {
        const judge = (outcome: Outcome) => expectEnding(outcome, act.differs?.[name] ?? ends, act.answer);
        await askAt(answer, judge, endless ? impatient : outbound);
      });

      test('refuses the credentials: its reason is told, without them', async () => {
        if (!own.refusal) throw new Error('The case must show how the service refuses credentials.');
        const { answer, reason } = own.refusal;
        service.answer(answer);
        expectEnding(
          await ask(),
          { kind: 'refused', retryable: false, message: expect.stringMatching(reason) as unknown as string },
          act.answer,
        );
      });

      test('repeats what it was sent: no credential is told', async () => {
        for (const answer of Object.values(protocol.echoes)) await askAt(answer, () => undefined);
      });

      test('is at an address that may not be called', async () => {
        const strict = createOutbound({ guard: createAddressGuard({ allowHttp: true, allowSubnets: [] }) });
        const before = service.requests.length;
        expectEnding(await ask(strict), { kind: 'refused' }, act.answer);
        expect(service.requests).toHaveLength(before);
        await strict.close();
      });

      test('got no credential in an address, nor a visit from a redirect', () => {
        for (const address of service.exposed()) {
          for (const secret of Object.values(own.secrets)) expect(address).not.toContain(secret);
          expect(address).not.toContain('elsewhere');
        }
      });

      test('left no credential in a log', () => {
        for (const secret of [...Object.values(own.secrets), ...service.credentials()])
          expect(listener.heard()).not.toContain(secret);
      });

      test('knows the situations in which it differs', () => {
        const names = protocol.situations.map(({ name }) => name);
        for (const name of Object.keys((act as Act).differs ?? {})) expect(names).toContain(name);
      });
    });
  },
);
