import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { CsvError, type Options, parse } from 'csv-parse';
import { parse as parseText } from 'csv-parse/sync';
import { StartupError } from '../../startup-error.ts';

export const ENCODINGS = ['utf-8', 'windows-1252', 'utf-16le', 'utf-16be'] as const;
export type Encoding = (typeof ENCODINGS)[number];
export type Delimiter = ',' | ';' | '\t';

/** How a file is written. */
export interface Format {
  path: string;
  encoding: Encoding;
  delimiter: Delimiter;
}

/** A file that can be read to its end. */
export interface CsvFile extends Format {
  name: string;
  bytes: number;
  sha256: string;
  header: string[];
  /** without the header and blank ones */
  rows: number;
}

export interface Row {
  /** line of the file that it begins on */
  line: number;
  cells: string[];
}

/** What lies between two delimiters must end somewhere: a quote that is never closed would take the rest of the file. */
const MOST_BYTES_OF_A_ROW = 1_000_000;
const HEAD_BYTES = 65_536;
/** What Excel is told of the delimiter by, in a line before the header. */
const ANNOUNCED = /^sep=([,;\t])[ \t]*(?:\r|\n|$)/i;
const BOMS: [Encoding, number[]][] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

const optionsOf = (delimiter: Delimiter): Options => ({
  delimiter,
  record_delimiter: ['\r\n', '\n', '\r'],
  skip_empty_lines: true,
  relax_column_count: true,
  relax_quotes: true,
  ltrim: delimiter !== '\t',
  rtrim: delimiter !== '\t',
  max_record_size: MOST_BYTES_OF_A_ROW,
});

/**
 * Reads a file to its end and keeps none of it: what it is written in, its columns, its rows, its fingerprint. One that cannot be
 * read is refused here, before anything of it is imported.
 */
export async function inspect(path: string, given: { encoding?: Encoding; delimiter?: Delimiter }): Promise<CsvFile> {
  const head = await headOf(path);
  const encoding = given.encoding ?? BOMS.find(([, bom]) => bom.every((byte, at) => head[at] === byte))?.[0] ?? 'utf-8';
  const text = new TextDecoder(encoding).decode(head);
  const delimiter = given.delimiter ?? (ANNOUNCED.exec(text)?.[1] as Delimiter | undefined) ?? delimiterOf(text);
  const format: Format = { path, encoding, delimiter };
  const hash = createHash('sha256');
  let bytes = 0;
  let header: string[] | undefined;
  let rows = 0;
  const watch = (chunk: Buffer): void => {
    hash.update(chunk);
    bytes += chunk.length;
  };
  for await (const { cells } of records(format, watch)) {
    if (header) rows += 1;
    else header = cells;
  }
  if (!header) throw new StartupError(`${basename(path)} is empty.`);
  return { ...format, name: basename(path), bytes, sha256: hash.digest('hex'), header, rows };
}

/** The rows of a file after its header; blank ones are none. */
export async function* rowsOf(format: Format): AsyncGenerator<Row> {
  let header = true;
  for await (const row of records(format)) {
    if (!header) yield row;
    header = false;
  }
}

/** Every record that is not blank, the header too. */
async function* records(format: Format, watch?: (chunk: Buffer) => void): AsyncGenerator<Row> {
  // the parser takes a CR LF inside of a cell for two lines
  let doubled = 0;
  let last = 0;
  const rowOf = (cells: string[], lines: number): Row | null => {
    let breaks = 0;
    for (const cell of cells) {
      if (!/[\r\n]/.test(cell)) continue;
      breaks += cell.match(/\r\n|\r|\n/g)?.length ?? 0;
      doubled += cell.match(/\r\n/g)?.length ?? 0;
    }
    last = lines - doubled;
    if (last === 1 && ANNOUNCED.test(cells.join(format.delimiter))) return null;
    return cells.some((cell) => cell.trim() !== '') ? { cells, line: last - breaks } : null;
  };
  const parser = parse({
    ...optionsOf(format.delimiter),
    // counted as they are parsed: a failure overtakes the rows before it
    on_record: (cells: string[], { lines }: { lines: number }) => rowOf(cells, lines) as unknown as string[],
  });
  pipeline(Readable.from(textOf(format, watch)), parser, () => {}); // a failure reaches the loop below
  try {
    yield* parser as AsyncIterable<Row>;
  } catch (error) {
    throw error instanceof CsvError ? new StartupError(inWords(error, format, last + 1), { cause: error }) : error;
  }
}

/** What is wrong with the row that begins on a line. */
function inWords(error: CsvError, { path }: Format, line: number): string {
  const row = `${basename(path)}, line ${line}: this row`;
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return `${row} opens a quote that is never closed.`;
  if (error.code === 'CSV_MAX_RECORD_SIZE') {
    return `${row} has more than ${MOST_BYTES_OF_A_ROW.toLocaleString('en')} bytes. Is a quote not closed?`;
  }
  if (error.code === 'CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE') {
    return `${row} goes on behind a quote that closes a cell. A quote inside of one is written twice.`;
  }
  return `${row} cannot be read: ${error.message}.`;
}

async function* textOf({ path, encoding }: Format, watch?: (chunk: Buffer) => void): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  let lines = 1;
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    watch?.(chunk);
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: true });
    } catch {
      const readable = new TextDecoder(encoding).decode(chunk).split('\uFFFD')[0] ?? '';
      throw invalid(path, encoding, lines + newlines(readable));
    }
    if (watch) lines += newlines(text);
    yield text;
  }
  try {
    yield decoder.decode();
  } catch {
    throw invalid(path, encoding, lines);
  }
}

const newlines = (text: string): number => text.split('\n').length - 1;

const invalid = (path: string, encoding: Encoding, line: number): StartupError =>
  new StartupError(
    `${basename(path)}, line ${line}: this is no ${encoding.toUpperCase()}. Save the file as UTF-8, or say what it is: --encoding windows-1252.`,
  );

async function headOf(path: string): Promise<Buffer> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (error) {
    throw new StartupError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`, { cause: error });
  }
  try {
    if (!(await file.stat()).isFile()) throw new StartupError(`${path} is not a file.`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** What divides the header into the most columns. */
function delimiterOf(head: string): Delimiter {
  const columns = (delimiter: Delimiter): number => {
    try {
      return parseText(head, { ...optionsOf(delimiter), bom: true, to: 1 })[0]?.length ?? 0;
    } catch {
      return 0; // a header that does not end: reading the file says so
    }
  };
  const [best] = ([',', ';', '\t'] as const).toSorted((a, b) => columns(b) - columns(a));
  return best as Delimiter;
}
