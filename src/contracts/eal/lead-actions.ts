import { sql } from 'kysely';
import { z } from 'zod';
import { statement } from '../../database/page.ts';
import { pathId, present, text, timestamp } from '../../domain/fields.ts';
import { writable } from '../../domain/leads.ts';
import { operation } from '../../operations/operation.ts';

// What the document leaves out and a step of an automation needs: create or update, hand off, replies, the sources in use.

const missing = 'No such lead.';
const id = pathId.meta({ description: 'Id of the lead.' });
const anyObject = z.record(z.string(), z.unknown(), 'must be an object');
const phone = z
  .string('must be a string')
  .min(3, 'must have at least 3 characters')
  .max(40, 'must have at most 40 characters')
  .regex(/\S/, 'must not be blank');

const { ai_reasoning: _reasoning, ...known } = writable;

/** What may be told of a lead that may be known already. */
const told = {
  ...known,
  phone: phone.nullable().meta({ description: 'Phone number, in any notation.' }),
  external_id: text(255).nullable().meta({ description: 'Id of the lead at its source; needs `source`.' }),
  job_title: text(200).nullable().meta({ description: 'Position in the company.' }),
  tags: z
    .array(
      z.string('must be a string').trim().min(1, 'must not be blank').max(100, 'must have at most 100 characters'),
      'must be a list of texts',
    )
    .max(100, 'must hold at most 100 tags')
    .nullable()
    .meta({ description: 'Labels; added to those that the lead has.' }),
  notes: text(10_000).nullable().meta({ description: 'Free notes.' }),
  context: anyObject.nullable().meta({ description: 'Whatever else is known; merged into what the lead has.' }),
};

export const upsertLead = operation({
  id: 'leads.upsert',
  summary: 'Create or update a lead',
  description:
    'Finds the lead by `external_id` and `source`, else by email, else by phone, however they are written, and fills it in; without one, makes it: 201. What is left out or null changes nothing, tags and context are merged, the source stays the first one, and a stage only moves forward. Fires `lead.created` or `lead.updated`.',
  scope: 'leads.write',
  kind: 'write',
  input: z
    .strictObject({ ...z.object(told).partial().shape })
    .superRefine((lead, context) => {
      if (!lead.email && !lead.phone && !(lead.external_id && lead.source)) {
        const message = 'or phone, or external_id and source, is required';
        context.addIssue({ code: 'custom', path: ['email'], message });
      }
    })
    // the same rule for readers of the OpenAPI document
    .meta({ anyOf: [present('email'), present('phone'), present('external_id', 'source')] }),
  statement: ({ input, shape }) => statement`
    select ${sql.raw(shape('lead_upserted'))}(placed.lead, placed.outcome)::text as body,
           case placed.outcome when 'created' then 201 else 200 end as status
      from app.upsert_lead(${JSON.stringify(input)}::jsonb) as placed`,
});

export const handOffLead = operation({
  id: 'leads.handoff',
  summary: 'Hand a lead off',
  description:
    'Notes which system downstream takes the lead over, and when. The same destination and metadata again change nothing; anything else is a new hand-off, and the history keeps both. Fires `lead.updated`.',
  scope: 'leads.handoff',
  kind: 'write',
  input: z.strictObject({
    id,
    destination: text(200).meta({ description: 'Name of the system that takes the lead over.' }),
    metadata: anyObject.nullish().meta({ description: 'What belongs to the hand-off, e.g. the lead’s id over there.' }),
  }),
  missing,
  statement: ({ input, shape }) => statement`
    select ${sql.raw(shape('lead_handed_off'))}(row)::text as body
      from app.hand_off_lead(${input.id}::uuid, ${input.destination}, ${input.metadata ? JSON.stringify(input.metadata) : null}::jsonb) as row`,
});

export const addReply = operation({
  id: 'leads.replies.create',
  summary: 'Record a reply',
  description:
    'Records what the lead answered. A lead that was new or contacted moves to `replied`. Fires `lead.updated`.',
  scope: 'leads.write',
  kind: 'write',
  input: z.strictObject({
    id,
    message: text(10_000).meta({ description: 'What the lead wrote or said.' }),
    channel: text(50).nullish().meta({ description: 'How it came: email, sms, reddit …' }),
    received_at: timestamp.meta({ description: 'When it came (ISO 8601); without it, now.' }).optional(),
  }),
  missing,
  statement: ({ input, shape }) => statement`
    insert into app.lead_replies as row (organization_id, lead_id, message, channel, received_at)
    select lead.organization_id, lead.id, ${input.message}, ${input.channel ?? null}, coalesce(${input.received_at ?? null}::timestamptz, now())
      from app.leads as lead where lead.id = ${input.id}::uuid
    returning ${sql.raw(shape('reply'))}(row)::text as body`,
});

export const listSources = operation({
  id: 'leads.sources.list',
  summary: 'List the sources of leads',
  description: 'The sources that leads of the calling organization have, in order of name, at most 500.',
  scope: 'leads.read',
  kind: 'read',
  input: z.strictObject({}),
  statement: () => statement`
    select json_build_object('data', coalesce(json_agg(json_build_object('source', s.source)), '[]'))::text as body
      from app.lead_sources() as s (source)`,
});
