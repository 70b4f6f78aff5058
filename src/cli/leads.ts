import { type Command, InvalidArgumentError, Option } from 'commander';
import { mapColumns } from './import/columns.ts';
import { type Defaults, fieldsOf } from './import/fields.ts';
import { type CsvFile, type Delimiter, ENCODINGS, type Encoding, inspect } from './import/file.ts';
import { type Counts, importRows, tryRows } from './import/import.ts';
import { count } from './import/progress.ts';
import { type Rejected, RejectsFile } from './import/rejects.ts';
import {
  beginRun,
  breakOff,
  detailsOf,
  endRun,
  listRuns,
  type Query,
  type Run,
  readRun,
  unfinishedRun,
} from './import/runs.ts';
import type { Tenant } from './instance.ts';
import { leaf, print, table, uuid } from './output.ts';
import { forOrganization, tenantQuery, tenantTrial } from './tenant-query.ts';

interface ImportOptions {
  org: string;
  source: string;
  map: string[];
  targetType?: string;
  tag: string[];
  dryRun?: boolean;
  rejects?: string;
  delimiter?: Delimiter;
  encoding?: Encoding;
  resume?: boolean;
  json?: boolean;
}

/** Ends with this when rows were rejected and all others were imported. */
const SOME_REJECTED = 2;
const SHOWN_REJECTS = 10;

const collect = (item: string, before: string[]): string[] => [...before, item];
const upTo = (most: number) => (text: string) => {
  if (text.trim() === '' || text.length > most) throw new InvalidArgumentError(`It must have 1 to ${most} characters.`);
  return text.trim();
};
/** A comma stands between tags wherever leads are asked for by them. */
function tag(text: string, before: string[]): string[] {
  if (text.includes(',')) throw new InvalidArgumentError('A tag has no comma; give --tag once for each.');
  return [...before, upTo(100)(text)];
}
function delimiter(text: string): Delimiter {
  const found = ({ ',': ',', ';': ';', tab: '\t', '\t': '\t' } as const)[text];
  if (!found) throw new InvalidArgumentError('It must be a comma, a semicolon or the word tab.');
  return found;
}

/** trunkline leads … */
export function leadCommands(program: Command): void {
  const leads = program
    .command('leads')
    .summary('import leads from a CSV file, and list the runs that brought leads')
    .description('Leads in bulk.');

  leaf(leads, 'import', 'import a CSV file: leads that are known learn what it tells, others are made')
    .argument('<file>', 'CSV file whose first row names its columns')
    .requiredOption('--org <id>', 'organization the leads are for', uuid)
    .requiredOption('--source <name>', 'where they come from, e.g. trade_fair_2027', upTo(100))
    .addOption(
      new Option('--map <column=field>', 'what a column is; "column=" leaves it out (repeatable)')
        .argParser(collect)
        .default([], 'none'),
    )
    .option('--target-type <type>', 'kind of target, e.g. customer_lead', upTo(100))
    .addOption(new Option('--tag <tag>', 'label that every lead gets (repeatable)').argParser(tag).default([], 'none'))
    .option('--dry-run', 'say what would happen, and change nothing')
    .option('--rejects <file>', 'where rejected rows go; default: FILE.rejected.csv')
    .option(
      '--delimiter <character>',
      'comma, semicolon or tab: , ; tab (default: what divides the first row)',
      delimiter,
    )
    .addOption(new Option('--encoding <name>', 'default: UTF-8, or what its first bytes say').choices(ENCODINGS))
    .addOption(new Option('--resume', 'go on with the import of this file that stopped').conflicts('dryRun'))
    .option('--no-resume', 'begin again although an import of this file stopped')
    .addHelpText(
      'after',
      '\nExit codes: 0 all rows imported, 2 some rejected, 1 failed, 130 stopped (--resume goes on).',
    )
    .action(importFile);

  leaf(leads, 'runs', 'list the last runs that brought leads, newest first')
    .requiredOption('--org <id>', 'organization', uuid)
    .action(async (options: { org: string; json?: boolean }) => {
      const runs = await forOrganization(options, (tenant) => listRuns(queryOf(tenant), 100));
      const rows = runs.map((run) => ({
        id: run.id,
        source: run.source,
        status: run.status,
        file: run.details.file,
        rows: run.leads_found,
        ...countsOf(run),
        started_at: run.started_at,
        finished_at: run.finished_at,
      }));
      print(options, runs, table(rows, 'It has no run yet: trunkline leads import FILE.csv --org … --source …'));
    });
}

