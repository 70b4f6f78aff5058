import { createServer } from 'node:http';
import { join } from 'node:path';
import express from 'express';
import type { Config } from '../config.ts';
import { type LoginRole, loginUrl } from '../database/login.ts';
import { createPool } from '../database/pool.ts';
import { startGateway } from '../gateway/gateway.ts';
import { listen } from '../gateway/listen.ts';
import { createRegistry } from '../gateway/metrics.ts';
import { probes } from '../gateway/probes.ts';
import type { Logger } from '../log.ts';
import { StartupError } from '../startup-error.ts';
import { createStorage } from '../storage/storage.ts';
import { createWorkerMetrics } from '../worker/metrics.ts';
import { startWorker } from '../worker/worker.ts';
import { credentialsOf } from './database.ts';
import { encryptionOf } from './encryption-key.ts';
import { gatewayOptions, type Shared } from './gateway.ts';
import type { Run } from './lifecycle.ts';
import { holdsCore } from './reach.ts';
import { guardOf, languageModelOf, required } from './settings.ts';

// The processes of a production installation, any number of each, on a database that "trunkline migrate" has prepared.

/** Starts a gateway alone. Returns its address. */
export async function startGatewayAlone(config: Config, run: Run, log: Logger): Promise<string> {
  const why = 'for a gateway of its own: a PostgREST runs beside it, with the settings of docker-compose.yml';
  const url = required(config.postgrestUrl, 'POSTGREST_URL', why);
  const jwtSecret = required(config.postgrestJwtSecret, 'POSTGREST_JWT_SECRET', why);
  const { databaseUrl, shared } = await prepare(config, 'gateway', log);
  const gateway = await startGateway(gatewayOptions(config, shared, { databaseUrl, postgrest: { url, jwtSecret } }));
  run.started('gateway', () => gateway.stop());
  return gateway.url;
}

/** Starts a worker alone, with the probes an orchestrator asks. Returns their address. */
export async function startWorkerAlone(config: Config, run: Run, log: Logger): Promise<string> {
  const { databaseUrl, shared } = await prepare(config, 'worker', log);
  const url = await serveProbes(config, databaseUrl, shared, run);
  const worker = await startWorker({
    databaseUrl,
    encryption: shared.encryption,
    guard: shared.guard,
    storage: shared.storage,
    retrySchedule: config.webhooks.retrySchedule,
    disableAfter: config.webhooks.disableAfter,
    outboxDir: join(config.dataDir, 'outbox'),
    publicUrl: config.publicUrl,
    languageModel: languageModelOf(config),
    log,
    metrics: createWorkerMetrics(shared.registry),
  });
  run.started('worker', () => worker.stop());
  return url;
}

async function prepare(config: Config, role: LoginRole, log: Logger): Promise<{ databaseUrl: string; shared: Shared }> {
  const given = required(
    config.databaseUrl,
    'DATABASE_URL',
    `for a ${role} of its own; "trunkline start" runs everything`,
  );
  const credentials = credentialsOf(config, { embedded: undefined, inUse: true });
  const databaseUrl = loginUrl(given, role, credentials);
  const encryption = encryptionOf(credentials.encryptionKey);
  const storage = createStorage(config.storage);
  const shared = { encryption, guard: guardOf(config), storage, registry: createRegistry(), log };
  if (!(await holdsCore(databaseUrl))) {
    throw new StartupError('This database holds no Trunkline core yet: run "trunkline migrate" on it first.');
  }
  return { databaseUrl, shared };
}

async function serveProbes(config: Config, databaseUrl: string, { registry, log }: Shared, run: Run): Promise<string> {
  const pool = createPool(databaseUrl, {
    max: 1,
    name: 'trunkline worker probes',
    onError: (error) => log.debug({ err: error }, 'a database connection was lost'),
  });
  run.started('probe connection', () => pool.end());
  const app = express();
  app.disable('x-powered-by');
  app.use(probes(registry, { database: async () => void (await pool.query('select 1')) }));
  const server = createServer(app);
  const url = await listen(server, config.host, config.port);
  run.started('probes', async () => {
    server.close();
    server.closeAllConnections();
  });
  return url;
}
