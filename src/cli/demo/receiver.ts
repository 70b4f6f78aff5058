import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface Delivery {
  path: string;
  body: Buffer;
  event: string;
  eventId: string;
  attempt: number;
  signature: string | undefined;
  /** how the receiver answered */
  answered: number;
}

export interface Receiver {
  url: string;
  deliveries(path: string): Delivery[];
  /** waits until so many deliveries have come in on a path */
  received(path: string, count: number): Promise<Delivery[]>;
  close(): Promise<void>;
}

const PATIENCE_MS = 60_000;

/** Somebody's webhook receiver on loopback: /steady takes everything, /flaky fails twice with 500 first; /crm is a CRM. */
export async function startReceiver(): Promise<Receiver> {
  const all: Delivery[] = [];
  const on = (path: string): Delivery[] => all.filter((delivery) => delivery.path === path);
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const path = req.url ?? '/';
    const header = (name: string): string => String(req.headers[name] ?? '');
    const answered = path === '/crm' ? 200 : path === '/flaky' && on(path).length < 2 ? 500 : 204;
    all.push({
      path,
      body: Buffer.concat(chunks),
      event: header('x-eal-event'),
      eventId: header('x-eal-event-id'),
      attempt: Number(header('x-eal-attempt')),
      signature: req.headers['x-eal-signature'] as string | undefined,
      answered,
    });
    if (path === '/crm') res.setHeader('content-type', 'application/json');
    res.writeHead(answered).end(path === '/crm' ? JSON.stringify({ id: `crm_${on(path).length}` }) : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deliveries: on,
    async received(path, count) {
      const deadline = Date.now() + PATIENCE_MS;
      while (on(path).length < count) {
        if (Date.now() > deadline) throw new Error(`${path} got ${on(path).length} deliveries instead of ${count}`);
        await delay(20);
      }
      return on(path);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
