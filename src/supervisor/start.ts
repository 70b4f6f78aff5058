import { join } from 'node:path';
import type { Config } from '../config.ts';
import { loginUrl } from '../database/login.ts';
import { startGateway } from '../gateway/gateway.ts';
import { httpUrl } from '../gateway/listen.ts';
import { createRegistry } from '../gateway/metrics.ts';
import type { Logger } from '../log.ts';
import { createStorage } from '../storage/storage.ts';
import { createWorkerMetrics } from '../worker/metrics.ts';
import { startWorker } from '../worker/worker.ts';
import { credentialsOf, openDatabase, prepareDatabase } from './database.ts';
import { encryptionOf } from './encryption-key.ts';
import { createFirstKey, type FirstKey } from './first-key.ts';
import { gatewayOptions } from './gateway.ts';
import type { Run } from './lifecycle.ts';
import { openPostgrest } from './postgrest.ts';
import { guardOf, languageModelOf, localUrl, required } from './settings.ts';

/** A whole instance: PostgreSQL, PostgREST, worker, gateway. */
export interface Instance {
  /** the gateway, for somebody on this machine */
  url: string;
  /** how the outside reaches it, when that was configured */
  publicUrl: string | undefined;
  adminUrl: string;
  /** where embedded data is kept; undefined with DATABASE_URL */
  dataDir: string | undefined;
  /** made when the database held no organization */
  firstKey: FirstKey | undefined;
}

/**
 * Starts everything in one process, each part after what it needs; the end goes the other way: the gateway drains, the worker
 * gives its jobs back, PostgREST, PostgreSQL.
 */
export async function startInstance(config: Config, run: Run, log: Logger): Promise<Instance> {
  const guard = guardOf(config);
  if (config.postgrestUrl) required(config.postgrestJwtSecret, 'POSTGREST_JWT_SECRET', 'with POSTGREST_URL');
  if (config.databaseUrl) credentialsOf(config, { embedded: undefined, inUse: true });

  const database = await openDatabase(config, log, { attach: false });
  const { adminUrl, embedded } = database;
  if (embedded) {
    embedded.exited.then((exit) => run.failed(`PostgreSQL ended by itself (${exit.signal ?? `code ${exit.code}`}).`));
    run.started('PostgreSQL', () => embedded.stop());
  }
  const credentials = credentialsOf(config, database);
  await prepareDatabase(adminUrl, credentials);
  run.checkpoint();

  const shared = {
    encryption: encryptionOf(credentials.encryptionKey),
    guard,
    storage: createStorage(config.storage),
    registry: createRegistry(),
    log,
  };
  const postgrest = await openPostgrest(config, loginUrl(adminUrl, 'postgrest', credentials), log);
  run.started('PostgREST', () => postgrest.stop());

  const worker = await startWorker({
    databaseUrl: loginUrl(adminUrl, 'worker', credentials),
    encryption: shared.encryption,
    guard,
    storage: shared.storage,
    retrySchedule: config.webhooks.retrySchedule,
    disableAfter: config.webhooks.disableAfter,
    outboxDir: join(config.dataDir, 'outbox'),
    // which port the gateway chooses is not known yet: then mails have no link rather than one that leads nowhere
    publicUrl: config.publicUrl ?? (config.port === 0 ? undefined : localUrl(httpUrl(config.host, config.port))),
    languageModel: languageModelOf(config),
    log,
    metrics: createWorkerMetrics(shared.registry),
  });
  run.started('worker', () => worker.stop());

  const gateway = await startGateway(
    gatewayOptions(config, shared, { databaseUrl: loginUrl(adminUrl, 'gateway', credentials), postgrest }),
  );
  run.started('gateway', () => gateway.stop());

  // last, so that the key is made only when it can be printed and used
  const firstKey = await createFirstKey(adminUrl);
  return {
    url: localUrl(gateway.url),
    publicUrl: config.publicUrl,
    adminUrl,
    dataDir: embedded && config.dataDir,
    firstKey,
  };
}
