import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HookRequest } from '../../connectors/connector.ts';
import { fitDraft, type LeadDraft } from '../../connectors/lead-draft.ts';
import { connectors } from '../../connectors/registry.ts';
import { createOutbound, type Outbound } from '../../src/connections/http-client.ts';
import { SOURCE_IDS, sourceNamed } from '../../src/domain/sources.ts';
import { AppError } from '../../src/errors.ts';
import { createAddressGuard } from '../../src/webhooks/address-guard.ts';
import { type Receiver, type Script, startReceiver } from '../support/receiver.ts';
import { CASES, type ConformanceCase } from './cases.ts';
import { type Call, callsOf, configOf, failureOf as failureTold, process, requestOf, settled } from './conformance.ts';

// What every connector must do, whatever it connects: with its service well, ill, slow, busy and lying.

const loopback = createAddressGuard({ allowHttp: true, allowSubnets: ['127.0.0.0/8'] });
let service: Receiver;
let outbound: Outbound;

beforeAll(async () => {
  service = await startReceiver();
  outbound = createOutbound({ guard: loopback, timeoutMs: 500, maxBodyBytes: 64 * 1024 });
});
afterAll(async () => {
  await outbound.close();
  await service.close();
});

const failureOf = (call: Call, script: Script, through = outbound) => {
  service.answer(script);
  return failureTold(call, through);
};
const HTML = { headers: { 'content-type': 'text/html' }, body: '<html>Bad gateway</html>' };

test('every connector has a case', () => {
  expect(Object.keys(CASES).toSorted()).toEqual(connectors.map(({ manifest }) => manifest.vendor).toSorted());
});

