import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import { DELIVERY_QUEUE, queueDatabase } from '../database/queue-schema.ts';
import type { Attempt } from '../webhooks/sender.ts';
import type { Claim } from './claims.ts';
import { inTransaction } from './database.ts';
import type { Lanes } from './lanes.ts';
import { startLoop } from './loop.ts';
import type { DeliveryOutcome, WorkerMetrics } from './metrics.ts';
import type { Prepared } from './prepare.ts';
import { deliveryJob } from './queue.ts';

/** A claim that is done with: with the result of its attempt, or without one when there was nothing to send. */
export interface Done {
  claim: Claim;
  result?: { row: Prepared; attempt: RecordedAttempt; attemptedAt: Date };
}

export type RecordedAttempt = Pick<Attempt, 'ok' | 'status' | 'latencyMs' | 'responseBody' | 'retryAfterSeconds'> & {
  error: string | null;
};

interface Next {
  organization_id: string;
  delivery_id: string;
  endpoint_id: string;
  attempt: number;
  start_after: Date;
}

export interface RecorderOptions {
  pool: pg.Pool;
  boss: PgBoss;
  lanes: Lanes;
  retrySchedule: number[];
  disableAfter: number;
  batch: number;
  /** how long results gather before they are recorded together */
  gatherMs: number;
  log: Logger;
  metrics: WorkerMetrics;
  onRecorded(claim: Claim): void;
}

export interface Recorder {
  add(done: Done): void;
  /** Records what is left, then stops; gives up when the database stays away. */
  stop(): Promise<void>;
}

/**
 * Records results as they come, a few milliseconds' worth at a time. One transaction logs the attempts, makes the jobs of the next
 * ones and takes the done ones from the queue. A job is deleted rather than completed: a completed one would be written once
 * more (with its index entries) only to be deleted a minute later, and the delivery log knows all it could tell.
 */
export function startRecorder(options: RecorderOptions): Recorder {
  const { pool, boss, lanes, log, metrics } = options;
  const schedule = options.retrySchedule.map((seconds) => `${seconds} seconds`);
  const disableAfter = `${options.disableAfter} seconds`;
  const pending: Done[] = [];

  async function recordBatch(batch: Done[]): Promise<Next[]> {
    const results = batch.flatMap(({ result }) => (result ? [resultRecord(result)] : []));
    return inTransaction(pool, async (client) => {
      const db = queueDatabase(client);
      let next: Next[] = [];
      if (results.length > 0) {
        const text = 'select * from app.record_attempts($1, $2::interval[], $3::interval)';
        next = (await client.query<Next>(text, [JSON.stringify(results), schedule, disableAfter])).rows;
      }
      if (next.length > 0) await boss.insert(DELIVERY_QUEUE, next.map(nextJob), { db });
      await boss.deleteJob(
        DELIVERY_QUEUE,
        batch.map(({ claim }) => claim.job),
        { db },
      );
      return next;
    });
  }

  const nextJob = (next: Next) =>
    deliveryJob(
      { organizationId: next.organization_id, deliveryId: next.delivery_id, attempt: next.attempt },
      next.endpoint_id,
      lanes.slow,
      next.start_after,
    );

  const loop = startLoop('record', log, async () => {
    if (pending.length === 0) return 60_000;
    if (pending.length < options.batch) await delay(options.gatherMs);
    const batch = pending.slice(0, options.batch);
    const next = await recordBatch(batch);
    pending.splice(0, batch.length);
    const again = new Set(next.map((one) => one.delivery_id));
    for (const { claim, result } of batch) {
      if (result) metrics.attempted(outcome(result, again), result.attempt.latencyMs / 1000);
      options.onRecorded(claim);
    }
    return pending.length > 0 ? 0 : 60_000;
  });

  return {
    add(done) {
      pending.push(done);
      if (pending.length === 1) loop.wake();
    },
    async stop() {
      loop.wake();
      const deadline = Date.now() + 10_000;
      while (pending.length > 0 && Date.now() < deadline) await delay(10);
      await loop.stop();
      if (pending.length > 0)
        log.warn({ results: pending.length }, 'results could not be recorded: they will be sent again');
    },
  };
}

function resultRecord({ row, attempt, attemptedAt }: NonNullable<Done['result']>): object {
  return {
    id: row.attempt_id,
    organization_id: row.organization_id,
    delivery_id: row.delivery_id,
    endpoint_id: row.endpoint_id,
    event_type: row.event_type,
    attempt: row.attempt,
    ok: attempt.ok,
    status: attempt.status,
    latency_ms: attempt.latencyMs,
    // jsonb refuses half a surrogate pair, and one such answer would keep its whole batch from being recorded
    response_body: attempt.responseBody?.toWellFormed() ?? null,
    error: attempt.error,
    retry_after_seconds: attempt.retryAfterSeconds,
    attempted_at: attemptedAt.toISOString(),
  };
}

function outcome({ row, attempt }: NonNullable<Done['result']>, again: Set<string>): DeliveryOutcome {
  if (attempt.ok) return 'delivered';
  return again.has(row.delivery_id) ? 'failed' : 'dead_letter';
}
