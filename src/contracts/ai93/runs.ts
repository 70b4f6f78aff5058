import { sql } from 'kysely';
import { z } from 'zod';
import { db } from '../../database/kysely.ts';
import { raw } from '../../database/page.ts';
import { template } from '../../database/template.ts';
import { queryInteger, text } from '../../domain/fields.ts';
import { operation } from '../../operations/operation.ts';
import { businessId, since } from './fields.ts';
import { ofBusiness } from './filtered.ts';

export const RUN_STATUSES = ['running', 'succeeded', 'partial', 'failed'] as const;

const runsPage = template((given, value) => {
  const runs = db
    .selectFrom('app.scraper_runs as row')
    .$if(given('source'), (q) => q.where('row.source', '=', value('source')))
    .$if(given('status'), (q) => q.where('row.status', '=', value('status')))
    .$if(given('since'), (q) => q.where('row.started_at', '>=', sql<Date>`${value('since')}::timestamptz`))
    .$if(given('businessId'), (q) => q.where(ofBusiness(sql`${value('businessId')}`)))
    .select(sql`ai93.run(row)::text`.as('json'))
    .orderBy('row.started_at', 'desc')
    .orderBy('row.id', 'desc')
    .limit(sql<number>`${value<number>('limit')}::integer`);
  return raw`
    select '{"runs":[' || coalesce(string_agg(page.json, ','), '') || '],"count":' || count(*) || '}' as body from (${runs}) as page`;
});

export const listRuns = operation({
  id: 'scrapers.runs.list',
  summary: 'Recent scraper runs',
  description: 'When each source was last read and how that ended, newest first. Imports are recorded here too.',
  scope: 'sources.read',
  kind: 'read',
  input: z.strictObject({
    source: text(100).meta({ description: 'Source that was read.' }).optional(),
    status: z
      .enum(RUN_STATUSES, `must be one of ${RUN_STATUSES.join(', ')}`)
      .meta({ description: 'partial: some rows were rejected.' })
      .optional(),
    since: since('Started at this time or later (ISO 8601).').optional(),
    limit: queryInteger(1, 500).meta({ description: 'How many, newest first.' }).default(100),
    businessId: businessId.optional(),
  }),
  statement: ({ input }) => runsPage(input),
});
