import { TASK_QUEUES } from '../../database/queue-schema.ts';
import { inTransaction } from '../database.ts';
import { asTenant } from '../tenant.ts';
import { taskActor } from './execute.ts';
import { TASK_KINDS } from './kinds.ts';
import { startTaskRelay, type TaskRelayOptions } from './relay.ts';
import { startTaskRunner, type TaskRunnerOptions } from './runner.ts';
import { TASK_RETRY_SCHEDULE, type TaskKind, type TaskTools } from './task.ts';

export interface TasksOptions
  extends Pick<TaskRelayOptions, 'pool' | 'boss' | 'log'>,
    Pick<TaskRunnerOptions, 'metrics'> {
  tools: Omit<TaskTools, 'pool' | 'log' | 'asTenant'>;
  kinds?: readonly TaskKind[];
  retrySchedule?: readonly number[];
  /** how long a statement on behalf of an organization may take */
  statementTimeoutMs?: number;
  /** how often tasks and jobs are looked for */
  pollMs?: number;
}

export interface Tasks {
  stop(patienceMs: number): Promise<void>;
}

/** As long as a request may take. */
const STATEMENT_TIMEOUT_MS = 15_000;

/** Does tasks: their relay, and a runner each for statements and for what waits for outside services. */
export function startTasks({
  kinds = TASK_KINDS,
  retrySchedule = TASK_RETRY_SCHEDULE,
  statementTimeoutMs = STATEMENT_TIMEOUT_MS,
  pollMs = 250,
  ...options
}: TasksOptions): Tasks {
  const { pool, boss, log, metrics } = options;
  const known = new Map(kinds.map((kind) => [kind.kind, kind]));
  const tools: TaskTools = {
    ...options.tools,
    pool,
    log,
    asTenant: (task, run) =>
      inTransaction(pool, (client) =>
        asTenant(client, taskActor(task.organizationId, task.id), () => run(client), statementTimeoutMs),
      ),
  };
  const shared = { pool, boss, kinds: known, tools, pollMs, retrySchedule, statementTimeoutMs, log, metrics };
  const runners = [
    startTaskRunner({ ...shared, queue: TASK_QUEUES.statements, places: 2, placesPerOrganization: 1 }),
    startTaskRunner({ ...shared, queue: TASK_QUEUES.outside, places: 16, placesPerOrganization: 4 }),
  ];
  const relay = startTaskRelay({
    pool,
    boss,
    kinds: known,
    pollMs,
    log,
    onRelayed: () => {
      for (const runner of runners) runner.wake();
    },
  });
  return {
    async stop(patienceMs) {
      await relay.stop();
      await Promise.all(runners.map((runner) => runner.stop(patienceMs)));
    },
  };
}
