import type { CallDraft } from './call-draft.ts';
import type { Crm } from './crm.ts';
import type { ConnectorFailure } from './failure.ts';
import type { LeadDraft } from './lead-draft.ts';
import { type Configuration, type ConfigurationOf, configurationOf, type Field, type Manifest } from './manifest.ts';

// What an outside service is to Trunkline: a manifest, and those of the parts below that the service has. A connector holds no
// state and reaches nothing but what it is handed (io), so that one suite can run over all of them.

export interface HttpRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  query?: Record<string, string>;
  /** credentials belong here, not into the URL */
  headers?: Record<string, string>;
  /** sent as JSON.stringify writes it, so that it can be signed; or as a form */
  json?: unknown;
  form?: Record<string, string>;
  /** how long an answer may be, where 1 MiB is not enough */
  maxBodyBytes?: number;
  /** what an answer that is no success means, where the status alone does not say it */
  readError?(answer: HttpAnswer): Explanation | undefined;
}

export interface HttpAnswer {
  status: number;
  /** lower-case names */
  headers: Record<string, string>;
  /** parsed JSON; undefined when there was none */
  body: unknown;
}

/** What a connector knows about an error; what is left out follows from the status. */
export interface Explanation {
  kind?: ConnectorFailure['kind'];
  /** the service's own words */
  message?: string;
  code?: string | number;
  /** seconds */
  retryAfter?: number;
}

export interface HttpClient {
  /**
   * One request to a public address: no redirect is followed, ten seconds in all, an answer of at most 1 MiB, which must be JSON.
   * Throws a ConnectorFailure for everything but a 2xx; credentials are cut out of its message.
   */
  request(request: HttpRequest): Promise<HttpAnswer>;
}

/** All that a connector reaches the world by. */
export interface ConnectorIo {
  http: HttpClient;
  mail: MailClient;
}

/** A server that takes mail to deliver. */
export interface MailServer {
  /** smtps://host:port (TLS from the start) or smtp://host:port (STARTTLS) */
  url: string;
  /** over smtp://: nothing is said before the connection is encrypted */
  requireTls: boolean;
  user?: string;
  password?: string;
}

/** One mail to one person, as plain text. */
export interface Mail {
  from: { name?: string; address: string };
  to: string;
  replyTo?: string;
  subject: string;
  text: string;
  /** what comes before its @ in the Message-ID */
  id: string;
  /** List-Unsubscribe and its like */
  headers: Record<string, string>;
}

export interface MailClient {
  /**
   * Hands a mail to a server at a public address. Throws a ConnectorFailure, `uncertain` from the moment at which the server had the
   * whole of it; credentials are cut out of its message.
   */
  send(server: MailServer, mail: Mail): Promise<{ messageId: string }>;
  /** Connects and logs in, and says nothing else. Throws a ConnectorFailure. */
  check(server: MailServer): Promise<void>;
}

export interface HookRequest {
  /** the address that was called, as the outside knows it: some services sign it */
  url: string;
  /** lower-case names */
  headers: Record<string, string | undefined>;
  query: URLSearchParams;
  /** the body byte for byte, as signatures cover it */
  rawBody: Buffer;
}

interface HookParts<Config> {
  /** answers a GET by which the service makes sure of us: the text to send back; undefined is 403 */
  handshake?(query: URLSearchParams, config: Config): string | undefined;
}

/** Stored before it is answered, then processed by the worker, with retries. For services, which wait for nobody. */
export interface StoredHook<Config = never> extends HookParts<Config> {
  kind: 'stored';
  /** headers that are kept beside the body, in lower case */
  keepHeaders: readonly string[];
  /** what the service is answered; JSON that says ok, unless given */
  answer?: { type: string; body: string };
  /** whether the service sent it; compares in constant time */
  verify(request: HookRequest, config: Config): boolean;
  process(receipt: HookReceipt, config: Config, io: ConnectorIo): Promise<Processed>;
}

export interface HookReceipt {
  headers: Record<string, string | undefined>;
  body: Buffer;
  receivedAt: Date;
}

/** Leads and calls are made also when something failed: what failed is tried again by itself, and finds the others made. */
export interface Processed {
  leads: LeadDraft[];
  /** in the order they were told of; of those with the same id, later ones fill in what is new */
  calls?: CallDraft[];
  /** what people wrote */
  messages?: IncomingMessage[];
  /** what became of messages that were sent */
  reports?: MessageReport[];
  failures: ConnectorFailure[];
  /** one sentence for the operator: why nothing was made of it although nothing failed */
  remark?: string;
}

