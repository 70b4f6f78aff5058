import { z } from 'zod';
import { STATUSES } from './fields.ts';
import { RUN_STATUSES } from './runs.ts';

// The answers of the contract, field by field as its document prints them; what it leaves out comes after. The `id` of each is its
// name in the OpenAPI document.

const typeId = (prefix: string) => z.string().regex(new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`));
const at = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/)
  .meta({ format: 'date-time' });
const nullable = z.string().nullable();
const object = z.record(z.string(), z.unknown());
const count = z.int().min(0).meta({ description: 'Entries in this answer.' });

export const lead = z
  .strictObject({
    id: typeId('ld'),
    businessId: typeId('biz').meta({ description: 'Business the lead belongs to.' }),
    targetType: z.string().meta({ description: 'Kind of target: customer_lead, realtor, local_business.' }),
    source: nullable.meta({ description: 'One of `GET /sources`, or what another API wrote; null when nobody said.' }),
    status: z.enum(STATUSES),
    displayName: nullable.meta({ description: 'Name, or else handle, company, email address or phone number.' }),
    context: object.meta({ description: 'What the source told: its enrichment fields, as in `GET /sources`.' }),
    createdAt: at,
    handedOffAt: at.nullable(),
    handoffDestination: nullable,
    handoffMetadata: object.nullable(),
    handle: nullable,
    email: nullable,
    phone: nullable,
    company: nullable,
    tags: z.array(z.string()),
    notes: nullable,
    enrichment: object.meta({ description: 'Facts that enrichment added.' }),
    replyCount: z.int().min(0),
    lastReplyAt: at.nullable(),
    updatedAt: at,
  })
  .meta({ id: 'Lead' });

export const leadList = z.strictObject({ leads: z.array(lead), count }).meta({ id: 'LeadList' });
export const oneLead = z.strictObject({ lead }).meta({ id: 'LeadAnswer' });

export const reply = z
  .strictObject({ id: typeId('rep'), leadId: typeId('ld'), message: z.string(), channel: nullable, receivedAt: at })
  .meta({ id: 'Reply' });
export const oneReply = z.strictObject({ reply }).meta({ id: 'ReplyAnswer' });
export const replyList = z.strictObject({ replies: z.array(reply), count }).meta({ id: 'ReplyList' });

export const handoff = z
  .strictObject({
    id: typeId('hof'),
    leadId: typeId('ld'),
    destination: z.string(),
    metadata: object.nullable(),
    handedOffAt: at,
  })
  .meta({ id: 'Handoff' });
export const handoffList = z.strictObject({ handoffs: z.array(handoff), count }).meta({ id: 'HandoffList' });

export const source = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    targetTypes: z.array(z.string()).meta({ description: 'Kinds of target that it finds; the first is the default.' }),
    enrichmentSchema: object.meta({ description: 'JSON Schema (2020-12) of the lead’s `context`.' }),
  })
  .meta({ id: 'Source' });
export const sourceList = z.strictObject({ sources: z.array(source), count }).meta({ id: 'SourceList' });

export const run = z
  .strictObject({
    id: typeId('run'),
    businessId: typeId('biz'),
    source: z.string(),
    status: z.enum(RUN_STATUSES),
    startedAt: at,
    finishedAt: at.nullable(),
    leadsFound: z.int(),
    leadsCreated: z.int(),
    leadsUpdated: z.int(),
    leadsRejected: z.int(),
    error: nullable.meta({ description: 'Why it failed.' }),
  })
  .meta({ id: 'ScraperRun' });
export const runList = z.strictObject({ runs: z.array(run), count }).meta({ id: 'ScraperRunList' });

export const health = z
  .strictObject({
    status: z.literal('ok'),
    version: z.literal('v1'),
    environment: z.enum(['live', 'test']).optional(),
    reach: z.enum(['business', 'workspace']).optional(),
    scopes: z.array(z.string()).optional(),
    businessId: typeId('biz').optional(),
    timestamp: at,
  })
  .meta({ id: 'Health', description: 'Without a key: status, version and timestamp only.' });

export const error = z
  .strictObject({
    error: z.string().meta({ description: 'Stable code; what programs look at.' }),
    message: z.string().meta({ description: 'One sentence for people, with the field and the reason.' }),
  })
  .meta({ id: 'Error' });

export const event = z
  .strictObject({
    id: z
      .string()
      .regex(/^evt_[0-9a-f]{16}$/)
      .meta({ description: 'The same at every attempt: drop what was seen before.' }),
    type: z.enum(['lead.created', 'lead.status_changed', 'lead.replied', 'lead.converted', 'lead.handed_off']),
    createdAt: at,
    consumerWorkspace: z.string().meta({ description: 'Short name of the subscriber’s workspace.' }),
    data: lead,
  })
  .meta({ id: 'LeadEvent', description: 'The lead as the change left it.' });
