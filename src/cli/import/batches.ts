import { type Fields, isRefusal, type Refusal } from './fields.ts';
import { type CsvFile, type Row, rowsOf } from './file.ts';
import type { Rejected } from './rejects.ts';

/** Rows that go to the database in one transaction. */
export interface Batch {
  /** rows of the file */
  size: number;
  leads: Fields[];
  /** the row of each lead */
  rows: Row[];
  /** rows that are no lead whatever the database says */
  unreadable: Rejected[];
}

const MOST_ROWS = 1000;
/** Rows can be long: what a batch holds stays in memory, here and there. */
const MOST_CHARACTERS = 2_000_000;

/** A file in batches, after the rows that are done; `resumed` is told the line of the last of those. */
export async function* batchesOf(
  file: CsvFile,
  read: (cells: readonly string[]) => Fields | Refusal,
  done: number,
  resumed?: (line: number) => Promise<void>,
): AsyncGenerator<Batch> {
  const fresh = (): Batch => ({ size: 0, leads: [], rows: [], unreadable: [] });
  let batch = fresh();
  let characters = 0;
  let skipped = 0;
  for await (const row of rowsOf(file)) {
    if (skipped < done) {
      skipped += 1;
      if (skipped === done) await resumed?.(row.line);
      continue;
    }
    const made = read(row.cells);
    if (isRefusal(made)) {
      batch.unreadable.push({ ...row, ...made });
    } else {
      batch.leads.push(made);
      batch.rows.push(row);
    }
    batch.size += 1;
    characters += row.cells.reduce((sum, cell) => sum + cell.length, 0);
    if (batch.size === MOST_ROWS || characters > MOST_CHARACTERS) {
      yield batch;
      batch = fresh();
      characters = 0;
    }
  }
  if (batch.size > 0) yield batch;
}
