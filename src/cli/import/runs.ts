import { isDeepStrictEqual } from 'node:util';
import type { Statement } from '../../database/transaction.ts';
import { AppError } from '../../errors.ts';
import { StartupError } from '../../startup-error.ts';
import { describe, type Mapping } from './columns.ts';
import type { Defaults } from './fields.ts';
import type { CsvFile } from './file.ts';
import { count } from './progress.ts';

// The record of an import: a row of app.scraper_runs.

/** What a run says of itself. The path is nobody's business. */
interface Details {
  file: string;
  bytes: number;
  sha256: string;
  rows: number;
  encoding: string;
  delimiter: string;
  mapping: Record<string, string | null>;
  tags: readonly string[];
  target_type: string | null;
}

export interface Run {
  id: string;
  source: string;
  status: 'running' | 'succeeded' | 'partial' | 'failed';
  leads_found: number;
  leads_created: number;
  leads_updated: number;
  leads_rejected: number;
  rows_done: string;
  error: string | null;
  details: Partial<Details>;
  started_at: Date;
  finished_at: Date | null;
}

/** Runs statements as the tenant: each in a transaction of its own, or all in one. */
export type Query = <Row extends object>(statement: Statement) => Promise<Row[]>;

const COLUMNS =
  'id, source, status, leads_found, leads_created, leads_updated, leads_rejected, rows_done, error, details, started_at, finished_at';

export const listRuns = (query: Query, limit: number): Promise<Run[]> =>
  query<Run>({
    text: `select ${COLUMNS} from app.scraper_runs order by started_at desc, id desc limit $1`,
    values: [limit],
  });

export async function readRun(query: Query, id: string): Promise<Run> {
  const [run] = await query<Run>({ text: `select ${COLUMNS} from app.scraper_runs where id = $1`, values: [id] });
  return run as Run;
}

export const detailsOf = (file: CsvFile, mapping: Mapping, defaults: Defaults): Details => ({
  file: file.name,
  bytes: file.bytes,
  sha256: file.sha256,
  rows: file.rows,
  encoding: file.encoding,
  delimiter: file.delimiter,
  mapping: describe(mapping),
  tags: defaults.tags,
  target_type: defaults.targetType ?? null,
});

export async function beginRun(query: Query, source: string, details: Details): Promise<Run> {
  const [run] = await query<Run>({
    text: `insert into app.scraper_runs (source, details) values ($1, $2) returning ${COLUMNS}`,
    values: [source, JSON.stringify(details)],
  });
  return run as Run;
}

/**
 * The run to go on with, of the same file, source and mapping; undefined: begin one. Without being asked, an import that stopped
 * is not gone on with, nor begun again.
 */
export async function unfinishedRun(
  query: Query,
  source: string,
  details: Details,
  resume: boolean | undefined,
): Promise<Run | undefined> {
  const stopped = await query<Run>({
    text: `select ${COLUMNS} from app.scraper_runs
            where source = $1 and status in ('running', 'failed') and details ? 'sha256' order by started_at desc, id desc`,
    values: [source],
  });
  const run = stopped.find((one) => one.details.sha256 === details.sha256);
  if (resume === undefined && run) {
    throw new StartupError(
      `An import of this file stopped after ${count(Number(run.rows_done))} of ${count(details.rows)} rows: --resume goes on from there, --no-resume begins again.`,
    );
  }
  if (resume === false && run) await endRun(query, run.id, 'failed', 'It was begun again.', true);
  if (!resume) return undefined;
  if (!run) throw new StartupError(nothingToResume(stopped[0], source, details));
  const { file: _renamed, ...wanted } = details;
  const { file: _name, ...begun } = run.details;
  if (!isDeepStrictEqual(begun, JSON.parse(JSON.stringify(wanted)))) {
    throw new StartupError(
      'The import that stopped had another mapping or other options (runs --json shows them): give the same, or begin again with --no-resume.',
    );
  }
  const [again] = await query<Run>({
    text: `update app.scraper_runs set status = 'running', error = null where id = $1 returning ${COLUMNS}`,
    values: [run.id],
  });
  return again;
}

function nothingToResume(other: Run | undefined, source: string, details: Details): string {
  if (!other) return `There is nothing to go on with: no import from ${source} stopped.`;
  return `This is not the file whose import stopped (${other.details.file}, ${count(Number(other.rows_done))} rows done): its SHA-256 is ${details.sha256.slice(0, 12)}…, not ${other.details.sha256?.slice(0, 12)}…. Import that file with --resume, or this one without.`;
}

/** Ends a run. One that failed can be gone on with, unless it is forgotten. */
export async function endRun(
  query: Query,
  id: string,
  status: 'succeeded' | 'partial' | 'failed',
  error: string | null = null,
  forgotten = false,
): Promise<void> {
  await query({
    text: `update app.scraper_runs set status = $2, error = $3${forgotten ? ", details = details - 'sha256'" : ''} where id = $1`,
    values: [id, status, error?.slice(0, 2000) ?? null],
  });
}

/** Leaves a run that broke off so that it can be gone on with. One that another process has gone on with is that one's. */
export async function breakOff(query: Query, id: string, error: unknown): Promise<void> {
  if (error instanceof AppError && error.status === 409) return;
  const why = error instanceof Error ? error.message : String(error);
  // the database may be what broke: then it stays under way, and can be gone on with as well
  await endRun(query, id, 'failed', why).catch(() => {});
}