const queryOf =
  (tenant: Tenant): Query =>
  (statement) =>
    tenantQuery(tenant, statement);

const countsOf = (run: Run): Counts => ({
  created: run.leads_created,
  updated: run.leads_updated,
  unchanged: run.leads_found - run.leads_created - run.leads_updated - run.leads_rejected,
  rejected: run.leads_rejected,
});

async function importFile(path: string, options: ImportOptions): Promise<void> {
  const file = await inspect(path, options);
  const mapping = mapColumns(file.header, options.map);
  const defaults: Defaults = { source: options.source, targetType: options.targetType, tags: options.tag };
  const details = detailsOf(file, mapping, defaults);
  const read = fieldsOf(mapping, defaults);
  const rejects = new RejectsFile(options.rejects ?? `${path}.rejected.csv`, file);
  if (options.rejects || !options.dryRun) rejects.mustBeWritable();

  if (options.dryRun) {
    const examples: Rejected[] = [];
    const run = await forOrganization(options, (tenant) =>
      tenantTrial(tenant, async (query) => {
        const { id } = await beginRun(query, options.source, details);
        await tryRows(query, { id }, file, read, (rows) => {
          examples.push(...rows.slice(0, SHOWN_REJECTS - examples.length));
          if (options.rejects) rejects.add(rows);
        });
        return readRun(query, id);
      }),
    );
    return tell(options, file, run, details.mapping, rejects.close(), examples);
  }

  const run = await forOrganization(options, async (tenant) => {
    const query = queryOf(tenant);
    const begun =
      (await unfinishedRun(query, options.source, details, options.resume)) ??
      (await beginRun(query, options.source, details));
    const stopped = () => process.stderr.write('\nStopped. The same command with --resume goes on from here.\n');
    process.prependOnceListener('SIGINT', stopped).prependOnceListener('SIGTERM', stopped);
    try {
      await importRows(tenant, begun, file, read, rejects);
    } catch (error) {
      await breakOff(query, begun.id, error);
      throw error;
    } finally {
      process.removeListener('SIGINT', stopped).removeListener('SIGTERM', stopped);
    }
    const { leads_rejected: rejected } = await readRun(query, begun.id);
    await endRun(query, begun.id, rejected > 0 ? 'partial' : 'succeeded');
    return readRun(query, begun.id);
  });
  tell(options, file, run, details.mapping, rejects.close());
}

function tell(
  options: ImportOptions,
  file: CsvFile,
  run: Run,
  mapping: Record<string, string | null>,
  rejectsFile: string | undefined,
  examples: readonly Rejected[] = [],
): void {
  const counts = countsOf(run);
  const { dryRun = false } = options;
  if (counts.rejected > 0) process.exitCode = SOME_REJECTED;
  const answer = {
    ...(!dryRun && { run_id: run.id, status: run.status }),
    dry_run: dryRun,
    file: file.name,
    rows: run.leads_found,
    ...counts,
    rejects_file: rejectsFile ?? null,
    mapping,
    ...(dryRun && { rejections: examples.map(({ line, field, reason }) => ({ line, field, reason })) }),
  };
  const numbers = Object.entries(counts).map(([outcome, number]) => `${count(number)} ${outcome}`);
  const columns = Object.entries(mapping).map(([column, field]) => ({ column, is: field ?? 'left out' }));
  const lines = [
    `${file.name}: ${count(run.leads_found)} rows: ${numbers.join(', ')}.`,
    ...(rejectsFile ? [`Rejected rows, with the reason: ${rejectsFile}`] : []),
    ...examples.map(({ line, field, reason }) => `  line ${line}: ${field}: ${reason}`),
    ...(dryRun ? ['', table(columns, ''), '', 'This was a dry run: nothing was changed.'] : [`Run ${run.id}`]),
  ];
  print(options, answer, lines.join('\n'));
}
