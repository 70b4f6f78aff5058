import type { Logger } from 'pino';
import { createOutbound } from '../connections/http-client.ts';
import type { LanguageModel } from '../language-model/language-model.ts';
import type { Encryption } from '../security/encryption.ts';
import type { Storage } from '../storage/storage.ts';
import type { AddressGuard } from '../webhooks/address-guard.ts';
import { createSender } from '../webhooks/sender.ts';
import { openPool } from './database.ts';
import { startDeliverer } from './deliver.ts';
import { INBOUND_RETRY_SCHEDULE, startInbound } from './inbound.ts';
import { DEFAULT_LANES, type Lanes } from './lanes.ts';
import { NO_METRICS, type WorkerMetrics } from './metrics.ts';
import { startPolls } from './polls.ts';
import { openQueue } from './queue.ts';
import { startRelay } from './relay.ts';
import { startSchedule, watchOutbox } from './schedule.ts';
import { startTasks, type TasksOptions } from './tasks/tasks.ts';

export interface WorkerOptions {
  /** connection string of the login role `worker` */
  databaseUrl: string;
  encryption: Encryption;
  guard: AddressGuard;
  storage: Storage;
  /** decides what calls were about; none: rules do. The worker closes it. */
  languageModel?: LanguageModel | undefined;
  /** times of the retries in seconds, counted from the first attempt; fractions are allowed */
  retrySchedule: number[];
  /** seconds an endpoint may fail before it is disabled */
  disableAfter: number;
  log: Logger;
  metrics?: WorkerMetrics;
  /** how often the outbox is looked at when it was empty */
  relayPollMs?: number;
  relayBatch?: number;
  /** how often the queue is looked at without being told of new jobs: for retries, and for jobs of other workers */
  queuePollMs?: number;
  /** how long results gather before they are recorded together */
  gatherMs?: number;
  /** deliveries prepared or recorded by one statement */
  batch?: number;
  timeoutMs?: number;
  lanes?: Lanes;
  /** how often jobs of dead workers are looked for */
  superviseSeconds?: number;
  /** what hooks brought: seconds to wait after each failed attempt; how often it is looked for; how long a claim holds */
  inbound?: { retrySchedule?: readonly number[]; pollMs?: number; leaseSeconds?: number };
  /** folder that messages are written to for which nothing is connected that would send them */
  outboxDir: string;
  /** how the outside reaches the gateway; without it, mails have no link to unsubscribe by */
  publicUrl?: string;
  /** what follows from changes: seconds to wait after each failed attempt; how often it is looked for */
  tasks?: Pick<TasksOptions, 'retrySchedule' | 'statementTimeoutMs' | 'pollMs' | 'kinds'>;
  /** what services are asked for by the clock: how often it is looked which are due; how long a claim holds */
  polls?: { pollMs?: number; leaseSeconds?: number };
}

export interface Worker {
  /** Claims nothing more, lets the attempts under way end (10 seconds at most), gives jobs that did not start back, and closes. */
  stop(): Promise<void>;
}

/** Starts the background worker: outbox relay, webhook delivery, inbound hooks, polls, tasks, timed duties. Rejects when the database does not answer. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { log, metrics = NO_METRICS, lanes = DEFAULT_LANES, timeoutMs = 10_000, batch = 200 } = options;
  const pool = openPool(options.databaseUrl, log);
  const giveUp = async (error: unknown): Promise<never> => {
    await pool.end();
    throw error;
  };
  const boss = await openQueue(pool, log, options.superviseSeconds ?? 5).catch(giveUp);
  await startSchedule(boss, pool, log).catch(async (error) => {
    await boss.stop({ graceful: false }).catch(() => undefined);
    return giveUp(error);
  });

  const sender = createSender({
    guard: options.guard,
    timeoutMs,
    // The lanes say how much is sent at once; several endpoints may share an origin, and none shall wait for a connection.
    connectionsPerOrigin: Object.values(lanes).reduce((sum, lane) => sum + lane.places, 0),
  });
  const deliverer = startDeliverer({
    pool,
    boss,
    sender,
    encryption: options.encryption,
    lanes,
    retrySchedule: options.retrySchedule,
    disableAfter: options.disableAfter,
    pollMs: options.queuePollMs ?? 250,
    gatherMs: options.gatherMs ?? 10,
    batch,
    log,
    metrics,
  });
  const relay = startRelay({
    pool,
    boss,
    lanes,
    batch: options.relayBatch ?? 500,
    pollMs: options.relayPollMs ?? 100,
    log,
    metrics,
    onRelayed: () => deliverer.wake(),
  });
  const outbound = createOutbound({ guard: options.guard, timeoutMs });
  const inbound = startInbound({
    pool,
    outbound,
    encryption: options.encryption,
    log,
    metrics,
    retrySchedule: INBOUND_RETRY_SCHEDULE,
    pollMs: 500,
    ...options.inbound,
  });
  const tasks = startTasks({
    pool,
    boss,
    log,
    metrics,
    tools: {
      outbound,
      encryption: options.encryption,
      storage: options.storage,
      outbox: options.outboxDir,
      publicUrl: options.publicUrl,
      languageModel: options.languageModel,
    },
    ...options.tasks,
  });
  const polls = startPolls({
    pool,
    outbound,
    encryption: options.encryption,
    log,
    metrics,
    pollMs: 5000,
    ...options.polls,
  });
  const stopWatching = options.metrics ? watchOutbox(pool, metrics) : () => {};
  log.info('worker started');

  return {
    async stop() {
      stopWatching();
      await relay.stop();
      await Promise.all([
        deliverer.stop(timeoutMs + 1000),
        inbound.stop(timeoutMs + 1000),
        polls.stop(timeoutMs + 1000),
        tasks.stop(timeoutMs + 1000),
      ]);
      await outbound.close();
      await options.languageModel?.close();
      await sender.close();
      await boss.stop({ graceful: true, timeout: 5000 });
      await pool.end();
      log.info('worker stopped');
    },
  };
}
