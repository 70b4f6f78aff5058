import { expect, vi } from 'vitest';
import type { Connector, ConnectorIo, HookRequest, Processed } from '../../connectors/connector.ts';
import { ConnectorFailure } from '../../connectors/failure.ts';
import type { Outbound } from '../../src/connections/http-client.ts';
import { connectorIo } from '../../src/connections/io.ts';
import type { Act, ConformanceCase, Ending, HookCase } from './case.ts';

// How the suite uses a connector: everything but what is expected.

/** All by which a connector reaches its service, cut clean of these credentials. */
export const ioOf = (through: Outbound, own: ConformanceCase): ConnectorIo =>
  connectorIo(through, Object.values(own.secrets));

export const configOf = ({ configuration }: Connector, own: ConformanceCase, url: string): never =>
  configuration.schema.parse({ ...own.settings(url), ...own.secrets }) as never;

/** Everything by which a connector asks its service: its test, what its hook leads to, and what the case brings. */
export function actsOf(connector: Connector, own: ConformanceCase): [string, Act][] {
  const acts: [string, Act][] = [];
  const { test: probe, hook } = connector;
  if (probe) {
    // a sentence for the operator
    const answer = expect.stringMatching(/^\S.*\.$/);
    acts.push(['test', { answer, act: async (_connector, config, io) => probe(config as never, io) }]);
  }
  if (hook?.kind === 'stored' && own.hook?.asksBack) {
    acts.push([
      'hook.process',
      {
        answer: own.hook.makes,
        act: async (_connector, config, io) => settled(await hook.process(receiptOf(own), config as never, io)),
      },
    ]);
  }
  for (const [name, act] of Object.entries(own.acts ?? {})) if (act !== 'asks nothing') acts.push([name, act]);
  return acts;
}

/** The functions of a connector that its case must bring: all but those that the suite knows by itself. */
export const functionsOf = ({ manifest: _, configuration: __, test: ___, hook: ____, ...parts }: Connector): string[] =>
  Object.entries(parts).flatMap(([part, functions]) =>
    typeof functions === 'function'
      ? [part]
      : Object.entries(functions as object)
          .filter(([, one]) => typeof one === 'function')
          .map(([name]) => `${part}.${name}`),
  );

export function hookOf(own: ConformanceCase): HookCase {
  if (!own.hook) throw new Error('The connector has a hook: its case must show what is sent to it.');
  return own.hook;
}
export const requestOf = (own: ConformanceCase): HookRequest => hookOf(own).request(own.secrets);

/** What the service sent, as the worker gets it. */
export function receiptOf(own: ConformanceCase) {
  const { headers, rawBody: body } = requestOf(own);
  return { headers, body, receivedAt: new Date() };
}

/** What processing made, by kind; throws the first failure. */
export function settled({ failures, remark: _, ...made }: Processed): Record<string, object[]> {
  if (failures[0]) throw failures[0];
  return Object.fromEntries(Object.entries(made).filter(([, records]) => records.length > 0));
}

/** How an act went: what it returned, or the failure that it threw. */
export interface Outcome {
  value?: unknown;
  failure?: ConnectorFailure;
}

/** Runs an act; fails when it throws anything but a ConnectorFailure. */
export async function outcomeOf(act: Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await act };
  } catch (failure) {
    expect(failure).toBeInstanceOf(ConnectorFailure);
    return { failure: failure as ConnectorFailure };
  }
}

/** Compares an outcome with how it must end. */
export function expectEnding({ value, failure }: Outcome, ends: Ending, answer: unknown): void {
  if (ends === 'well') {
    if (failure) throw failure;
    expect(plain(value)).toEqual(answer);
    return;
  }
  expect(failure, `it ended well: ${JSON.stringify(value)}`).toBeDefined();
  expect(failure).toMatchObject(ends);
}

/** As JSON has it: without what is undefined. */
export const plain = (value: unknown): unknown => (value === undefined ? value : JSON.parse(JSON.stringify(value)));

/** Everything that an outcome says to whoever looks at it. */
export const told = ({ value, failure }: Outcome): string =>
  [JSON.stringify(value), failure?.message, failure?.stack, failure?.cause, JSON.stringify(failure)].join(' ');

/** Listens to everything that the process writes, until it is stopped. */
export function listen(): { heard(): string; stop(): void } {
  const lines: unknown[] = [];
  const keep = (...said: unknown[]) => {
    lines.push(...said);
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(keep),
    vi.spyOn(process.stderr, 'write').mockImplementation(keep),
    ...(['log', 'info', 'warn', 'error', 'debug'] as const).map((method) =>
      vi.spyOn(console, method).mockImplementation(keep),
    ),
  ];
  return {
    heard: () => lines.map(String).join('\n'),
    stop: () => {
      for (const spy of spies) spy.mockRestore();
    },
  };
}
