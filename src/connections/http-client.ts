import { Agent, type Dispatcher } from 'undici';
import type { Explanation, HttpAnswer, HttpClient, HttpRequest, MailClient } from '../../connectors/connector.ts';
import { ConnectorFailure, type FailureKind } from '../../connectors/failure.ts';
import { parseJson } from '../../connectors/json.ts';
import type { AddressGuard } from '../webhooks/address-guard.ts';
import { guardedConnector, parseRetryAfter } from '../webhooks/sender.ts';
import { type Downloaded, type DownloadSource, download } from './download.ts';
import { createMailClient } from './mail-client.ts';
import { redact } from './redact.ts';
import { unreachable } from './unreachable.ts';

export interface OutboundOptions {
  guard: AddressGuard;
  /** for connecting, sending and reading the answer together */
  timeoutMs?: number;
  maxBodyBytes?: number;
}

/** Connections to outside services, shared by all connectors of a process. */
export interface Outbound {
  /** A client that cuts these credentials out of whatever it says. */
  client(secrets: readonly string[]): HttpClient;
  /** Writes what an address answers with to a new file. Throws a ConnectorFailure. */
  download(source: DownloadSource, path: string): Promise<Downloaded>;
  /** The same for mail servers. */
  mail(secrets: readonly string[]): MailClient;
  close(): Promise<void>;
}

/** Opens them. Addresses are judged like those of webhooks: as they stand, and again when they are dialled. */
export function createOutbound({ guard, timeoutMs = 10_000, maxBodyBytes = 1024 * 1024 }: OutboundOptions): Outbound {
  const agent = new Agent({
    connect: guardedConnector(guard, timeoutMs),
    pipelining: 1,
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  async function exchange(request: HttpRequest): Promise<HttpAnswer> {
    const checked = guard.checkUrl(request.url);
    if (!checked.ok) throw new ConnectorFailure('refused', `The address of the service ${checked.reason}.`);
    const { url } = checked;
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
    const signal = AbortSignal.timeout(timeoutMs);
    let begun = false;
    const watched = agent.compose(
      (dispatch) => (options, handler) =>
        dispatch(
          options,
          watching(handler, () => {
            begun = true;
          }),
        ),
    );
    try {
      const answer = await watched.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: request.method ?? 'GET',
        ...payload(request),
        signal,
      });
      const headers = Object.fromEntries(
        Object.entries(answer.headers).map(([name, value]) => [
          name,
          Array.isArray(value) ? value.join(', ') : (value ?? ''),
        ]),
      );
      return judged(
        request,
        url.host,
        answer.statusCode,
        headers,
        await read(answer.body, request.maxBodyBytes ?? maxBodyBytes),
      );
    } catch (error) {
      if (error instanceof ConnectorFailure) throw error;
      throw unreachable(error as Error, url.host, signal.aborted ? timeoutMs : undefined, begun);
    }
  }

  return {
    client: (secrets) => ({
      request: (request) =>
        exchange(request).catch((failure: ConnectorFailure) => {
          const { kind, message, ...details } = failure;
          throw new ConnectorFailure(kind, redact(message, [...secrets, ...credentialsIn(request)]), details);
        }),
    }),
    download: (source, path) => download({ agent, guard }, source, path),
    mail: (secrets) => createMailClient({ guard, timeoutMs, secrets }),
    close: () => agent.destroy(),
  };
}

function payload({ headers, json, form }: HttpRequest): Pick<Dispatcher.RequestOptions, 'headers' | 'body'> {
  const common = {
    accept: 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'Trunkline/1.0',
    ...headers,
  };
  if (json !== undefined) {
    return { headers: { 'content-type': 'application/json', ...common }, body: JSON.stringify(json) };
  }
  if (form === undefined) return { headers: common };
  const body = new URLSearchParams(form).toString();
  return { headers: { 'content-type': 'application/x-www-form-urlencoded', ...common }, body };
}

/** The body as text; undefined when it is longer than it may be, and left unread. */
async function read(body: Dispatcher.ResponseData['body'], limit: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function judged(
  request: HttpRequest,
  host: string,
  status: number,
  headers: Record<string, string>,
  text: string | undefined,
): HttpAnswer {
  const json = text === undefined ? undefined : parsed(text);
  const answer = { status, headers, body: json?.value };
  if (status >= 200 && status < 300) {
    const unreadable = { status, uncertain: true };
    if (text === undefined) throw new ConnectorFailure('garbage', `${host} answered more than it may.`, unreadable);
    if (!json) throw new ConnectorFailure('garbage', `${host} answered ${status}, but not with JSON.`, unreadable);
    return answer;
  }
  const said: Explanation = request.readError?.(answer) ?? {};
  const kind = said.kind ?? kindOf(status);
  const redirect = status >= 300 && status < 400 ? 'a redirect, which is not followed' : undefined;
  const words = said.message ?? redirect;
  throw new ConnectorFailure(kind, `${host} answered ${status}${words ? `: ${withoutStop(words)}` : ''}.`, {
    status,
    // said by who stands before the service, not knowing what became of the request behind; or by what broke in the middle of it
    uncertain: said.code === undefined && [408, 500, 502, 504].includes(status),
    ...(said.code !== undefined && { code: said.code }),
    retryAfter:
      kind === 'refused' ? undefined : (said.retryAfter ?? parseRetryAfter(headers['retry-after']) ?? undefined),
  });
}

/** Without dots and spaces at its end, in one pass: whoever wrote it may have written a million of them in the middle. */
function withoutStop(words: string): string {
  let end = words.length;
  while (end > 0 && /[.\s]/.test(words.charAt(end - 1))) end -= 1;
  return words.slice(0, end);
}

/** An empty body is no garbage: many services confirm with nothing. */
function parsed(text: string): { value: unknown } | undefined {
  if (text.trim() === '') return { value: undefined };
  try {
    return { value: parseJson(text) };
  } catch {
    return undefined;
  }
}

function kindOf(status: number): FailureKind {
  if (status === 429) return 'rate_limited';
  return status >= 500 || status === 408 || status === 425 ? 'unavailable' : 'refused';
}

/** Says when a request begins to be written: until then, the service knows nothing of it. */
const watching = (handler: Dispatcher.DispatchHandler, begins: () => void): Dispatcher.DispatchHandler => ({
  onRequestStart(...given) {
    begins();
    handler.onRequestStart?.(...given);
  },
  onRequestUpgrade: (...given) => handler.onRequestUpgrade?.(...given),
  onResponseStart: (...given) => handler.onResponseStart?.(...given),
  onResponseData: (...given) => handler.onResponseData?.(...given),
  onResponseEnd: (...given) => handler.onResponseEnd?.(...given),
  onResponseError: (...given) => handler.onResponseError?.(...given),
});

/** What a request proves itself by, in the form in which it is sent: user and password are one word of base 64 there. */
function credentialsIn({ headers = {} }: HttpRequest): string[] {
  const given = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization')?.[1];
  return given === undefined ? [] : [given, given.slice(given.indexOf(' ') + 1)];
}
