import { AppError } from '../../errors.ts';
import type { Tenant } from '../instance.ts';
import { tenantQuery, tenantTransaction } from '../tenant-query.ts';
import { type Batch, batchesOf } from './batches.ts';
import type { Fields, Refusal } from './fields.ts';
import type { CsvFile, Row } from './file.ts';
import { Progress } from './progress.ts';
import type { Rejected, RejectsFile } from './rejects.ts';
import type { Query, Run } from './runs.ts';

/** What came of the rows of a file. */
export interface Counts {
  created: number;
  updated: number;
  unchanged: number;
  rejected: number;
}

interface Outcome {
  outcome: keyof Counts;
  field: string | null;
  reason: string | null;
}

type Read = (cells: readonly string[]) => Fields | Refusal;

/** Imports the rows that the run has not done yet. A batch is one transaction, and the next is read while the database works. */
export async function importRows(
  tenant: Tenant,
  run: Run,
  file: CsvFile,
  read: Read,
  rejects: RejectsFile,
): Promise<void> {
  const progress = new Progress(file.rows);
  let done = Number(run.rows_done);
  progress.show(done);
  try {
    await eachAhead(
      batchesOf(file, read, done, (line) => rejects.continueAfter(line)),
      async (batch) => {
        await importBatch(tenant, run.id, done, batch, rejects);
        done += batch.size;
        progress.show(done);
      },
    );
  } finally {
    progress.end();
  }
}

/** Imports all rows in the transaction of the query, which its caller rolls back, and tells what it rejects. */
export async function tryRows(
  query: Query,
  run: Pick<Run, 'id'>,
  file: CsvFile,
  read: Read,
  reject: (rows: Rejected[]) => void,
): Promise<void> {
  const progress = new Progress(file.rows);
  let done = 0;
  try {
    await eachAhead(batchesOf(file, read, 0), async (batch) => {
      const outcomes = await query<Outcome>(statement(run.id, done, batch, { trial: true }));
      reject(rejectedOf(batch, outcomes));
      done += batch.size;
      progress.show(done);
    });
  } finally {
    progress.end();
  }
}

/**
 * One round trip where all rows are leads. Where one is not, nothing was done, and the batch goes again in a transaction that
 * commits when the rejected rows are on disk.
 */
async function importBatch(
  tenant: Tenant,
  runId: string,
  done: number,
  batch: Batch,
  rejects: RejectsFile,
): Promise<void> {
  if (batch.unreadable.length === 0) {
    try {
      await tenantQuery(tenant, statement(runId, done, batch, { whole: true }));
      return;
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
    }
  }
  await tenantTransaction(tenant, async (query) => {
    rejects.add(rejectedOf(batch, await query<Outcome>(statement(runId, done, batch, {}))));
  });
}

const statement = (
  runId: string,
  done: number,
  { leads, unreadable }: Batch,
  { whole = false, trial = false }: { whole?: boolean; trial?: boolean },
) => ({
  text: 'select outcome, field, reason from app.import_leads($1, $2, $3, $4, $5, $6)',
  values: [runId, done, JSON.stringify(leads), unreadable.length, whole, trial],
});

/** Rejected rows of a batch, in the order of the file. */
function rejectedOf({ rows, unreadable }: Batch, outcomes: readonly Outcome[]): Rejected[] {
  const refused = outcomes.flatMap(({ outcome, field, reason }, index) =>
    outcome === 'rejected' ? [{ ...(rows[index] as Row), field: field ?? '', reason: reason ?? '' }] : [],
  );
  return [...refused, ...unreadable].sort((a, b) => a.line - b.line);
}

/** Works on one item while the next is made. */
async function eachAhead<T>(items: AsyncGenerator<T>, work: (item: T) => Promise<void>): Promise<void> {
  let next = items.next();
  try {
    for (let item = await next; !item.done; item = await next) {
      next = items.next();
      next.catch(() => {}); // it is awaited when the work is done
      await work(item.value);
    }
  } finally {
    await items.return(undefined).catch(() => {});
  }
}
