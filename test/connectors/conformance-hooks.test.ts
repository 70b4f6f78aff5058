import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CallDraft, fitCall } from '../../connectors/call-draft.ts';
import type { Connector, DirectHook, HookRequest, StoredHook } from '../../connectors/connector.ts';
import { fitDraft, type LeadDraft } from '../../connectors/lead-draft.ts';
import { connectors } from '../../connectors/registry.ts';
import { createOutbound, type Outbound } from '../../src/connections/http-client.ts';
import { SOURCE_IDS, sourceNamed } from '../../src/domain/sources.ts';
import { AppError } from '../../src/errors.ts';
import { createAddressGuard } from '../../src/webhooks/address-guard.ts';
import type { ConformanceCase, Service } from './case.ts';
import { CASES } from './cases.ts';
import { configOf, hookOf, ioOf, plain, receiptOf, requestOf, settled } from './conformance.ts';
import { http } from './http-service.ts';

// What every hook must do: know its service from anybody else, and make the same of what it sends however often it comes.

let outbound: Outbound;
beforeAll(() => {
  const guard = createAddressGuard({ allowHttp: true, allowSubnets: ['127.0.0.0/8'] });
  outbound = createOutbound({ guard, maxBodyBytes: 64 * 1024 });
});
afterAll(() => outbound.close());

const withHook = connectors.filter(({ hook }) => hook !== undefined);

describe.each(withHook.map((connector) => [connector.manifest.vendor, connector] as const))(
  '%s',
  (vendor, connector) => {
    const own = CASES[vendor] as ConformanceCase;
    let service: Service;
    beforeAll(async () => {
      service = await (own.protocol ?? http).start();
      service.answer(own.service ?? {});
    });
    afterAll(() => service.close());

    const config = () => configOf(connector, own, service.url);
    const fitted = ({ leads = [], calls = [], ...others }: Record<string, object[]>): unknown =>
      plain({
        ...others,
        ...(leads.length > 0 && { leads: (leads as LeadDraft[]).map(fitDraft) }),
        ...(calls.length > 0 && { calls: (calls as CallDraft[]).map(fitCall) }),
      });

    test('leads are of a source that is documented, and tell of it what its contexts hold', () => {
      for (const { source, target_type, context } of (hookOf(own).makes.leads ?? []) as LeadDraft[]) {
        const documented = sourceNamed(source);
        expect(SOURCE_IDS).toContain(source);
        expect(documented?.context.safeParse(context).error).toBeUndefined();
        if (target_type !== undefined) expect(documented?.targetTypes).toContain(target_type);
      }
    });

    if (connector.hook?.kind === 'stored')
      describe('stored hook', () => {
        const hook = connector.hook as StoredHook;
        const process = (receipt: ReturnType<typeof receiptOf>) => hook.process(receipt, config(), ioOf(outbound, own));

        test('knows what its service signed, and nothing else', () => {
          const request = requestOf(own);
          expect(hook.verify(request, config())).toBe(true);
          const forged = [...forgeriesOf(request), ...(hookOf(own).forgeries?.(own.secrets) ?? [])];
          for (const one of forged) expect(hook.verify(one, config()), JSON.stringify(one.headers)).toBe(false);
        });

        test('is signed with its own secrets', () => {
          const others = Object.fromEntries(Object.entries(own.secrets).map(([name, secret]) => [name, `${secret}x`]));
          expect(hook.verify(hookOf(own).request(others), config())).toBe(false);
        });

        test('keeps the headers that its processing reads', async () => {
          const receipt = receiptOf(own);
          const headers = Object.fromEntries(hook.keepHeaders.map((name) => [name, receipt.headers[name]]));
          expect(settled(await process({ ...receipt, headers }))).toEqual(settled(await process(receipt)));
        });

        test('makes of it what fits into its columns', async () => {
          const made = settled(await process(receiptOf(own)));
          expect(fitted(made)).toEqual(hookOf(own).makes);
          for (const record of Object.values(made).flat())
            expect(record, 'a delivery may come twice').toHaveProperty('external_id', expect.stringMatching(/\S/));
        });

        test.each(['', '{', 'null', '[]', '{"entry":1}', '\0'])('takes %j for what it is: unreadable', async (body) => {
          const outcome = await Promise.resolve(
            process({ headers: {}, body: Buffer.from(body), receivedAt: new Date() }),
          )
            .then(({ failures, remark: _, ...made }) => failures[0] ?? Object.values(made).flat())
            .catch((error: unknown) => error);
          if (Array.isArray(outcome)) expect(outcome).toEqual([]);
          else expect(outcome).toMatchObject({ name: 'ConnectorFailure', kind: 'refused' });
        });
      });

    if (connector.hook?.handshake !== undefined)
      test('the handshake answers its service, and nobody else', () => {
        const { handshake } = hookOf(own);
        if (!handshake) throw new Error('The case must show the handshake.');
        const answer = (query: Record<string, string>) =>
          connector.hook?.handshake?.(new URLSearchParams(query), config());
        expect(answer(handshake.query)).toBe(handshake.answer);
        expect(answer(handshake.refused)).toBeUndefined();
        expect(answer({})).toBeUndefined();
      });

    if (connector.hook?.kind === 'direct') directHook(connector, own, config);
  },
);

/** A request with another body, without its headers, and with each signature changed in some way. */
function forgeriesOf(request: HookRequest): HookRequest[] {
  const { headers, rawBody } = request;
  const flipped = (text: string, at: number) => text.slice(0, at) + (text[at] === 'a' ? 'b' : 'a') + text.slice(at + 1);
  const signatures = Object.entries(headers).filter(([name]) => /signature/i.test(name));
  return [
    { ...request, rawBody: Buffer.concat([rawBody, Buffer.from(' ')]) },
    { ...request, headers: {} },
    ...signatures.flatMap(([name, value = '']) =>
      [
        '',
        'sha256=',
        'x',
        `${value}0`,
        `${value}, ${value}`,
        value.slice(0, -1),
        flipped(value, 0),
        flipped(value, value.length >> 1),
      ]
        // one that is flipped at its end: what stands there may be padding
        .concat(flipped(value, value.replace(/=*$/, '').length - 1))
        .map((signature) => ({ ...request, headers: { ...headers, [name]: signature } })),
    ),
  ];
}

function directHook(connector: Connector, own: ConformanceCase, config: () => never): void {
  describe('direct hook', () => {
    const hook = connector.hook as DirectHook;
    const receive = (request: HookRequest) => hook.receive(request, config(), { name: 'default', now: new Date() });

    test('makes leads of what is sent', async () => {
      const received = await receive(requestOf(own));
      expect('leads' in received && plain(received.leads.map(fitDraft))).toEqual(hookOf(own).makes.leads);
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
          url: 'https://trunkline.example.com/hooks/x',
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
}
