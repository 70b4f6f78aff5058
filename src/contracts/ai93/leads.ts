import { sql } from 'kysely';
import { z } from 'zod';
import { raw, statement } from '../../database/page.ts';
import { template } from '../../database/template.ts';
import { email, present, text } from '../../domain/fields.ts';
import { SOURCE_IDS, sourceNamed, TARGET_TYPES } from '../../domain/sources.ts';
import { invalidRequest } from '../../errors.ts';
import { operation } from '../../operations/operation.ts';
import {
  anyObject,
  businessId,
  displayName,
  leadFilters,
  leadId,
  leadLimit,
  notes,
  stageOf,
  status,
  tags,
} from './fields.ts';
import { filteredLeads, USUAL_TYPE } from './filtered.ts';

const missing = 'No such lead.';
const id = leadId;

/** Inputs of filteredLeads, from what the client sent. */
export const filterValues = <
  Input extends { status?: (typeof status)['_output']; businessId?: string; target_type?: string },
>({
  status: wanted,
  businessId: business,
  ...rest
}: Input): Record<string, unknown> => ({
  ...rest,
  stage: wanted && stageOf(wanted),
  business,
  other_type: rest.target_type !== USUAL_TYPE ? rest.target_type : undefined,
});

const leadsPage = template(
  (given, value) => raw`
    select '{"leads":[' || coalesce(string_agg(page.json, ','), '') || '],"count":' || count(*) || '}' as body
      from (select ai93.lead(row)::text as json from (${filteredLeads(given, value)}) as row) as page`,
);

export const listLeads = operation({
  id: 'leads.list',
  summary: 'List leads',
  description: 'Newest first. The filters combine; `count` is the number of leads in the answer.',
  scope: 'leads.read',
  kind: 'read',
  input: z.strictObject({ ...leadFilters, limit: leadLimit }),
  statement: ({ input }) => leadsPage(filterValues(input)),
});

export const getLead = operation({
  id: 'leads.get',
  summary: 'Fetch a lead',
  description: '404, not 403, for a lead outside the key’s business or workspace.',
  scope: 'leads.read',
  kind: 'read',
  input: z.strictObject({ id }),
  missing,
  statement: ({ input }) => statement`
    select '{"lead":' || ai93.lead(row)::text || '}' as body from app.leads as row where row.id = app.typeid_uuid('ld', ${input.id})`,
});

const source = z
  .enum(SOURCE_IDS as [string, ...string[]], `must be one of ${SOURCE_IDS.join(', ')}`)
  .meta({ description: 'One of `GET /sources`.' });

const newLead = z
  .strictObject({
    source,
    targetType: z
      .enum(TARGET_TYPES, `must be one of ${TARGET_TYPES.join(', ')}`)
      .nullable()
      .meta({ description: 'One of the source’s target types; without it, the first of them.' })
      .optional(),
    displayName: displayName.optional(),
    email: email.nullable().meta({ description: 'Email address.' }).optional(),
    phone: z
      .string('must be a string')
      .min(3, 'must have at least 3 characters')
      .max(40, 'must have at most 40 characters')
      .regex(/\S/, 'must not be blank')
      .nullable()
      .meta({ description: 'Phone number, in any notation.' })
      .optional(),
    handle: text(200).nullable().meta({ description: 'Account name on the source, e.g. u/some_redditor.' }).optional(),
    company: text(200).nullable().meta({ description: 'Company name.' }).optional(),
    context: anyObject
      .meta({ description: 'What the source tells: its enrichment fields as in `GET /sources`, and others.' })
      .nullish(),
    tags: tags.nullish(),
    notes: notes.optional(),
    businessId: businessId.nullish(),
  })
  .superRefine((lead, context) => {
    const { displayName, email, phone, handle, company } = lead;
    if (![displayName, email, phone, handle, company].some(Boolean)) {
      const message = 'or email, phone, handle or company is required';
      context.addIssue({ code: 'custom', path: ['displayName'], message });
    }
    const from = sourceNamed(lead.source);
    if (!from) return;
    if (lead.targetType && !from.targetTypes.includes(lead.targetType)) {
      const message = `must be one of ${from.targetTypes.join(', ')} for the source ${from.id}`;
      context.addIssue({ code: 'custom', path: ['targetType'], message });
    }
    const told = from.context.safeParse(lead.context ?? {});
    for (const issue of told.error?.issues ?? []) {
      context.addIssue({ code: 'custom', path: ['context', ...issue.path], message: issue.message });
    }
  })
  // the same rule for readers of the OpenAPI document
  .meta({ anyOf: ['displayName', 'email', 'phone', 'handle', 'company'].map((field) => present(field)) });

/** Where the lead was found, as other APIs ask for it: most sources say it as `url`, and those that do not may mean anything by it. */
const sourceUrl = ({ url }: Record<string, unknown>): string | null =>
  typeof url === 'string' && url.length <= 2048 ? url : null;

export const createLead = operation({
  id: 'leads.create',
  summary: 'Create a lead',
  description:
    'The lead belongs to the key’s business. A workspace key may name one of its businesses with `businessId`, and without it the lead is the workspace’s own; a business out of reach is 404. Fires `lead.created`.',
  scope: 'leads.write',
  kind: 'write',
  input: newLead,
  statement: ({ input }) => {
    const context = input.context ?? {};
    return statement`
      insert into app.leads as row (organization_id, source, target_type, name, email, phone, handle, company, context, source_url, tags, notes)
      values (app.business(app.typeid_uuid('biz', ${input.businessId ?? null})), ${input.source},
              ${input.targetType ?? sourceNamed(input.source)?.targetTypes[0]}, ${input.displayName ?? null}, ${input.email ?? null},
              ${input.phone ?? null}, ${input.handle ?? null}, ${input.company ?? null}, ${JSON.stringify(context)}::jsonb,
              ${sourceUrl(context)}, ${input.tags ?? []}::text[], ${input.notes ?? null})
      returning '{"lead":' || ai93.lead(row)::text || '}' as body`;
  },
});

export const updateLead = operation({
  id: 'leads.update',
  summary: 'Update a lead',
  description:
    'Status, tags (the whole list) and notes. A new status fires `lead.status_changed`, and `lead.converted` when it is `converted`.',
  scope: 'leads.write',
  kind: 'write',
  input: z.strictObject({
    id,
    status: status.meta({ description: 'Where the lead stands.' }).optional(),
    tags: tags.optional(),
    notes: notes.optional(),
  }),
  missing,
  statement: ({ input }) => {
    const changes = [
      ...(input.status === undefined ? [] : [sql`pipeline_stage = ${stageOf(input.status)}`]),
      ...(input.tags === undefined ? [] : [sql`tags = ${input.tags}::text[]`]),
      ...(input.notes === undefined ? [] : [sql`notes = ${input.notes}`]),
    ];
    if (changes.length === 0) {
      throw invalidRequest('Nothing to update.', { reason: 'give at least one of status, tags, notes' });
    }
    return statement`
      update app.leads as row set ${sql.join(changes)}
       where row.id = app.typeid_uuid('ld', ${input.id})
      returning '{"lead":' || ai93.lead(row)::text || '}' as body`;
  },
});
