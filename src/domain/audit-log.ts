import { type SelectQueryBuilder, sql } from 'kysely';
import { z } from 'zod';
import { db } from '../database/kysely.ts';
import { keysetPage, statement } from '../database/page.ts';
import { template } from '../database/template.ts';
import type { Database } from '../database/types.generated.ts';
import { exportOperation, operation } from '../operations/operation.ts';
import { checkPeriod, childId, cursor, pageParameters, pageSize, pageValues, pathId, period, text } from './fields.ts';

const SOURCES = ['api', 'cron', 'n8n', 'worker', 'system'] as const;

const filters = {
  action: text(100).meta({ description: 'What was done, e.g. `lead.updated`.' }).optional(),
  source: z
    .enum(SOURCES, `must be one of ${SOURCES.join(', ')}`)
    .meta({ description: 'Who did it.' })
    .optional(),
  ...period,
  organization_id: childId.optional(),
};

type Entries = SelectQueryBuilder<Database & { row: Database['audit.platform_events'] }, 'row', object>;

/** The entries that the given filters leave. */
const entries = (given: (name: string) => boolean, value: <T = string>(name: string) => T): Entries =>
  db
    .selectFrom('audit.platform_events as row')
    .$if(given('action'), (q) => q.where('row.action', '=', value('action')))
    .$if(given('source'), (q) => q.where('row.source', '=', value('source')))
    .$if(given('start_at'), (q) => q.where('row.created_at', '>=', sql<Date>`${value('start_at')}::timestamptz`))
    .$if(given('end_at'), (q) => q.where('row.created_at', '<=', sql<Date>`${value('end_at')}::timestamptz`));

const entriesPage = template((given, value, shape) =>
  keysetPage(entries(given, value), { ...pageParameters(given, value), shape }),
);

const entriesExport = template((given, value) =>
  entries(given, value)
    .select(['row.id', 'row.organization_id', 'row.action', 'row.source', 'row.correlation_id', 'row.payload'])
    .select(sql`app.iso(row.created_at)`.as('created_at'))
    .orderBy('row.created_at', 'desc')
    .orderBy('row.id', 'desc'),
);

export const listAuditLog = operation({
  id: 'audit_log.list',
  summary: 'List audit entries',
  description: 'Newest first, cursor-paginated. Filter by action, source and time.',
  scope: 'audit_log.read',
  kind: 'read',
  input: z.strictObject({ limit: pageSize.default(50), cursor: cursor.optional(), ...filters }),
  target: (input) => input.organization_id,
  statement({ input, shape }) {
    checkPeriod(input);
    return entriesPage(pageValues(input), shape('audit_entry'));
  },
});

export const getAuditEntry = operation({
  id: 'audit_log.get',
  summary: 'Fetch a single entry',
  description: 'The full audit record including the diff.',
  scope: 'audit_log.read',
  kind: 'read',
  input: z.strictObject({ id: pathId.meta({ description: 'Id of the entry.' }), organization_id: childId.optional() }),
  target: (input) => input.organization_id,
  missing: 'No such audit entry.',
  // the time is in the id (UUIDv7), so one partition is asked, not all of seven years
  statement: ({ input, shape }) => statement`
    select ${sql.raw(shape('audit_entry'))}(row)::text as body
      from audit.platform_events as row
     where row.id = ${input.id}::uuid and row.created_at = uuid_extract_timestamp(${input.id}::uuid)`,
});

export const exportAuditLog = exportOperation({
  id: 'audit_log.export',
  summary: 'Export to CSV',
  description: 'The same filters as the list; streams, newest first, however much it is.',
  scope: 'audit_log.read',
  kind: 'export',
  input: z.strictObject(filters),
  target: (input) => input.organization_id,
  statement({ input }) {
    checkPeriod(input);
    const { organization_id: _target, ...values } = input;
    return entriesExport(values);
  },
});
