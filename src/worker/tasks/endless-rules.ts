import pg from 'pg';
import { inTransaction } from '../database.ts';
import { asTenant } from '../tenant.ts';
import { type ExecuteOptions, taskActor } from './execute.ts';
import type { Task, TaskKind } from './task.ts';

// A rule that does not end would hold up every task of its organization for as long as a statement may take, at every attempt.

/** So many are looked for at once; others at the next attempt. */
const MOST = 10;
/** A rule takes well below a millisecond; one that takes this part of what a whole statement may take does not end. */
const PART = 5;

/**
 * Has the rules switched off at which a task's statement ran into its time-out. Whether there was one, so that it is worth another try
 * at once; anything else than a rule that was slow, such as a lock or a busy machine, is not helped by that.
 */
export async function switchOffEndlessRules(
  failure: unknown,
  task: Task,
  { kind, endlessRule }: TaskKind,
  { pool, statementTimeoutMs, log }: ExecuteOptions,
): Promise<boolean> {
  if (endlessRule === undefined || !(failure instanceof pg.DatabaseError) || failure.code !== TIMED_OUT) return false;
  for (let found = 0; found < MOST; found++) {
    try {
      const rule = await inTransaction(pool, (client) =>
        asTenant(
          client,
          taskActor(task.organizationId, task.id),
          async () =>
            (await client.query<{ rule: string | null }>(`select ${endlessRule}($1) as rule`, [task.subjectId])).rows[0]
              ?.rule,
          Math.ceil(statementTimeoutMs / PART),
        ),
      );
      if (rule == null) return found > 0;
      log.warn(
        { kind, task: task.id, organization: task.organizationId, rule },
        'a rule did not end: it is switched off',
      );
    } catch (error) {
      log.warn({ err: error, kind, task: task.id }, 'no rule was found that does not end');
      return found > 0;
    }
  }
  return true;
}

const TIMED_OUT = '57014';
