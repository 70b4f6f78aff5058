import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Job, PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import { queueDatabase } from '../../database/queue-schema.ts';
import { inTransaction } from '../database.ts';
import { startLoop } from '../loop.ts';
import type { WorkerMetrics } from '../metrics.ts';
import { doJob, type Settlement } from './execute.ts';
import { type TaskJobData, taskJob } from './relay.ts';
import type { TaskKind, TaskTools } from './task.ts';

const TOUCH_MS = 2500;

export interface TaskRunnerOptions {
  pool: pg.Pool;
  boss: PgBoss;
  queue: string;
  kinds: ReadonlyMap<string, TaskKind>;
  tools: TaskTools;
  /** jobs done at once, and of these for one organization */
  places: number;
  placesPerOrganization: number;
  pollMs: number;
  retrySchedule: readonly number[];
  /** how long a statement on behalf of an organization may take: its rules are its own, and may be endless */
  statementTimeoutMs: number;
  log: Logger;
  metrics: WorkerMetrics;
}

export interface TaskRunner {
  /** There may be new jobs. */
  wake(): void;
  /** Fetches nothing more, and waits so long for what is under way; the rest is handed out again. */
  stop(patienceMs: number): Promise<void>;
}

/**
 * Does the jobs of one queue. A job is deleted in the transaction that settles its tasks and makes their next job, so a worker
 * killed at any point leaves either the whole or nothing of it; what it was doing is handed out again when its heartbeat is over.
 */
export function startTaskRunner(options: TaskRunnerOptions): TaskRunner {
  const { pool, boss, queue, log, places } = options;
  const underWay = new Map<Job<TaskJobData>, Promise<void>>();
  let givenUp = false;

  const loop = startLoop(queue, log, async () => {
    const free = places - underWay.size;
    if (free <= 0) return options.pollMs;
    const held = Map.groupBy(underWay.keys(), (job) => job.data.organizationId);
    const crowded = [...held].filter(([, jobs]) => jobs.length >= options.placesPerOrganization).map(([id]) => id);
    const jobs = await boss.fetch<TaskJobData>(queue, {
      batchSize: Math.min(free, options.placesPerOrganization),
      ignoreGroups: crowded,
    });
    for (const job of jobs) {
      const work = perform(job).finally(() => {
        underWay.delete(job);
        loop.wake();
      });
      underWay.set(job, work);
    }
    return jobs.length > 0 ? 0 : options.pollMs;
  });

  async function perform(job: Job<TaskJobData>): Promise<void> {
    try {
      const settlement = await doJob(job.data, options);
      // what a stopping worker gave up has not failed
      if (givenUp) return;
      const settled = await settleOrInstead(job, settlement);
      options.metrics.taskDone(job.data.kind, settled.outcome);
    } catch (error) {
      // the database is away; the job is handed out again
      log.warn({ err: error, kind: job.data.kind }, 'a task could not be settled');
    }
  }

  async function settleOrInstead(job: Job<TaskJobData>, settlement: Settlement): Promise<Settlement> {
    try {
      await settle(job, settlement);
      return settlement;
    } catch (error) {
      // tried again at once and without end, it would be refused again
      const instead = isRefusal(error as Error) ? await settlement.refused?.(error as Error) : undefined;
      if (!instead) throw error;
      log.warn({ err: error, kind: job.data.kind }, 'what came of a task could not be recorded');
      return settleOrInstead(job, instead);
    }
  }

  async function settle(job: Job<TaskJobData>, settlement: Settlement): Promise<void> {
    await inTransaction(pool, async (client) => {
      const next = await settlement.record(client);
      const jobs = next.map(({ tasks, at }) => taskJob({ ...job.data, tasks }, at));
      const db = queueDatabase(client);
      if (jobs.length > 0) await boss.insert(queue, jobs, { db });
      await boss.deleteJob(queue, [job.id], { db });
    });
  }

  const heartbeat = setInterval(() => {
    const jobs = [...underWay.keys()];
    if (jobs.length === 0) return;
    boss.touch(queue, jobs).catch((error: Error) => log.debug({ err: error }, 'heartbeats could not be sent'));
  }, TOUCH_MS);

  return {
    wake: () => loop.wake(),
    async stop(patienceMs) {
      await loop.stop();
      await Promise.race([Promise.allSettled(underWay.values()), delay(patienceMs, undefined, { ref: false })]);
      givenUp = true;
      clearInterval(heartbeat);
      const left = [...underWay.keys()].map(({ id }) => id);
      if (left.length > 0) await boss.fail(queue, left).catch(() => {}); // without a heartbeat they go back by themselves
    },
  };
}

/** What the database will say again: not that it is away, is shutting down, or had two in each other's way. */
const isRefusal = (error: Error): boolean =>
  error instanceof pg.DatabaseError && !/^(08|40|53|57P|58)/.test(error.code ?? '08');
