import { sql } from 'kysely';
import { z } from 'zod';
import { raw } from '../../database/page.ts';
import { template } from '../../database/template.ts';
import { CONTEXT_FIELDS } from '../../domain/sources.ts';
import { exportOperation } from '../../operations/operation.ts';
import { csvLimit, leadFilters } from './fields.ts';
import { filteredLeads } from './filtered.ts';
import { filterValues } from './leads.ts';

/** Fields of `enrichment`, as enrichment writes them. */
const ENRICHMENT_FIELDS = ['company_size', 'industry', 'location', 'revenue_estimate', 'confidence_score'];

/** Columns of the file, as SQL over a lead named `row`: its documented fields, then context and enrichment, a column for each field. */
const COLUMNS: [name: string, expression: string][] = [
  ['id', "app.typeid('ld', row.id)"],
  ['businessId', "app.typeid('biz', row.organization_id)"],
  ['targetType', 'row.target_type'],
  ['source', 'row.source'],
  ['status', 'ai93.status(row.pipeline_stage)'],
  ['displayName', 'coalesce(row.name, row.handle, row.company, row.email, row.phone)'],
  ['createdAt', 'app.iso(row.created_at)'],
  ['handedOffAt', 'app.iso(row.handed_off_at)'],
  ['handoffDestination', 'row.handoff_destination'],
  ['handoffMetadata', 'row.handoff_metadata::text'],
  ['handle', 'row.handle'],
  ['email', 'row.email'],
  ['phone', 'row.phone'],
  ['company', 'row.company'],
  ['tags', "array_to_string(row.tags, ',')"],
  ['notes', 'row.notes'],
  ['replyCount', 'row.reply_count::text'],
  ['lastReplyAt', 'app.iso(row.last_reply_at)'],
  ['updatedAt', 'app.iso(row.updated_at)'],
  ...flattened('context', CONTEXT_FIELDS),
  ...flattened('enrichment', ENRICHMENT_FIELDS),
];

/** A column for each known field of an object, and one for the others, as JSON. Names are ours, so they are safe in SQL. */
function flattened(object: string, fields: readonly string[]): [string, string][] {
  const known = `array[${fields.map((field) => `'${field}'`).join(', ')}]`;
  return [
    ...fields.map((field): [string, string] => [`${object}.${field}`, `${object}."${field}"`]),
    [`${object}.other`, `nullif((row.${object} - ${known})::text, '{}')`],
  ];
}

/** The fields of an object, unpacked once for all of its columns: each ->> would unpack it anew. */
const unpacked = (object: string, fields: readonly string[]) =>
  sql.raw(`jsonb_to_record(row.${object}) as ${object} (${fields.map((field) => `"${field}" text`).join(', ')})`);

/** Column names of leads.csv, in order. */
export const CSV_COLUMNS: readonly string[] = COLUMNS.map(([name]) => name);

const cells = COLUMNS.map(([name, expression]) => sql`app.csv_cell(${sql.raw(expression)}) as ${sql.id(name)}`);

const rows = template(
  (given, value) => raw`
    select ${sql.join(cells)}
      from (${filteredLeads(given, value)}) as row
     cross join lateral ${unpacked('context', CONTEXT_FIELDS)}
     cross join lateral ${unpacked('enrichment', ENRICHMENT_FIELDS)}`,
);

export const exportLeads = exportOperation({
  id: 'leads.export',
  summary: 'Export leads as CSV',
  description:
    'The same filters as `GET /leads`. One column for each field of a lead; `context` and `enrichment` have a column for each documented field (`context.url`), and one for all others as JSON (`context.other`). A cell that a spreadsheet would run as a formula begins with an apostrophe.',
  scope: 'leads.read',
  kind: 'export',
  input: z.strictObject({ ...leadFilters, limit: csvLimit }),
  quoted: true,
  statement: ({ input }) => rows(filterValues(input)),
  probe: ({ input }) => rows({ ...filterValues(input), limit: 1 }),
});
