import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StartupError } from '../startup-error.ts';

const REASONS: Record<string, (host: string, port: number) => string> = {
  EADDRINUSE: (host, port) => `Port ${port} on ${host} is in use. Choose another with PORT.`,
  EADDRNOTAVAIL: (host) => `HOST ${host} is no address of this machine.`,
  ENOTFOUND: (host) => `HOST ${host} is no address of this machine.`,
  EACCES: (_host, port) => `Port ${port} may not be used by this user. Choose one above 1023 with PORT.`,
};

/** The address of a server: http://host:port. */
export const httpUrl = (host: string, port: number): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}`;

/** Has a server listen, and returns its address. Throws a StartupError when it cannot be listened on. */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''];
    throw reason ? new StartupError(reason(host, port), { cause: error }) : error;
  }
  return httpUrl(host, (server.address() as AddressInfo).port);
}