/** Processed while somebody waits for the answer. For forms, whose visitor must be told what to correct. */
export interface DirectHook<Config = never> extends HookParts<Config> {
  kind: 'direct';
  /** pages that may call from a browser, as origins; none: any */
  origins(config: Config): readonly string[];
  /** requests a minute, from one address and in all */
  limits(config: Config): { perAddress: number; inAll: number };
  /** bytes */
  maxSize(config: Config): number;
  /** Throws AppError for what cannot be read at all. */
  receive(request: HookRequest, config: Config, connection: { name: string; now: Date }): Promise<Received>;
}

export type Received =
  /** field: reason, in the words of a visitor */
  | { errors: Record<string, string> }
  /** no leads: it looked like spam, and whoever sent it shall not know */
  | { leads: LeadDraft[]; redirect?: string; message?: string };

/** Asked by the clock for the calls that hooks missed. Each call must have the external_id that hooks tell of it. */
export interface CallPolls<Config = never> {
  schedule(config: Config): PollSchedule;
  /** One page. Throws a ConnectorFailure. */
  poll(ask: PollRequest, config: Config, io: ConnectorIo): Promise<PolledCalls>;
}

/** How often it is asked, and for what. In seconds. */
export interface PollSchedule {
  /** from the beginning of one poll to that of the next */
  every: number;
  /** how far a poll goes back behind the beginning of the last: what changed that long after is seen */
  overlap: number;
  /** how far the first goes back */
  lookBack: number;
  /** after so many pages it rests, so that the service's limits are never met */
  pages: number;
  rest: number;
}

export interface PollRequest {
  /** calls that came in since then */
  since: Date;
  /** what the page before said; undefined for the first */
  cursor: string | undefined;
  now: Date;
}

export interface PolledCalls {
  calls: CallDraft[];
  /** where it goes on; undefined: that was all */
  next: string | undefined;
}

export type Hook<Config = never> = StoredHook<Config> | DirectHook<Config>;

/** What somebody wrote, as app.receive_message takes it: STOP, replies of leads and the rest are told apart there. */
export interface IncomingMessage {
  vendor: string;
  /** its id at the service: told twice, it is one */
  external_id: string;
  channel: Channel;
  from_address: string;
  to_address: string;
  content: string;
  /** what it asks for, where the service says so itself */
  opt?: 'stop' | 'start';
}

/** What a service tells of a message that was sent, as app.note_message_status takes it. */
export interface MessageReport {
  vendor: string;
  external_id: string;
  to_address: string;
  status: 'delivered' | 'failed';
  error?: string;
  opted_out?: boolean;
}

export type Channel = 'sms' | 'email';

/** A message that is to leave now. */
export interface OutgoingMessage {
  /** msg_… */
  id: string;
  /** a number with + and its country code, or an email address */
  to: string;
  /** of a mail, which always has one */
  subject?: string;
  content: string;
  /** name of the organization that writes */
  organization: string;
  /** where whoever gets it unsubscribes: a page, and a POST that does it at once (RFC 8058) */
  unsubscribeUrl?: string;
}

/** The one interface by which messages leave, whatever service takes them. */
export interface MessagesPart<Config = never> {
  channel: Channel;
  /**
   * Hands the message to the service, once. Throws a ConnectorFailure: one that is `uncertain` is not tried again, others that are
   * retryable are; `optedOut` suppresses the address.
   */
  send(message: OutgoingMessage, config: Config, io: ConnectorIo): Promise<TakenMessage>;
}

export interface TakenMessage {
  /** its id at the service */
  externalId: string;
  /** whom it is from, as the recipient sees it */
  from?: string;
}

/** The parts that a service has. */
export interface Capabilities<Config = never> {
  /** tries the configuration out on the service; says in one sentence what it found, throws a ConnectorFailure */
  test?(config: Config, io: ConnectorIo): Promise<string>;
  hook?: Hook<Config>;
  /**
   * Where the recording of a call can be fetched now, from the address that the service told of it. Credentials in the headers go to
   * that address alone. Throws a ConnectorFailure.
   */
  locateRecording?(
    url: string,
    config: Config,
    io: ConnectorIo,
  ): Promise<{ url: string; headers?: Record<string, string> }>;
  calls?: CallPolls<Config>;
  messages?: MessagesPart<Config>;
  /** a CRM that leads are pushed to; sql/37_crm_records.sql names these vendors */
  crm?: Crm<Config>;
}

export interface Connector extends Capabilities {
  manifest: Manifest;
  configuration: Configuration;
}

/** Declares a connector: its parts get a configuration of the type that the manifest's fields describe. */
export const connector = <const Fields extends readonly Field[]>(
  manifest: Manifest<Fields>,
  capabilities: Capabilities<ConfigurationOf<Fields>>,
): Connector => ({ manifest, configuration: configurationOf(manifest), ...(capabilities as Capabilities) });
