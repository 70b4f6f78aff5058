import type { Registry } from '@prometheus-io/client';
import type { Config } from '../config.ts';
import type { GatewayOptions } from '../gateway/gateway.ts';
import type { Logger } from '../log.ts';
import type { Encryption } from '../security/encryption.ts';
import type { Storage } from '../storage/storage.ts';
import type { AddressGuard } from '../webhooks/address-guard.ts';

/** What the gateway and the worker of one process share. */
export interface Shared {
  encryption: Encryption;
  guard: AddressGuard;
  storage: Storage;
  registry: Registry;
  log: Logger;
}

/** The gateway's options, from the configuration and what this process has started. */
export const gatewayOptions = (
  config: Config,
  shared: Shared,
  started: { databaseUrl: string; postgrest: { url: string; jwtSecret: string } },
): GatewayOptions => ({
  ...shared,
  ...started,
  databasePoolSize: config.databasePoolSize,
  host: config.host,
  port: config.port,
  publicUrl: config.publicUrl,
  rateLimitStore: config.rateLimitStore,
  // handed to Express as it is, which tells a number of proxies from a list of addresses by the type
  trustProxy: config.trustProxy,
});
