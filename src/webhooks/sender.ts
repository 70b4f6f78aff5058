import { isIP } from 'node:net';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { type AddressGuard, ForbiddenAddressError } from './address-guard.ts';

/** Why no whole answer came. Stored and shown: add codes, never rename them. */
export type AttemptError =
  | 'timeout'
  | 'connection_refused'
  | 'forbidden_address'
  | 'dns_failure'
  | 'tls_failure'
  | 'connection_reset'
  | 'network_error';

export interface Attempt {
  /** A 2xx answer, read to its end or to the size limit within the timeout. */
  ok: boolean;
  /** Of the answer, if one began: it can be 200 together with an error that cut the body short. */
  status: number | null;
  latencyMs: number;
  /** The first bytes of the answer as text that PostgreSQL accepts; null when no answer began. */
  responseBody: string | null;
  error: AttemptError | null;
  errorMessage: string | null;
  /** When the receiver asked to wait, with 429 or 503; at most a day. */
  retryAfterSeconds: number | null;
}

export interface SenderOptions {
  guard: AddressGuard;
  /** For queueing, connecting, sending and reading the answer together. */
  timeoutMs?: number;
  maxBodyBytes?: number;
  connectionsPerOrigin: number;
  /** Sent unless a delivery's own headers have one. */
  userAgent?: string;
}

export interface Delivery {
  url: string;
  headers: Record<string, string>;
  body: string | Buffer;
  /** Gives the attempt up: `send` rejects with the signal's reason, and nothing is known of the outcome. */
  signal?: AbortSignal;
}

export interface Sender {
  /**
   * POSTs once, following no redirect. Whatever network and receiver do is in the Attempt; rejects only when
   * aborted, when the sender is closed, or when the headers are not valid HTTP.
   */
  send(delivery: Delivery): Promise<Attempt>;
  /** Waits for the attempts under way (at most the timeout), then closes the connections. */
  close(): Promise<void>;
}

interface Limits {
  timeoutMs: number;
  maxBodyBytes: number;
}

const MAX_RETRY_AFTER_SECONDS = 24 * 60 * 60;
const MAX_ERROR_LENGTH = 500;
const NO_ANSWER = { ok: false, status: null, latencyMs: 0, responseBody: null, retryAfterSeconds: null } as const;

