import { sql } from 'kysely';
import { z } from 'zod';
import { db } from '../database/kysely.ts';
import { keysetPage, statement } from '../database/page.ts';
import { template } from '../database/template.ts';
import type { Database } from '../database/types.generated.ts';
import { invalidRequest } from '../errors.ts';
import { operation } from '../operations/operation.ts';
import {
  checkPeriod,
  childId,
  cursor,
  email,
  pageParameters,
  pageSize,
  pageValues,
  pathId,
  period,
  present,
  text,
} from './fields.ts';

const STAGES = ['new', 'contacted', 'replied', 'qualified', 'won', 'lost'] as const;

const stage = z.enum(STAGES, `must be one of ${STAGES.join(', ')}`).meta({ description: 'Place in the pipeline.' });
const id = pathId.meta({ description: 'Id of the lead.' });

/** What a client may write; null empties a field that may be empty. */
export const writable = {
  name: text(200).nullable().meta({ description: 'Name of the person.' }),
  company: text(200).nullable().meta({ description: 'Company, if it is one.' }),
  email: email.nullable().meta({ description: 'Email address.' }),
  source: text(100).nullable().meta({ description: 'Where the lead came from: website, google_ads …' }),
  lead_score: z
    .number('must be a number')
    .int('must be a whole number')
    .min(0, 'must be from 0 to 100')
    .max(100, 'must be from 0 to 100')
    .meta({ description: 'How promising the lead is.' }),
  pipeline_stage: stage,
  industry: text(100).nullable().meta({ description: 'Line of business: residential, commercial …' }),
  company_size: text(100).nullable().meta({ description: 'Size of the company.' }),
  pain_points: text(10_000).nullable().meta({ description: 'What troubles the lead.' }),
  timeline: text(200).nullable().meta({ description: 'How soon it is needed: this_week …' }),
  budget_range: text(200).nullable().meta({ description: 'What may be spent.' }),
  ai_reasoning: text(10_000).nullable().meta({ description: 'Why the lead was scored as it was.' }),
};

type Writable = { [field in keyof typeof writable]?: unknown };

/** The written fields, by column. Which columns exist is fixed by the schema above, so the names are safe to put into SQL. */
function assigned(input: Writable): { columns: string[]; values: unknown[] } {
  const columns = (Object.keys(writable) as (keyof Writable)[]).filter((column) => input[column] !== undefined);
  return { columns, values: columns.map((column) => input[column]) };
}

const missing = 'No such lead.';

const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Leads that hold the words of `q`, found by app.find_leads, as no index serves them under a policy. */
const foundLeads = template((given, value, shape) => {
  const optional = (name: string, type: string) =>
    given(name) ? sql`${value(name)}::${sql.raw(type)}` : sql`null::${sql.raw(type)}`;
  // what lies before the cursor, else before the end of the period
  const [at, id] = given('after_id')
    ? [optional('after_created_at', 'timestamptz'), optional('after_id', 'uuid')]
    : [optional('end_at', 'timestamptz'), sql`${sql.lit(LAST_ID)}::uuid`];
  const found = sql<Database['app.leads']>`app.find_leads(
    ${value('q')}, null, ${optional('pipeline_stage', 'text')}, ${optional('source', 'text')}, null, ${optional('start_at', 'timestamptz')},
    null, ${value<number>('limit')}::integer + 1, ${at}, ${id})`;
  return keysetPage(db.selectFrom(found.as(sql.ref('row'))), { ...pageParameters(given, value), shape });
});

const leadsPage = template((given, value, shape) =>
  keysetPage(
    db
      .selectFrom('app.leads as row')
      .$if(given('pipeline_stage'), (q) => q.where('row.pipeline_stage', '=', value('pipeline_stage')))
      .$if(given('source'), (q) => q.where('row.source', '=', value('source')))
      .$if(given('start_at'), (q) => q.where('row.created_at', '>=', sql<Date>`${value('start_at')}::timestamptz`))
      .$if(given('end_at'), (q) => q.where('row.created_at', '<=', sql<Date>`${value('end_at')}::timestamptz`)),
    { ...pageParameters(given, value), shape },
  ),
);

