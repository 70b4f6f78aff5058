import { setInterval } from 'node:timers';
import type pg from 'pg';
import type { PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import type { WorkerMetrics } from './metrics.ts';

const DUTY_QUEUE = 'timed-duties';

interface Duty {
  cron: string;
  atStart: boolean;
  run(pool: pg.Pool): Promise<unknown>;
}

/** What is done by the clock (UTC). pg-boss makes one job of each occasion, however many workers run. */
const DUTIES: Record<string, Duty> = {
  partitions: {
    cron: '23 3 * * *',
    atStart: true,
    run: async (pool) => {
      await pool.query('select audit.make_partitions()');
      await pool.query('select audit.drop_expired()');
    },
  },
  seal: {
    cron: '2 * * * *', // an hour stays open for a minute of grace
    atStart: true,
    run: (pool) => pool.query('select audit.seal_closed_hours()'),
  },
  imports: {
    cron: '*/5 * * * *',
    atStart: false,
    run: (pool) => pool.query('select app.note_stopped_imports()'),
  },
  retention: {
    cron: '*/10 * * * *',
    atStart: false,
    run: async (pool) => {
      for (;;) {
        const { rows } = await pool.query<{ removed: string }>('select app.remove_expired() as removed');
        if (Number(rows[0]?.removed ?? 0) === 0) return;
      }
    },
  },
};

/** Sets the duties up and does those that fall to this worker, until pg-boss stops. */
export async function startSchedule(boss: PgBoss, pool: pg.Pool, log: Logger): Promise<void> {
  await boss.createQueue(DUTY_QUEUE, { retryLimit: 3, retryDelay: 60, expireInSeconds: 3600 });
  await boss.work<{ duty: string }>(DUTY_QUEUE, { pollingIntervalSeconds: 2 }, async (jobs) => {
    for (const job of jobs) {
      const startedAt = Date.now();
      await DUTIES[job.data.duty]?.run(pool);
      log.debug({ duty: job.data.duty, ms: Date.now() - startedAt }, 'timed duty done');
    }
  });
  for (const [duty, { cron, atStart }] of Object.entries(DUTIES)) {
    await boss.schedule(DUTY_QUEUE, cron, { duty }, { key: duty });
    // several workers that start together do it once
    if (atStart) await boss.send(DUTY_QUEUE, { duty }, { singletonKey: duty, singletonSeconds: 60 });
  }
}

/** Keeps the outbox metrics fresh. Returns how to stop. */
export function watchOutbox(pool: pg.Pool, metrics: WorkerMetrics): () => void {
  const timer = setInterval(async () => {
    const { rows } = await pool
      .query('select outbox_rows, outbox_age_seconds from app.outbox_backlog()')
      .catch(() => ({ rows: [] }));
    if (rows[0]) metrics.outbox(Number(rows[0].outbox_rows), Number(rows[0].outbox_age_seconds ?? 0));
  }, 5000);
  timer.unref();
  return () => clearInterval(timer);
}
