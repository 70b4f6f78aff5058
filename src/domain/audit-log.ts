import { type SelectQueryBuilder, sql } from 'kysely';
import { z } from 'zod';
import { db } from '../database/kysely.ts';
import { compile, keysetPage, statement } from '../database/page.ts';
import type { Database } from '../database/types.generated.ts';
import { exportOperation, operation } from '../operations/operation.ts';
import { checkPeriod, cursor, pathId, period, queryInteger, text, uuid } from './fields.ts';

const SOURCES = ['api', 'cron', 'n8n', 'worker', 'system'] as const;

const filters = {
  action: text(100).optional(),
  source: z.enum(SOURCES, `must be one of ${SOURCES.join(', ')}`).optional(),
  ...period,
  organization_id: uuid.optional(),
};

type Filters = { action?: string; source?: string; start_at?: string; end_at?: string };
type Entries = SelectQueryBuilder<Database & { row: Database['audit.platform_events'] }, 'row', object>;

function entries(input: Filters): Entries {
  checkPeriod(input);
  const { action, source, start_at, end_at } = input;
  return db
    .selectFrom('audit.platform_events as row')
    .$if(action !== undefined, (q) => q.where('row.action', '=', action ?? ''))
    .$if(source !== undefined, (q) => q.where('row.source', '=', source ?? ''))
    .$if(start_at !== undefined, (q) => q.where('row.created_at', '>=', sql<Date>`${start_at}::timestamptz`))
    .$if(end_at !== undefined, (q) => q.where('row.created_at', '<=', sql<Date>`${end_at}::timestamptz`));
}

export const listAuditLog = operation({
  id: 'audit_log.list',
  summary: 'List audit entries',
  description: 'Newest first, cursor-paginated. Filter by action, source and time.',
  scope: 'audit_log.read',
  kind: 'read',
  input: z.strictObject({ limit: queryInteger(1, 200).default(50), cursor: cursor.optional(), ...filters }),
  target: (input) => input.organization_id,
  statement: ({ input, shape }) =>
    keysetPage(entries(input), { limit: input.limit, cursor: input.cursor, shape: shape('audit_entry') }),
});

export const getAuditEntry = operation({
  id: 'audit_log.get',
  summary: 'Fetch a single entry',
  description: 'The full audit record including the diff.',
  scope: 'audit_log.read',
  kind: 'read',
  input: z.strictObject({ id: pathId, organization_id: uuid.optional() }),
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
  statement: ({ input }) =>
    compile(
      entries(input)
        .select(['row.id', 'row.organization_id', 'row.action', 'row.source', 'row.correlation_id', 'row.payload'])
        .select(sql`app.iso(row.created_at)`.as('created_at'))
        .orderBy('row.created_at', 'desc')
        .orderBy('row.id', 'desc'),
    ),
});
