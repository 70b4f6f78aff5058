import { expect } from 'vitest';
import type { Connector, HookRequest, Processed } from '../../connectors/connector.ts';
import { ConnectorFailure } from '../../connectors/failure.ts';
import type { Outbound } from '../../src/connections/http-client.ts';
import type { ConformanceCase } from './cases.ts';

// How the suite uses a connector: everything but what is expected.

/** A call by which a connector reaches its service; throws what went wrong. */
export type Call = (through: Outbound) => Promise<unknown>;

export function callsOf(connector: Connector, own: ConformanceCase, url: () => string): [string, Call][] {
  const { test: probe, hook } = connector;
  const secrets = Object.values(own.secrets);
  const calls: [string, Call][] = [];
  if (probe)
    calls.push(['test', (through) => probe(configOf(connector, own, url()), { http: through.client(secrets) })]);
  if (hook?.kind === 'stored' && own.hook?.asksBack) {
    calls.push(['process', async (through) => settled(await process(connector, own, url(), through))]);
  }
  return calls;
}

export const configOf = ({ configuration }: Connector, own: ConformanceCase, url: string): never =>
  configuration.schema.parse({ ...own.settings(url), ...own.secrets }) as never;

export function requestOf(own: ConformanceCase): HookRequest {
  if (!own.hook) throw new Error('The connector has a hook: its case must show what is sent to it.');
  return own.hook.request(own.secrets);
}

export function process(
  connector: Connector,
  own: ConformanceCase,
  url: string,
  through: Outbound,
): Promise<Processed> {
  if (connector.hook?.kind !== 'stored') throw new Error('no stored hook');
  const { headers, rawBody: body } = requestOf(own);
  const io = { http: through.client(Object.values(own.secrets)) };
  return connector.hook.process({ headers, body, receivedAt: new Date() }, configOf(connector, own, url), io);
}

export function settled({ leads, failures }: Processed): Processed['leads'] {
  if (failures[0]) throw failures[0];
  return leads;
}

/** How a call fails; fails itself when it does not, or with anything but a ConnectorFailure. */
export async function failureOf(call: Call, through: Outbound): Promise<ConnectorFailure> {
  const failure = await call(through).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(ConnectorFailure);
  return failure as ConnectorFailure;
}
