import type pg from 'pg';
import type { Logger } from 'pino';
import type { Outbound } from '../../connections/http-client.ts';
import type { Statement } from '../../database/transaction.ts';
import type { LanguageModel } from '../../language-model/language-model.ts';
import type { Encryption } from '../../security/encryption.ts';
import type { Storage } from '../../storage/storage.ts';

/** A task of app.tasks that is being done. */
export interface Task {
  organizationId: string;
  id: string;
  /** the row it is about */
  subjectId: string;
  version: number;
  /** 1 for the first */
  attempt: number;
}

/** What came of a task. `record` runs in the transaction that settles it, as tenant of its organization with every scope. */
export type Outcome = { record?: (client: pg.ClientBase) => Promise<unknown> } & (
  | { state: 'done' }
  /** tried again by the kind's schedule, or when the service says (seconds) if that is later */
  | { state: 'failed'; error: string; retryAfter?: number | undefined }
  /** would fail again: given up until somebody retries it */
  | { state: 'dead'; error: string }
  /** nothing went wrong; its time has not come (seconds) */
  | { state: 'later'; pause: number }
);

/** What a task reaches the world by. */
export interface TaskTools {
  pool: pg.Pool;
  outbound: Outbound;
  encryption: Encryption;
  storage: Storage;
  /** folder of messages that nothing is connected for */
  outbox: string;
  /** how the outside reaches the gateway, where that is known */
  publicUrl: string | undefined;
  /** none: rules decide */
  languageModel?: LanguageModel | undefined;
  log: Logger;
  /** Runs statements in one transaction, as tenant of the task's organization with every scope. */
  asTenant<T>(task: Task, run: (client: pg.ClientBase) => Promise<T>): Promise<T>;
}

interface Kind {
  kind: string;
  /** of a kind that follows rules of the organization's own: the function that switches off the one that does not end for a subject */
  endlessRule?: string;
}

/** A kind of task that waits for an outside service, and has places of its own. Throwing means: failed, through a defect. */
export interface OutsideTask extends Kind {
  run(task: Task, tools: TaskTools): Promise<Outcome>;
  /** seconds to wait after each failed attempt; after the last, it is given up */
  retrySchedule?: readonly number[];
}

/** A kind of task that is one statement about its subjects, done in batches, as tenant of their organization. */
export interface StatementTask extends Kind {
  /** how many at once */
  batch: number;
  statement(subjectIds: string[]): Statement;
}

export type TaskKind = OutsideTask | StatementTask;

export const isStatement = (kind: TaskKind): kind is StatementTask => 'statement' in kind;

/** 30 s, 2 min, 10 min, 1 h, 6 h. */
export const TASK_RETRY_SCHEDULE: readonly number[] = [30, 120, 600, 3600, 21_600];
