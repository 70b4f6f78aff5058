import {
  accessSync,
  closeSync,
  constants,
  createReadStream,
  existsSync,
  fsyncSync,
  openSync,
  realpathSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream';
import { parse } from 'csv-parse';
import { StartupError } from '../../startup-error.ts';
import { ownColumns, REJECT_COLUMNS } from './columns.ts';
import type { Refusal } from './fields.ts';
import type { CsvFile, Delimiter, Row } from './file.ts';

export interface Rejected extends Row, Refusal {}

/**
 * The file of rejected rows: the columns of the import and why, in UTF-8. It is made with the first of them. Rows are on disk
 * before the database commits that they were rejected, so a crash leaves too many there, never too few; `continueAfter` mends that.
 */
export class RejectsFile {
  readonly path: string;
  private readonly columns: string[];
  private readonly delimiter: Delimiter;
  private file: number | undefined;

  constructor(path: string, source: CsvFile) {
    this.path = path;
    this.columns = source.header.slice(0, ownColumns(source.header));
    this.delimiter = source.delimiter;
    if (existsSync(path) && realpathSync(path) === realpathSync(source.path)) {
      throw new StartupError(`--rejects: ${path} is the file that is imported.`);
    }
  }

  /** Throws a StartupError when no row could be written: found out before anything is imported. */
  mustBeWritable(): void {
    try {
      accessSync(existsSync(this.path) ? this.path : dirname(this.path), constants.W_OK);
    } catch (error) {
      throw this.unwritable(error);
    }
  }

  add(rows: readonly Rejected[]): void {
    if (rows.length === 0) return;
    try {
      this.write(rows);
    } catch (error) {
      throw this.unwritable(error);
    }
  }

  private write(rows: readonly Rejected[]): void {
    if (this.file === undefined) {
      writeFileSync(this.path, this.line([...this.columns, ...REJECT_COLUMNS]), { mode: 0o600 });
      this.file = openSync(this.path, 'a');
    }
    const lines = rows.map(({ cells, line, field, reason }) => {
      const own = this.columns.map((_, index) => cells[index] ?? '');
      // of a row that is too long, all is kept
      return this.line([
        ...own,
        ...cells.slice(this.columns.length).filter(() => field === 'row'),
        String(line),
        field,
        reason,
      ]);
    });
    writeSync(this.file, lines.join(''));
    fsyncSync(this.file);
  }

  /** Goes on with the file of an import that stopped after a line; takes off what was rejected beyond it. */
  async continueAfter(line: number): Promise<void> {
    if (!existsSync(this.path)) return;
    const head = this.line([...this.columns, ...REJECT_COLUMNS]);
    let kept = 0;
    const parser = parse({
      delimiter: this.delimiter,
      relax_column_count: true,
      on_record: (cells: string[], { bytes_records: end }: { bytes_records: number }) => ({ cells, end }) as never,
    });
    pipeline(createReadStream(this.path), parser, () => {});
    try {
      for await (const { cells, end } of parser as AsyncIterable<{ cells: string[]; end: number }>) {
        if (kept === 0 && this.line(cells) !== head) {
          throw new StartupError(`--rejects: ${this.path} holds the rejected rows of another file.`);
        }
        if (kept > 0 && !(Number(cells.at(-REJECT_COLUMNS.length)) <= line)) break;
        kept = end;
      }
    } catch (error) {
      if (error instanceof StartupError) throw error;
      // the crash cut its last row off
    }
    truncateSync(this.path, kept);
    if (kept > 0) this.file = openSync(this.path, 'a');
  }

  /** Where the rejected rows are; undefined when there are none. */
  close(): string | undefined {
    if (this.file === undefined) return undefined;
    closeSync(this.file);
    this.file = undefined;
    return this.path;
  }

  private unwritable(error: unknown): StartupError {
    const { code } = error as NodeJS.ErrnoException;
    return new StartupError(`${this.path} cannot be written (${code}): name a file for rejected rows with --rejects.`, {
      cause: error,
    });
  }

  private line(cells: readonly string[]): string {
    const quoted = cells.map((cell) =>
      /["\r\n]|^\s|\s$/.test(cell) || cell.includes(this.delimiter) ? `"${cell.replaceAll('"', '""')}"` : cell,
    );
    return `${quoted.join(this.delimiter)}\n`;
  }
}
