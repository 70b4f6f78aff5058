import { z } from 'zod';
import { statement } from '../../database/page.ts';
import { text, timestamp } from '../../domain/fields.ts';
import { operation } from '../../operations/operation.ts';
import { anyObject, leadId } from './fields.ts';

// What happens to a lead after it came in: it is handed off, and it replies.

const missing = 'No such lead.';
const id = leadId;

export const handOffLead = operation({
  id: 'leads.handoff',
  summary: 'Hand a lead off',
  description:
    'Notes which system downstream takes the lead over, and when (`handoffDestination`, `handedOffAt`); `lead.handed_off` tells of it. The same destination and metadata again change nothing; anything else is a new hand-off, and the history keeps both.',
  scope: 'leads.handoff',
  kind: 'write',
  input: z.strictObject({
    id,
    destination: text(200).meta({ description: 'Name of the system, e.g. krew.' }),
    metadata: anyObject.nullish().meta({ description: 'What belongs to the hand-off, e.g. the lead’s id over there.' }),
  }),
  missing,
  statement: ({ input }) => statement`
    select '{"lead":' || ai93.lead(row)::text || '}' as body
      from app.hand_off_lead(app.typeid_uuid('ld', ${input.id}), ${input.destination},
                             ${input.metadata ? JSON.stringify(input.metadata) : null}::jsonb) as row`,
});

export const listHandoffs = operation({
  id: 'leads.handoffs.list',
  summary: 'List the hand-offs of a lead',
  description: 'Every hand-off, newest first.',
  scope: 'leads.read',
  kind: 'read',
  input: z.strictObject({ id }),
  missing,
  statement: ({ input }) => statement`
    select (select '{"handoffs":[' || coalesce(string_agg(h.json, ','), '') || '],"count":' || count(*) || '}'
              from (select ai93.handoff(row)::text as json
                      from app.lead_handoffs as row
                     where row.organization_id = lead.organization_id and row.lead_id = lead.id
                     order by row.handed_off_at desc, row.id desc limit 500) as h) as body
      from app.leads as lead where lead.id = app.typeid_uuid('ld', ${input.id})`,
});

export const recordReply = operation({
  id: 'leads.replies.create',
  summary: 'Record a reply',
  description:
    'Records what the lead answered. A lead that was new or contacted moves to `replied`. Fires `lead.replied`, and `lead.status_changed` when the status moved.',
  scope: 'leads.write',
  kind: 'write',
  input: z.strictObject({
    id,
    message: text(10_000).meta({ description: 'What the lead wrote or said.' }),
    channel: text(50).nullable().meta({ description: 'How it came: email, sms, reddit …' }).optional(),
    receivedAt: timestamp.meta({ description: 'When it came (ISO 8601); without it, now.' }).optional(),
  }),
  missing,
  statement: ({ input }) => statement`
    insert into app.lead_replies as row (organization_id, lead_id, message, channel, received_at)
    select lead.organization_id, lead.id, ${input.message}, ${input.channel ?? null}, coalesce(${input.receivedAt ?? null}::timestamptz, now())
      from app.leads as lead where lead.id = app.typeid_uuid('ld', ${input.id})
    returning '{"reply":' || ai93.reply(row)::text || '}' as body`,
});

export const listReplies = operation({
  id: 'leads.replies.list',
  summary: 'List the replies of a lead',
  description: 'Newest first, at most 500.',
  scope: 'leads.read',
  kind: 'read',
  input: z.strictObject({ id }),
  missing,
  statement: ({ input }) => statement`
    select (select '{"replies":[' || coalesce(string_agg(r.json, ','), '') || '],"count":' || count(*) || '}'
              from (select ai93.reply(row)::text as json
                      from app.lead_replies as row
                     where row.organization_id = lead.organization_id and row.lead_id = lead.id
                     order by row.received_at desc, row.id desc limit 500) as r) as body
      from app.leads as lead where lead.id = app.typeid_uuid('ld', ${input.id})`,
});
