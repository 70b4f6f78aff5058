import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** exactly the bytes that arrived: what a signature covers */
  rawBody: Buffer;
  /** milliseconds since the epoch */
  receivedAt: number;
}

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  delayMs?: number;
  /** never answers; the connection stays open until the sender gives up or the receiver closes */
  hang?: boolean;
}

/** Decides an answer. `number`: 1 for the first request that this receiver got. */
export type Script = Answer | ((request: ReceivedRequest, number: number) => Answer | Promise<Answer>);

/** A webhook receiver on loopback that records what it gets and answers as it is told. */
export interface Receiver {
  url: string;
  requests: ReceivedRequest[];
  answer(script: Script): void;
  close(): Promise<void>;
}

/** Starts a receiver; it answers 200 until told otherwise. */
export async function startReceiver(script: Script = {}): Promise<Receiver> {
  const requests: ReceivedRequest[] = [];
  let current = script;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const rawBody = Buffer.concat(await request.toArray());
    const received: ReceivedRequest = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      rawBody,
      receivedAt: Date.now(),
    };
    const number = requests.push(received);
    const answer = typeof current === 'function' ? await current(received, number) : current;
    if (answer.hang) return;
    if (answer.delayMs) await delay(answer.delayMs);
    response.writeHead(answer.status ?? 200, answer.headers).end(answer.body ?? '');
  }

  const server = createServer((request, response) => {
    // a sender that was killed while it sent
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    requests,
    answer(next) {
      current = next;
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
