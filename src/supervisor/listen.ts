import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StartupError } from '../startup-error.ts';

const REASONS: Record<string, (host: string, port: number) => string> = {
  EADDRINUSE: (host, port) => `Port ${port} on ${host} is in use. Choose another with PORT.`,
  EADDRNOTAVAIL: (host) => `HOST ${host} is no address of this machine.`,
  ENOTFOUND: (host) => `HOST ${host} is no address of this machine.`,
  EACCES: (_host, port) => `Port ${port} may not be used by this user. Choose one above 1023 with PORT.`,
};

/** A small HTTP server. Throws a StartupError when the address cannot be listened on. */
export async function listen(
  app: RequestListener,
  host: string,
  port: number,
): Promise<{ url: string; server: Server }> {
  const server = createServer(app);
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''];
    throw reason ? new StartupError(reason(host, port), { cause: error }) : error;
  }
  const { port: chosen } = server.address() as AddressInfo;
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${chosen}`, server };
}