describe.each(connectors.map((connector) => [connector.manifest.vendor, connector] as const))(
  '%s',
  (vendor, connector) => {
    const own = CASES[vendor] as ConformanceCase;
    const calls = callsOf(connector, own, () => service.url);

    for (const [name, call] of calls)
      describe(`its service, asked by ${name}`, () => {
        test('answers well', async () => {
          service.answer(own.service ?? {});
          const answer = await call(outbound);
          // a sentence for the operator, or leads
          expect(answer).toEqual(name === 'test' ? expect.stringMatching(/^\S.*\.$/) : own.hook?.leads);
        });

        test('gets no credential in a URL', () => {
          for (const { path } of service.requests) {
            for (const secret of Object.values(own.secrets)) expect(decodeURIComponent(path)).not.toContain(secret);
          }
        });

        test.each([400, 401, 403, 404, 409, 422])('answers %d: refused, not to be tried again', async (status) => {
          expect(await failureOf(call, { status, body: '{"message":"no"}' })).toMatchObject({
            kind: 'refused',
            retryable: false,
            status,
          });
        });

        test('refuses the credentials: its reason is told, without them', async () => {
          if (!own.refusal) throw new Error('The case must show how the service refuses credentials.');
          const { reason, ...answer } = own.refusal;
          const failure = await failureOf(call, answer);
          expect(failure).toMatchObject({ kind: 'refused', message: expect.stringMatching(reason) });
        });

        test.each([500, 502, 503, 504, 408])('answers %d: to be tried again', async (status) => {
          expect(await failureOf(call, { ...HTML, status })).toMatchObject({
            kind: 'unavailable',
            retryable: true,
            status,
          });
        });

        test('is asked too often, and says when to come back', async () => {
          const failure = await failureOf(call, { status: 429, headers: { 'retry-after': '17' }, body: '{}' });
          expect(failure).toMatchObject({ kind: 'rate_limited', retryable: true, retryAfter: 17 });
        });

        test('is asked too often, and does not say when to come back', async () => {
          expect(await failureOf(call, { status: 429 })).toMatchObject({
            kind: 'rate_limited',
            retryable: true,
            retryAfter: undefined,
          });
        });

        test('does not answer in time', async () => {
          expect(await failureOf(call, { hang: true })).toMatchObject({ kind: 'unavailable', retryable: true });
        });

        test.each([
          ['a page instead of JSON', HTML],
          ['JSON that is cut off', { body: '{"id":"4' }],
          ['JSON of another shape', { body: '["nothing"]' }],
          ['more than it may', { body: JSON.stringify({ id: 'x'.repeat(100_000) }) }],
        ])('answers with %s', async (_what, answer) => {
          expect(await failureOf(call, answer)).toMatchObject({ kind: 'garbage', retryable: true });
        });

        test('answers with a redirect, which is not followed', async () => {
          const before = service.requests.length;
          const failure = await failureOf(call, { status: 302, headers: { location: `${service.url}/elsewhere` } });
          expect(failure).toMatchObject({ kind: 'refused', message: expect.stringContaining('redirect') });
          expect(service.requests.slice(before).filter(({ path }) => path.endsWith('/elsewhere'))).toEqual([]);
        });

        test('repeats what it was sent: no credential reaches a message', async () => {
          const failure = await failureOf(call, ({ headers, path }) => ({
            status: 400,
            body: JSON.stringify({
              error: { message: `${JSON.stringify(headers)} ${path}`, code: 100 },
              message: headers,
            }),
          }));
          for (const secret of Object.values(own.secrets)) {
            expect(`${failure.message} ${failure.stack} ${JSON.stringify(failure)}`).not.toContain(secret);
          }
        });

        test('is at an address that may not be called', async () => {
          const strict = createOutbound({ guard: createAddressGuard({ allowHttp: true, allowSubnets: [] }) });
          const before = service.requests.length;
          expect(await failureOf(call, {}, strict)).toMatchObject({ kind: 'refused' });
          expect(service.requests).toHaveLength(before);
          await strict.close();
        });
      });

    if (own.hook !== undefined)
      describe('leads', () => {
        test('are of a source that is documented, and tell of it what its contexts hold', () => {
          const leads = own.hook?.leads as LeadDraft[];
          expect(leads.length).toBeGreaterThan(0);
          for (const { source, target_type, context } of leads) {
            const documented = sourceNamed(source);
            expect(SOURCE_IDS).toContain(source);
            expect(documented?.context.safeParse(context).error).toBeUndefined();
            if (target_type !== undefined) expect(documented?.targetTypes).toContain(target_type);
          }
        });
      });

    if (connector.hook?.kind === 'stored')
      describe('stored hook', () => {
        const hook = () => (connector.hook?.kind === 'stored' ? connector.hook : undefined);

        test('knows what its service signed, and nothing else', () => {
          const request = requestOf(own);
          const config = configOf(connector, own, service.url);
          expect(hook()?.verify(request, config)).toBe(true);
          const forged: HookRequest[] = [
            { ...request, rawBody: Buffer.concat([request.rawBody, Buffer.from(' ')]) },
            { ...request, headers: {} },
            ...Object.keys(request.headers)
              .filter((name) => /signature/i.test(name))
              .flatMap((name) =>
                [
                  '',
                  'sha256=',
                  'x',
                  `${request.headers[name]}0`,
                  String(request.headers[name]).replace(/.$/, (last) => (last === '0' ? '1' : '0')),
                ].map((signature) => ({ ...request, headers: { ...request.headers, [name]: signature } })),
              ),
          ];
          for (const one of forged) expect(hook()?.verify(one, config), JSON.stringify(one.headers)).toBe(false);
        });

        test('makes leads of it that fit into their columns', async () => {
          service.answer(own.service ?? {});
          const leads = settled(await process(connector, own, service.url, outbound));
          expect(JSON.parse(JSON.stringify(leads.map(fitDraft)))).toEqual(own.hook?.leads);
          for (const lead of leads) expect(lead.external_id, 'a delivery may come twice').toMatch(/\S/);
        });

        test.each(['', '{', 'null', '[]', '{"entry":1}', '\0'])('takes %j for what it is: unreadable', async (body) => {
          const outcome = await Promise.resolve(
            hook()?.process(
              { headers: {}, body: Buffer.from(body), receivedAt: new Date() },
              configOf(connector, own, service.url),
              {
                http: outbound.client([]),
              },
            ),
          ).then(
            (done) => done?.failures[0] ?? done?.leads,
            (error: unknown) => error,
          );
          if (Array.isArray(outcome)) expect(outcome).toEqual([]);
          else expect(outcome).toMatchObject({ name: 'ConnectorFailure', kind: 'refused' });
        });
      });

    if (connector.hook?.handshake !== undefined)
      describe('handshake', () => {
        test('answers its service, and nobody else', () => {
          const handshake = own.hook?.handshake;
          if (!handshake) throw new Error('The case must show the handshake.');
          const answer = (query: Record<string, string>) =>
            connector.hook?.handshake?.(new URLSearchParams(query), configOf(connector, own, service.url));
          expect(answer(handshake.query)).toBe(handshake.answer);
          expect(answer(handshake.refused)).toBeUndefined();
          expect(answer({})).toBeUndefined();
        });
      });

    if (connector.hook?.kind === 'direct')
      describe('direct hook', () => {
        const receive = (request: HookRequest) => {
          if (connector.hook?.kind !== 'direct') throw new Error('no direct hook');
          return connector.hook.receive(request, configOf(connector, own, service.url), {
            name: 'default',
            now: new Date(),
          });
        };

        test('makes leads of what is sent', async () => {
          const received = await receive(requestOf(own));
          expect('leads' in received && JSON.parse(JSON.stringify(received.leads.map(fitDraft)))).toEqual(
            own.hook?.leads,
          );
        });

        test.each([
          'application/json',
          'application/x-www-form-urlencoded',
          'multipart/form-data; boundary=x',
          'image/png',
          '',
        ])('answers %s that makes no sense with an error of the sender', async (type) => {
          for (const body of ['', '{', 'null', '[[', '\0\uD800', '%', '--x\r\n', '{"__proto__":{"email":1}}']) {
            const request = {
              headers: { 'content-type': type },
              rawBody: Buffer.from(body),
              query: new URLSearchParams(),
            };
            const outcome = await receive(request).catch((error: unknown) => error);
            if (outcome instanceof AppError) expect(outcome.status).toBeLessThan(500);
            else expect(outcome).toHaveProperty('errors');
          }
        });
      });
  },
);
