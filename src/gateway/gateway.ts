import { createServer } from 'node:http';
import type { Registry } from '@prometheus-io/client';
import type pg from 'pg';
import { createOutbound } from '../connections/http-client.ts';
import { createPool } from '../database/pool.ts';
import type { Logger } from '../log.ts';
import { type Core, readReasons } from '../operations/execute.ts';
import type { Encryption } from '../security/encryption.ts';
import type { Storage } from '../storage/storage.ts';
import type { AddressGuard } from '../webhooks/address-guard.ts';
import { createApp } from './app.ts';
import { drainOf } from './drain.ts';
import { createKeyStore, type KeyStore } from './key-store.ts';
import { listen } from './listen.ts';
import { createGatewayMetrics, createRegistry, type GatewayMetrics } from './metrics.ts';
import { createPlaces, type Places } from './places.ts';
import { createRateLimiter, type RateLimiter } from './rate-limit.ts';

export interface GatewayOptions {
  /** connection string of the login role `gateway` */
  databaseUrl: string;
  databasePoolSize: number;
  host: string;
  /** 0: any free port */
  port: number;
  /** default: http://host:port */
  publicUrl?: string;
  encryption: Encryption;
  guard: AddressGuard;
  storage: Storage;
  postgrest: { url: string; jwtSecret: string };
  rateLimitStore: 'memory' | 'postgres';
  trustProxy?: string | number;
  log: Logger;
  registry?: Registry;
}

/** What the middleware works with. */
export interface Gateway {
  core: Core;
  keys: KeyStore;
  limiter: RateLimiter;
  metrics: GatewayMetrics;
  /** connections for exports, which hold one for long */
  exportPool: pg.Pool;
  /** exports under way, by organization */
  exporting: Map<string, number>;
  databasePoolSize: number;
  /** of an organization, for its operations: half of the connections, so that what takes long keeps nobody else waiting */
  places: Places;
  postgrest: { url: string; jwtSecret: string };
  trustProxy: string | number | undefined;
  storage: Storage;
  log: Logger;
  onClose(close: () => Promise<unknown>): void;
}

export interface RunningGateway {
  url: string;
  /** stops accepting, lets requests under way finish, closes the database connections */
  stop(): Promise<void>;
}

/** How long a request waits for others of its organization: as long as the pool has it wait for a connection. */
const PATIENCE_MS = 5_000;

/** Starts the HTTP gateway. Throws a StartupError for a busy port. */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { log } = options;
  const onError = (error: Error) => log.warn({ err: error }, 'a database connection was lost');
  const pool = createPool(options.databaseUrl, { max: options.databasePoolSize, name: 'trunkline gateway', onError });
  const exportPool = createPool(options.databaseUrl, {
    max: 8,
    name: 'trunkline export',
    onError,
    answerTimeoutMs: Number.POSITIVE_INFINITY,
  });
  const closePools = () => Promise.all([pool.end(), exportPool.end()]);
  const reasons = await readReasons(pool).catch(async (error) => {
    await closePools();
    throw error;
  });
  const closers: (() => Promise<unknown>)[] = [];
  const keys = createKeyStore(pool, options.databaseUrl, log);

  const outbound = createOutbound({ guard: options.guard });
  const services = {
    encryption: options.encryption,
    guard: options.guard,
    publicUrl: options.publicUrl ?? '',
    outbound,
  };
  const gateway: Gateway = {
    core: { pool, reasons, services },
    keys,
    limiter: createRateLimiter(options.rateLimitStore === 'postgres' ? { kind: 'postgres', pool } : { kind: 'memory' }),
    metrics: createGatewayMetrics(options.registry ?? createRegistry(), pool),
    exportPool,
    exporting: new Map(),
    databasePoolSize: options.databasePoolSize,
    places: createPlaces(Math.ceil(options.databasePoolSize / 2), PATIENCE_MS),
    postgrest: options.postgrest,
    trustProxy: options.trustProxy,
    storage: options.storage,
    log,
    onClose: (close) => closers.push(close),
  };
  const close = async (): Promise<void> => {
    await keys.close();
    await Promise.allSettled(closers.map((one) => one()));
    await Promise.all([closePools(), outbound.close()]);
  };

  const server = createServer(createApp(gateway));
  const drain = drainOf(server);
  // longer than common load balancers keep idle connections, so that it is never us who hangs up first
  server.keepAliveTimeout = 65_000;
  server.requestTimeout = 60_000;
  const stop = async () => {
    if (server.listening) await drain();
    await close();
  };
  try {
    const url = await listen(server, options.host, options.port);
    services.publicUrl ||= url;
    // signed addresses are made in the database
    await pool.query('select app.note_public_url($1)', [services.publicUrl]);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
