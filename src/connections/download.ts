import { createWriteStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Agent } from 'undici';
import { ConnectorFailure } from '../../connectors/failure.ts';
import type { AddressGuard } from '../webhooks/address-guard.ts';
import { parseRetryAfter } from '../webhooks/sender.ts';
import { unreachable } from './unreachable.ts';

export interface DownloadSource {
  url: string;
  /** sent to the host of the url alone, not to where it redirects */
  headers?: Record<string, string>;
}

export interface Downloaded {
  /** of the answer, in lower case, without parameters; '' when it had none */
  mediaType: string;
  bytes: number;
  /** the first bytes, to know a format by */
  head: Buffer;
}

const MAX_BYTES = 200 * 1024 * 1024;
const TIMEOUT_MS = 120_000;
/** Services keep files elsewhere, and redirect there. */
const MAX_REDIRECTS = 3;
const HEAD_BYTES = 16;

/** Every address on the way is judged as it stands, and again when it is dialled. */
export async function download(
  { agent, guard }: { agent: Agent; guard: AddressGuard },
  { url, headers = {} }: DownloadSource,
  path: string,
): Promise<Downloaded> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let at = url;
  const first = URL.parse(url)?.origin;
  for (let redirects = 0; ; redirects++) {
    const checked = guard.checkUrl(at);
    if (!checked.ok) throw new ConnectorFailure('refused', `The address of the file ${checked.reason}.`);
    const { origin, host, pathname, search } = checked.url;
    try {
      const answer = await agent.request({
        origin,
        path: pathname + search,
        method: 'GET',
        headers: {
          accept: '*/*',
          'accept-encoding': 'identity',
          'user-agent': 'Trunkline/1.0',
          ...(origin === first && headers),
        },
        signal,
      });
      const { location } = answer.headers;
      if (answer.statusCode >= 300 && answer.statusCode < 400 && typeof location === 'string') {
        await answer.body.dump();
        if (redirects === MAX_REDIRECTS) throw new ConnectorFailure('refused', `${host} redirects too often.`);
        at = new URL(location, checked.url).href;
        continue;
      }
      if (answer.statusCode !== 200) throw await notThere(host, answer.statusCode, answer.headers, answer.body);
      const bytes = await save(answer.body, path, host);
      const mediaType =
        String(answer.headers['content-type'] ?? '')
          .split(';', 1)[0]
          ?.trim()
          .toLowerCase() ?? '';
      return { mediaType, bytes, head: await headOf(path) };
    } catch (error) {
      await rm(path, { force: true });
      if (error instanceof ConnectorFailure) throw error;
      throw unreachable(error as Error, host, signal.aborted ? TIMEOUT_MS : undefined);
    }
  }
}

async function notThere(
  host: string,
  status: number,
  headers: Record<string, string | string[] | undefined>,
  body: { dump(): Promise<unknown> },
): Promise<ConnectorFailure> {
  await body.dump();
  const retryAfter = parseRetryAfter(headers['retry-after']) ?? undefined;
  // a file that is told of may not be there yet
  const passing = status === 404 || status === 408 || status === 425 || status >= 500;
  const kind = status === 429 ? 'rate_limited' : passing ? 'unavailable' : 'refused';
  return new ConnectorFailure(kind, `${host} answered ${status}.`, {
    status,
    ...(retryAfter !== undefined && { retryAfter }),
  });
}

async function save(body: Readable, path: string, host: string): Promise<number> {
  let bytes = 0;
  await pipeline(
    body,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        if (bytes > MAX_BYTES)
          throw new ConnectorFailure('refused', `${host} sent more than ${MAX_BYTES / 1024 ** 2} MB.`);
        yield chunk;
      }
    },
    createWriteStream(path, { flags: 'wx', mode: 0o600 }),
  );
  return bytes;
}

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
