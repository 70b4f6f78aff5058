import type pg from 'pg';
import type { Logger } from 'pino';
import { systemActor } from '../../operations/actor.ts';
import { inTransaction, isAway } from '../database.ts';
import { asTenant } from '../tenant.ts';
import { switchOffEndlessRules } from './endless-rules.ts';
import type { TaskJobData } from './relay.ts';
import {
  isStatement,
  type Outcome,
  type OutsideTask,
  type StatementTask,
  type Task,
  type TaskKind,
  type TaskTools,
} from './task.ts';

/** Tasks that need another job, and when. */
export interface Next {
  tasks: TaskJobData['tasks'];
  at: Date;
}

export interface Settlement {
  outcome: Outcome['state'];
  /** Writes down what came of it, in a transaction of the worker's. */
  record(client: pg.ClientBase): Promise<Next[]>;
  /** What to write down instead when the database refuses that. */
  refused?(error: Error): Promise<Settlement>;
}

/** What doing tasks takes. */
export interface ExecuteOptions {
  pool: pg.Pool;
  kinds: ReadonlyMap<string, TaskKind>;
  tools: TaskTools;
  retrySchedule: readonly number[];
  statementTimeoutMs: number;
  log: Logger;
}

/** A service may ask for a pause of a hundred years. */
const LONGEST_PAUSE = 24 * 60 * 60;
const MAX_ERROR = 1000;
const DEFECT = 'Something went wrong on our side; the log says more.';

/** Who does a task: its organization, with every scope. The audit log names the task. */
export const taskActor = (organizationId: string, id: string) => systemActor(organizationId, 'worker', `task_${id}`);

/** Does the tasks of a job that are still to be done. Rejects only when the database is away. */
export async function doJob(data: TaskJobData, options: ExecuteOptions): Promise<Settlement> {
  const { organizationId, kind } = data;
  const known = options.kinds.get(kind);
  const tasks = await openTasks(data, options.pool);
  if (tasks.length === 0) return { outcome: 'done', record: async () => [] };
  if (!known) {
    return {
      outcome: 'dead',
      record: (client) => settle(client, organizationId, tasks, 'dead', `No worker does ${kind}.`, 0),
    };
  }
  return isStatement(known) ? doTogether(tasks, known, options) : doOutside(tasks[0] as Task, known, options);
}

async function openTasks({ organizationId, tasks }: TaskJobData, pool: pg.Pool): Promise<Task[]> {
  const { rows } = await pool.query<{ task_id: string; subject_id: string; version: number; attempt: number }>(
    'select * from app.open_tasks($1, $2, $3)',
    [organizationId, tasks.map(({ id }) => id), tasks.map(({ version }) => version)],
  );
  return rows.map((row) => ({
    organizationId,
    id: row.task_id,
    subjectId: row.subject_id,
    version: row.version,
    attempt: row.attempt,
  }));
}

async function doOutside(task: Task, kind: OutsideTask, options: ExecuteOptions): Promise<Settlement> {
  const outcome = await kind.run(task, options.tools).catch((error: Error): Outcome => {
    // no attempt: nothing is wrong with the task
    if (isAway(error)) throw error;
    options.log.error({ err: error, kind: kind.kind, task: task.id }, 'a defect: a task threw');
    return { state: 'failed', error: DEFECT };
  });
  const schedule = kind.retrySchedule ?? options.retrySchedule;
  const { state, error, pause } = judged(outcome, task, schedule);
  if (error) options.log.warn({ kind: kind.kind, task: task.id, attempt: task.attempt, state, error }, 'a task failed');
  const settlement: Settlement = {
    outcome: state,
    async record(client) {
      const { record } = outcome;
      if (record) {
        const actor = taskActor(task.organizationId, task.id);
        await asTenant(client, actor, () => record(client), options.statementTimeoutMs);
      }
      return settle(client, task.organizationId, [task], state, error, pause);
    },
  };
  const failed = async (refusal: Error): Promise<Settlement> => {
    const again = judged({ state: 'failed', error: refusal.message }, task, schedule);
    return {
      outcome: again.state,
      record: (client) => settle(client, task.organizationId, [task], again.state, again.error, again.pause),
    };
  };
  return {
    ...settlement,
    refused: async (refusal) =>
      (await switchOffEndlessRules(refusal, task, kind, options))
        ? { ...settlement, refused: failed }
        : failed(refusal),
  };
}

function judged(
  outcome: Outcome,
  task: Task,
  schedule: readonly number[],
): { state: Outcome['state']; error: string | null; pause: number } {
  if (outcome.state === 'done') return { state: 'done', error: null, pause: 0 };
  if (outcome.state === 'later') return { state: 'later', error: null, pause: Math.max(0, outcome.pause) };
  const error = outcome.error.slice(0, MAX_ERROR);
  const scheduled = schedule[task.attempt - 1];
  if (outcome.state === 'dead' || scheduled === undefined) return { state: 'dead', error, pause: 0 };
  return { state: 'failed', error, pause: Math.max(scheduled, Math.min(outcome.retryAfter ?? 0, LONGEST_PAUSE)) };
}

/**
 * The statement is part of the settlement. When it fails for a batch, each of its tasks is tried alone, at once: one row that
 * cannot be done keeps no other from it.
 */
async function doTogether(tasks: Task[], kind: StatementTask, options: ExecuteOptions): Promise<Settlement> {
  const [{ organizationId, id }] = tasks as [Task, ...Task[]];
  const run = async (client: pg.ClientBase) => {
    const { text, values } = kind.statement(tasks.map(({ subjectId }) => subjectId));
    await asTenant(client, taskActor(organizationId, id), () => client.query(text, values), options.statementTimeoutMs);
  };
  const attempt = async (): Promise<Settlement> => {
    await inTransaction(options.pool, async (client) => {
      await run(client);
      await settle(client, organizationId, tasks, 'done', null, 0);
    });
    return { outcome: 'done', record: async () => [] };
  };
  try {
    return await attempt().catch(async (error: Error) => {
      const alone = tasks.length === 1;
      if (alone && (await switchOffEndlessRules(error, tasks[0] as Task, kind, options))) return attempt();
      throw error;
    });
  } catch (error) {
    options.log.warn({ err: error, kind: kind.kind, tasks: tasks.length }, 'a statement of tasks failed');
    if (tasks.length > 1) {
      const at = new Date();
      return {
        outcome: 'later',
        record: async () => tasks.map((task) => ({ tasks: [{ id: task.id, version: task.version }], at })),
      };
    }
    const task = tasks[0] as Task;
    const { state, pause } = judged({ state: 'failed', error: DEFECT }, task, options.retrySchedule);
    return {
      outcome: state,
      record: (client) =>
        settle(client, organizationId, tasks, state, (error as Error).message.slice(0, MAX_ERROR), pause),
    };
  }
}

async function settle(
  client: pg.ClientBase,
  organizationId: string,
  tasks: Task[],
  state: Outcome['state'],
  error: string | null,
  pause: number,
): Promise<Next[]> {
  const { rows } = await client.query<{ task_id: string; run_at: Date | null }>(
    'select * from app.settle_tasks($1, $2, $3, $4, $5, make_interval(secs => $6))',
    [organizationId, tasks.map(({ id }) => id), tasks.map(({ version }) => version), state, error, pause],
  );
  const versions = new Map(tasks.map(({ id, version }) => [id, version]));
  return rows.flatMap(({ task_id: id, run_at: at }) =>
    at ? [{ tasks: [{ id, version: versions.get(id) as number }], at }] : [],
  );
}