export const listLeads = operation({
  id: 'leads.list',
  summary: 'List leads',
  description:
    'Newest first, cursor-paginated. Filter by stage, source, words and time of creation. With `organization_id`, a parent reads a child’s leads under a grant of `leads.read`.',
  scope: 'leads.read',
  kind: 'read',
  input: z.strictObject({
    limit: pageSize.default(50),
    cursor: cursor.optional(),
    pipeline_stage: stage.optional(),
    source: text(100).meta({ description: 'Where the lead came from, exactly as written there.' }).optional(),
    q: text(200)
      .meta({
        description:
          'Words to find in name, company, email, phone and notes, in any order, whatever the case and the accents. A phone number is found in any notation.',
      })
      .optional(),
    ...period,
    organization_id: childId.optional(),
  }),
  target: (input) => input.organization_id,
  statement({ input, shape }) {
    checkPeriod(input);
    return (input.q === undefined ? leadsPage : foundLeads)(pageValues(input), shape('lead_summary'));
  },
});

export const getLead = operation({
  id: 'leads.get',
  summary: 'Fetch a lead',
  description: 'The full record, including qualification. 404 for a lead of another organization.',
  scope: 'leads.read',
  kind: 'read',
  input: z.strictObject({ id, organization_id: childId.optional() }),
  target: (input) => input.organization_id,
  missing,
  statement: ({ input, shape }) =>
    statement`select ${sql.raw(shape('lead'))}(row)::text as body from app.leads as row where row.id = ${input.id}::uuid`,
});

export const createLead = operation({
  id: 'leads.create',
  summary: 'Create a lead',
  description:
    'At least one of email, or name and company, is required. Fires `lead.created`. A lead without a score is scored right after by the rules of its organization, which fires `lead.updated`.',
  scope: 'leads.write',
  kind: 'write',
  input: z
    .strictObject({ ...z.object(writable).partial().shape })
    .superRefine((lead, context) => {
      if (!lead.email && !(lead.name && lead.company)) {
        context.addIssue({ code: 'custom', path: ['email'], message: 'email, or name and company, is required' });
      }
    })
    // the same rule for readers of the OpenAPI document
    .meta({ anyOf: [present('email'), present('name', 'company')] }),
  statement({ input, shape }) {
    const { columns, values } = assigned(input);
    return statement`
      insert into app.leads as row (${sql.join(columns.map((column) => sql.id(column)))})
      values (${sql.join(values)})
      returning ${sql.raw(shape('lead_summary'))}(row)::text as body`;
  },
});

export const scoreLead = operation({
  id: 'leads.score',
  summary: 'Re-score a lead',
  description:
    'Scores the lead anew by the rules of its organization, and says what each rule that spoke brought. Fires `lead.updated` when the score changed. A rule that does not come to an end is switched off; the answer is 503 then, and the next is a score.',
  scope: 'leads.write',
  kind: 'write',
  input: z.strictObject({ id }),
  missing,
  statement: ({ input, shape }) =>
    statement`select ${sql.raw(shape('lead_scored'))}(row)::text as body from app.score_lead(${input.id}::uuid) as row`,
  endlessRule: ({ input }) => statement`select app.switch_off_endless_scoring_rule(${input.id}::uuid)`,
});

export const updateLead = operation({
  id: 'leads.update',
  summary: 'Update a lead',
  description:
    'Partial update of the listed fields. Every change is in the audit log as `lead.updated` with a per-field diff, and fires `lead.updated`.',
  scope: 'leads.write',
  kind: 'write',
  input: z.strictObject({ id, ...z.object(writable).partial().shape }),
  missing,
  statement({ input, shape }) {
    const { columns, values } = assigned(input);
    if (columns.length === 0) {
      throw invalidRequest('Nothing to update.', {
        reason: `give at least one of ${Object.keys(writable).join(', ')}`,
      });
    }
    const changes = columns.map((column, index) => sql`${sql.id(column)} = ${values[index]}`);
    return statement`
      update app.leads as row set ${sql.join(changes)}
       where row.id = ${input.id}::uuid
      returning ${sql.raw(shape('lead_patched'))}(row)::text as body`;
  },
});