/** Makes a sender with its own connection pool, kept alive so that many deliveries to one origin stay cheap. */
export function createSender(options: SenderOptions): Sender {
  const { guard, timeoutMs = 10_000, maxBodyBytes = 4096, userAgent = 'Trunkline-Webhooks/1.0' } = options;
  const agent = new Agent({
    connect: guardedConnector(guard, timeoutMs),
    connections: options.connectionsPerOrigin,
    pipelining: 1,
    allowH2: false,
    // undici's own timers are coarse, start late and don't cover queueing: the one in `exchange` does it all.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const underWay = new Set<Promise<Attempt>>();
  let closed = false;

  return {
    async send(delivery) {
      if (closed) throw new Error('The webhook sender is closed');
      delivery.signal?.throwIfAborted();
      // Again at every attempt: the policy may have become stricter since the URL was stored.
      const checked = guard.checkUrl(delivery.url);
      if (!checked.ok) return { ...NO_ANSWER, error: 'forbidden_address', errorMessage: `The URL ${checked.reason}` };
      const headers = withDefaults(delivery.headers, { 'user-agent': userAgent, 'accept-encoding': 'identity' });
      const attempt = exchange(agent, checked.url, { ...delivery, headers }, { timeoutMs, maxBodyBytes });
      underWay.add(attempt);
      return attempt.finally(() => underWay.delete(attempt));
    },

    async close() {
      closed = true;
      await Promise.allSettled(underWay);
      await agent.destroy();
    },
  };
}

// The check at the dial: names through the guard's lookup; literal addresses, which are never looked up, here.
export function guardedConnector(guard: AddressGuard, timeout: number): buildConnector.connector {
  const connect = buildConnector({ lookup: guard.lookup, timeout, allowH2: false });
  return (options, callback) => {
    if (isIP(options.hostname) === 0 || guard.isAllowedAddress(options.hostname)) return connect(options, callback);
    process.nextTick(callback, new ForbiddenAddressError(options.hostname), null);
  };
}

/** One request and its answer. Settles at the deadline whatever undici is waiting for: a queue, DNS, TLS or a body. */
function exchange(agent: Agent, url: URL, delivery: Delivery, limits: Limits): Promise<Attempt> {
  const { promise, resolve, reject } = Promise.withResolvers<Attempt>();
  const startedAt = performance.now();
  const { signal } = delivery;
  const chunks: Buffer[] = [];
  let receivedBytes = 0;
  let status: number | null = null;
  let retryAfterSeconds: number | null = null;
  let controller: Dispatcher.DispatchController | null = null;
  let settled = false;

  const timer = setTimeout(
    () => finish('timeout', `No complete answer within ${limits.timeoutMs} ms`),
    limits.timeoutMs,
  );
  signal?.addEventListener('abort', giveUp);

  /** True for the first caller only. */
  function settle(): boolean {
    if (settled) return false;
    settled = true;
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
    return true;
  }

  function finish(error: AttemptError | null = null, errorMessage: string | null = null): void {
    if (!settle()) return;
    resolve({
      ok: error === null && status !== null && status >= 200 && status < 300,
      status,
      latencyMs: Math.round(performance.now() - startedAt),
      responseBody: status === null ? null : storableText(Buffer.concat(chunks), limits.maxBodyBytes),
      error,
      errorMessage,
      retryAfterSeconds,
    });
    if (error !== null) hangUp();
  }

  function giveUp(): void {
    if (settle()) reject(signal?.reason);
    hangUp();
  }

  // Ends the connection: what is left of the answer must not cost anything.
  function hangUp(): void {
    controller?.abort(new Error('The attempt is over'));
  }

  agent.dispatch(
    {
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'POST',
      headers: delivery.headers,
      body: delivery.body,
    },
    {
      onRequestStart(started) {
        controller = started;
        if (settled) hangUp(); // the deadline passed in the queue: nothing has been sent, and nothing will be
      },
      onResponseStart(_controller, statusCode, headers) {
        status = statusCode;
        if (status === 429 || status === 503) retryAfterSeconds = parseRetryAfter(headers['retry-after']);
      },
      onResponseData(_controller, chunk) {
        if (receivedBytes <= limits.maxBodyBytes) chunks.push(chunk);
        receivedBytes += chunk.length;
        if (receivedBytes <= limits.maxBodyBytes) return;
        finish();
        hangUp();
      },
      onResponseEnd() {
        finish();
      },
      onResponseError(_controller, error: NodeJS.ErrnoException) {
        if (error.code === 'UND_ERR_INVALID_ARG' && settle()) reject(error);
        else finish(errorCode(error), errorText(error));
      },
    },
  );
  return promise;
}

function withDefaults(headers: Record<string, string>, defaults: Record<string, string>): Record<string, string> {
  const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  return { ...Object.fromEntries(Object.entries(defaults).filter(([name]) => !given.has(name))), ...headers };
}

// A character cut in two at the limit is left out; other invalid UTF-8 becomes U+FFFD. PostgreSQL's text can't hold NUL.
function storableText(bytes: Buffer, maxBytes: number): string {
  const truncated = bytes.length > maxBytes;
  return new TextDecoder().decode(bytes.subarray(0, maxBytes), { stream: truncated }).replaceAll('\0', '');
}

/** Seconds that a Retry-After header asks to wait, at most a day; null when it says nothing readable. */
export function parseRetryAfter(header: string | string[] | undefined): number | null {
  const value = String(Array.isArray(header) ? header[0] : header).trim();
  // Only an HTTP date ends in GMT; Date.parse alone would also make a date of "-5".
  const untilDate = /GMT$/.test(value) ? Math.ceil((Date.parse(value) - Date.now()) / 1000) : Number.NaN;
  const seconds = /^\d+$/.test(value) ? Number(value) : untilDate;
  return Number.isNaN(seconds) ? null : Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_SECONDS);
}

const ERROR_CODES: [RegExp, AttemptError][] = [
  [/^FORBIDDEN_ADDRESS$/, 'forbidden_address'],
  [/^ECONNREFUSED$/, 'connection_refused'],
  [/^(ECONNRESET|EPIPE|ECONNABORTED|UND_ERR_SOCKET)$/, 'connection_reset'],
  [/^(ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/, 'timeout'],
  [/^(ENOTFOUND|ENODATA|EAI_\w+)$/, 'dns_failure'],
  // Node names certificate errors after OpenSSL's X509_V_ERR_* constants.
  [/^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO$|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERROR_IN_)/, 'tls_failure'],
  [/^(INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH)$/, 'tls_failure'],
];

/** Why there was no answer, from the error of Node or undici. */
export function errorCode({ code = '' }: NodeJS.ErrnoException): AttemptError {
  return ERROR_CODES.find(([pattern]) => pattern.test(code))?.[1] ?? 'network_error';
}

// When several addresses were tried, the error of each is inside. Parts of the text, such as names in a certificate,
// are the receiver's, so it is held to the same limits as a body.
function errorText(error: NodeJS.ErrnoException): string {
  const first: NodeJS.ErrnoException = error instanceof AggregateError ? (error.errors[0] ?? error) : error;
  return (first.message || first.code || first.name).replaceAll('\0', '').slice(0, MAX_ERROR_LENGTH);
}
