import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';

/** How long requests under way may take to finish. */
const PATIENCE_MS = 20_000;
/** How long a client that keeps its connection may still send a request on it, to be told that it is the last. */
const FAREWELL_MS = 500;

/**
 * Prepares the end of a server; returns what ends it. New connections are refused from then on. A request that arrives on a connection
 * that was kept is answered, and the answer says that no other may follow: closed under a client that is about to send, it could not
 * tell whether its request was taken. What is still under way when the time is up is cut off.
 */
export function drainOf(server: Server): () => Promise<void> {
  // the latest answer of each connection: of several under way on one, only that may say that it is the last
  const latest = new Map<Socket, ServerResponse>();
  let ending = false;
  const last = (res: ServerResponse): void => {
    if (!res.headersSent) res.setHeader('Connection', 'close');
  };
  server.on('connection', (socket) => socket.once('close', () => latest.delete(socket)));
  server.prependListener('request', (req, res) => {
    latest.set(req.socket, res);
    if (ending) last(res);
  });
  return async () => {
    ending = true;
    for (const res of latest.values()) last(res);
    // (the close of an HTTP server closes connections between two requests at once)
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
    let idle: NodeJS.Timeout | undefined;
    const farewell = setTimeout(() => {
      server.closeIdleConnections();
      idle = setInterval(() => server.closeIdleConnections(), 100);
    }, FAREWELL_MS);
    const late = setTimeout(() => server.closeAllConnections(), PATIENCE_MS);
    await closed;
    for (const timer of [farewell, idle, late]) clearTimeout(timer);
    server.close();
  };
}
