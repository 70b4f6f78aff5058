import type pg from 'pg';
import type { PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import { DELIVERY_QUEUE } from '../database/queue-schema.ts';
import type { Encryption } from '../security/encryption.ts';
import type { Sender } from '../webhooks/sender.ts';
import { type Claim, Claims } from './claims.ts';
import { startFetching } from './fetch.ts';
import type { Lanes } from './lanes.ts';
import { startLoop } from './loop.ts';
import type { WorkerMetrics } from './metrics.ts';
import { type Prepared, prepareDeliveries, signDelivery } from './prepare.ts';
import type { DeliveryJob } from './queue.ts';
import { type RecordedAttempt, type Recorder, startRecorder } from './record.ts';
import { startUpkeep } from './upkeep.ts';

export interface DelivererOptions {
  pool: pg.Pool;
  boss: PgBoss;
  sender: Sender;
  encryption: Encryption;
  lanes: Lanes;
  retrySchedule: number[];
  disableAfter: number;
  pollMs: number;
  gatherMs: number;
  batch: number;
  log: Logger;
  metrics: WorkerMetrics;
}

export interface Deliverer {
  /** There may be new jobs. */
  wake(): void;
  /** Claims nothing more, gives back what has not started, and waits for the attempts under way. */
  stop(graceMs: number): Promise<void>;
}

const NOT_SIGNED: RecordedAttempt = {
  ok: false,
  status: null,
  latencyMs: 0,
  responseBody: null,
  retryAfterSeconds: null,
  error: 'signing_failed',
};

/**
 * Job → claim → place → prepared and signed → sent → recorded. Every step takes what is there and none waits for a whole batch of
 * the step before, so a fast answer never waits for a slow one.
 */
export function startDeliverer(options: DelivererOptions): Deliverer {
  const { pool, boss, sender, lanes, log, metrics } = options;
  const claims = new Claims();
  const starting: Claim[] = [];
  const underWay = new Set<Promise<void>>();
  const abort = new AbortController();

  const recorder: Recorder = startRecorder({ ...options, onRecorded: (claim) => claims.release(claim) });
  const upkeep = startUpkeep({ boss, claims, log });

  const preparing = startLoop('prepare', log, async () => {
    if (starting.length === 0) return 60_000;
    const batch = starting.slice(0, options.batch);
    const prepared = await prepareDeliveries(pool, batch);
    starting.splice(0, batch.length);
    for (const claim of batch) {
      const row = prepared.get(claim);
      if (!row) {
        // what waits for an earlier event may have its next job at any moment
        claims.release(claim);
        recorder.add({ claim });
        free(claim);
        continue;
      }
      const attempt: Promise<void> = send(claim, row).finally(() => underWay.delete(attempt));
      underWay.add(attempt);
    }
    return starting.length > 0 ? 0 : 60_000;
  });

  async function send(claim: Claim, row: Prepared): Promise<void> {
    const attemptedAt = new Date();
    const request = signDelivery(row, options.encryption, log);
    try {
      const attempt = request ? await sender.send({ ...request, signal: abort.signal }) : NOT_SIGNED;
      recorder.add({ claim, result: { row, attempt, attemptedAt } });
      free(claim, attempt.ok);
    } catch (error) {
      if (abort.signal.aborted) {
        free(claim);
        return upkeep.giveBack([claim]);
      }
      log.error({ err: error, endpoint: row.endpoint_id, delivery: row.delivery_id }, 'a delivery could not be sent');
      recorder.add({ claim, result: { row, attempt: { ...NOT_SIGNED, error: 'network_error' }, attemptedAt } });
      free(claim, false);
    }
  }

  function free(claim: Claim, ok?: boolean): void {
    claims.finish(claim, ok);
    start();
    for (const lane of fetching) lane.refill();
  }

  // Claims came in or places were freed: start who can.
  function start(): void {
    const ready = claims.start();
    metrics.underWay(claims.underWay);
    if (ready.length === 0) return;
    const idle = starting.length === 0;
    starting.push(...ready);
    if (idle) preparing.wake();
  }

  const fetching = Object.values(lanes).map((lane) =>
    startFetching({ boss, claims, lane, pollMs: options.pollMs, log, onClaimed: start, onSurplus: removeSurplus }),
  );

  function removeSurplus(jobs: DeliveryJob[]): void {
    boss
      .deleteJob(DELIVERY_QUEUE, jobs)
      .catch((error) => log.debug({ err: error }, 'surplus jobs stay until they expire'));
  }

  return {
    wake() {
      for (const loop of fetching) loop.wake();
    },
    async stop(graceMs) {
      await Promise.all([...fetching, preparing].map((loop) => loop.stop()));
      await upkeep.giveBack([...claims.waiting(), ...starting]);
      const timer = setTimeout(() => abort.abort(new Error('The worker stops')), graceMs);
      while (underWay.size > 0) await Promise.all(underWay);
      clearTimeout(timer);
      await recorder.stop();
      await upkeep.stop();
    },
  };
}
