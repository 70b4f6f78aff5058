import type pg from 'pg';
import type { JobInsert, PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import { queueDatabase, TASK_QUEUES } from '../../database/queue-schema.ts';
import { inTransaction } from '../database.ts';
import { type Loop, startLoop } from '../loop.ts';
import { EVERY_JOB } from '../queue.ts';
import { isStatement, type TaskKind } from './task.ts';

/** Data of a task job: tasks of one kind and one organization, as they were asked for. */
export interface TaskJobData {
  organizationId: string;
  kind: string;
  priority: number;
  tasks: { id: string; version: number }[];
}

interface Due {
  organization_id: string;
  task_id: string;
  kind: string;
  version: number;
  priority: number;
  run_at: Date;
}

const BATCH = 1000;

/** The queue of a kind: what waits for others has places of its own. */
const queueOf = (kind: TaskKind): string => (isStatement(kind) ? TASK_QUEUES.statements : TASK_QUEUES.outside);

export const taskJob = (data: TaskJobData, startAfter: Date): JobInsert<TaskJobData> => ({
  data,
  priority: data.priority,
  startAfter,
  group: { id: data.organizationId },
  ...EVERY_JOB,
});

export interface TaskRelayOptions {
  pool: pg.Pool;
  boss: PgBoss;
  kinds: ReadonlyMap<string, TaskKind>;
  pollMs: number;
  log: Logger;
  onRelayed(): void;
}

/** Makes jobs of tasks, in one transaction with taking note of it. */
export function startTaskRelay({ pool, boss, kinds, pollMs, log, onRelayed }: TaskRelayOptions): Loop {
  return startLoop('task relay', log, async () => {
    const relayed = await inTransaction(pool, async (client) => {
      const { rows } = await client.query<Due>('select * from app.relay_tasks($1)', [BATCH]);
      const byQueue = new Map<string, JobInsert<TaskJobData>[]>();
      for (const [queue, job] of jobsOf(rows, kinds)) byQueue.set(queue, [...(byQueue.get(queue) ?? []), job]);
      for (const [queue, jobs] of byQueue) await boss.insert(queue, jobs, { db: queueDatabase(client) });
      return rows.length;
    });
    if (relayed > 0) onRelayed();
    return relayed === BATCH ? 0 : pollMs;
  });
}

/** Tasks that are one statement share a job, if they are due together. */
function* jobsOf(rows: Due[], kinds: ReadonlyMap<string, TaskKind>): Generator<[string, JobInsert<TaskJobData>]> {
  const alike = Map.groupBy(
    rows,
    (due) =>
      `${due.organization_id} ${due.kind} ${due.priority} ${due.run_at.getTime() > Date.now() ? due.run_at.getTime() : 0}`,
  );
  for (const dues of alike.values()) {
    const [{ organization_id: organizationId, kind, priority, run_at: at }] = dues as [Due, ...Due[]];
    const known = kinds.get(kind);
    const size = known && isStatement(known) ? known.batch : 1;
    for (let from = 0; from < dues.length; from += size) {
      const tasks = dues.slice(from, from + size).map(({ task_id: id, version }) => ({ id, version }));
      // a kind that this version does not know waits with the outside ones, for a worker that does
      yield [known ? queueOf(known) : TASK_QUEUES.outside, taskJob({ organizationId, kind, priority, tasks }, at)];
    }
  }
}
