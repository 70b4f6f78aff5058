import type { Connector, ConnectorIo, HookRequest } from '../../connectors/connector.ts';
import type { ConnectorFailure } from '../../connectors/failure.ts';
import type { Values } from '../../connectors/manifest.ts';

// What a connector brings so that the suite can run over it: a working configuration, its service's wire format, and one act for
// each thing that it asks the service for.

export interface ConformanceCase {
  /** settings that work; `url` is where the stand-in for the service listens */
  settings(url: string): Values;
  secrets: Record<string, string>;
  /** how the service answers when all is well, in the words of the protocol; none: it is never called */
  // biome-ignore lint/suspicious/noExplicitAny: every protocol has answers of its own
  service?: any;
  /** what the service speaks; HTTP unless given */
  protocol?: Protocol;
  /** the service's own words for credentials that are wrong: `answer` in those of the protocol, and what is told of it */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  refusal?: { answer: any; reason: RegExp };
  hook?: HookCase;
  /**
   * What else it asks the service for, by the part of the connector and its function ("crm.push"). A function that never
   * leaves the process says so.
   */
  acts?: Record<string, Act | 'asks nothing'>;
}

/** A call of a part that reaches the service. */
export interface Act {
  // biome-ignore lint/suspicious/noExplicitAny: the configuration of whichever connector it is
  act(connector: Connector, config: any, io: ConnectorIo): Promise<unknown>;
  /** what comes of it when all is well */
  answer: unknown;
  /** looks at what the service was sent when all was well */
  // biome-ignore lint/suspicious/noExplicitAny: every protocol has requests of its own
  sent?(requests: any[]): void;
  /** how the service answers this when all is well, if not as the case says */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  service?: any;
  /** how many of its requests must go well; all, unless given */
  needs?: number;
  /** situations, by name, that end otherwise here, and how */
  differs?: Record<string, Ending>;
}

export interface HookCase {
  /** what the service sends, signed as it signs; to this address, where that matters */
  request(secrets: Record<string, string>, url?: string): HookRequest;
  /** others that must not be taken for the service's, besides those that the suite makes of every request */
  forgeries?(secrets: Record<string, string>): HookRequest[];
  /** what comes of it, by kind: leads, … */
  makes: Record<string, object[]>;
  /** whether processing asks the service for more */
  asksBack?: boolean;
  /** a GET by which the service makes sure of us, and the answer; and one that must be refused */
  handshake?: { query: Record<string, string>; answer: string; refused: Record<string, string> };
}

/** How an act ends: as if all were well, or with a failure that has these properties. */
export type Ending =
  | 'well'
  | Partial<Pick<ConnectorFailure, 'kind' | 'retryable' | 'status' | 'retryAfter' | 'message'>>;

/** Something that a service does. */
// biome-ignore lint/suspicious/noExplicitAny: every protocol has answers of its own
export interface Situation<Answer = any> {
  name: string;
  answer: Answer;
  ends: Ending;
  /** nothing ends it but our own time-out */
  endless?: boolean;
}

/** How services are spoken to: a stand-in on loopback, and what can go wrong with it. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export interface Protocol<Answer = any, Request = any> {
  start(): Promise<Service<Answer, Request>>;
  situations: readonly Situation<Answer>[];
  /** an answer that repeats all that the service was sent, as an error or as if all were well */
  echoes: { error: Answer; good: Answer };
}

// biome-ignore lint/suspicious/noExplicitAny: as above
export interface Service<Answer = any, Request = any> {
  url: string;
  /** what it was sent, oldest first */
  requests: Request[];
  answer(answer: Answer): void;
  /** answers the next `count` requests with one, and those after with the other */
  answerFirst(count: number, first: Answer, then: Answer): void;
  /** parts of requests that proxies and logs keep, where no credential belongs: addresses */
  exposed(): string[];
  /** what it was sent to prove who asks, in any form: nobody repeats it */
  credentials(): string[];
  close(): Promise<void>;
}
