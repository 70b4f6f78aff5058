import type pg from 'pg';
import { type Job, type JobInsert, PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import { QUEUE_SCHEMA, queueDatabase } from '../database/queue-schema.ts';
import type { Lane } from './lanes.ts';

/** Data of a delivery job: one attempt of one delivery. */
export interface DeliveryJobData {
  organizationId: string;
  deliveryId: string;
  attempt: number;
}

export type DeliveryJob = Job<DeliveryJobData>;

/** What holds for every job. */
export const EVERY_JOB = {
  // The shortest that pg-boss allows. A worker says every few seconds of each slow job that it is still at it; the jobs of one
  // that was killed are handed out again after this time and at most SUPERVISE_SECONDS more.
  heartbeatSeconds: 10,
  // A job ends by being deleted, however often it was handed out again before: its attempts are counted elsewhere.
  retryLimit: 2_000_000_000,
  retentionSeconds: 365 * 86_400,
} as const;

/** pg-boss on the worker's own connections. It upholds the queues: expiry, heartbeats, deletion, cron. */
export async function openQueue(pool: pg.Pool, log: Logger, superviseSeconds: number): Promise<PgBoss> {
  const boss = new PgBoss({
    db: queueDatabase(pool),
    schema: QUEUE_SCHEMA,
    migrate: false, // trunkline migrate does that, as the owner of the schema
    createSchema: false,
    superviseIntervalSeconds: superviseSeconds,
    monitorIntervalSeconds: superviseSeconds,
    maintenanceIntervalSeconds: 300,
    warningQueueSize: 1_000_000, // many waiting retries are nothing unusual; the metrics tell how far behind we are
  });
  boss.on('error', (error) => log.debug({ err: error }, 'pg-boss'));
  boss.on('warning', (warning) => log.warn({ warning }, 'pg-boss'));
  await boss.start();
  return boss;
}

/** The job of an attempt, in its lane. */
export function deliveryJob(
  data: DeliveryJobData,
  endpointId: string,
  lane: Lane,
  startAfter?: Date,
): JobInsert<DeliveryJobData> {
  return {
    data,
    priority: lane.priority,
    group: { id: endpointId },
    ...EVERY_JOB,
    ...(startAfter && { startAfter }),
  };
}
