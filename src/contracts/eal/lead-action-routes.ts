import { z } from 'zod';
import type { Route } from '../contract.ts';
import { examples } from './examples.ts';
import { addReply, handOffLead, listSources, upsertLead } from './lead-actions.ts';
import { lead } from './outputs.ts';
import { at, id, nullable, typeId } from './shapes.ts';

// Answers and endpoints of lead-actions.ts.

export const leadUpserted = z
  .strictObject({
    ...lead.shape,
    outcome: z.enum(['created', 'updated', 'unchanged']).meta({ description: 'What became of it.' }),
  })
  .meta({ id: 'LeadUpserted', description: 'A lead in full, and what became of it.' });
export const leadHandedOff = z
  .strictObject({
    id,
    destination: z.string(),
    metadata: z.record(z.string(), z.unknown()).nullable(),
    handed_off_at: at,
  })
  .meta({ id: 'LeadHandedOff', description: 'A hand-off of a lead.' });
export const reply = z
  .strictObject({ id: typeId('rep'), lead_id: id, message: z.string(), channel: nullable, received_at: at })
  .meta({ id: 'LeadReply', description: 'A reply of a lead.' });
export const sourceList = z
  .strictObject({ data: z.array(z.strictObject({ source: z.string() })) })
  .meta({ id: 'LeadSourceList', description: 'Sources that leads have.' });

const { response: fullLead } = examples.lead;
const person = { name: 'Daniel Ortiz', email: 'daniel.ortiz@example.com', source: 'website' };
const upsert = {
  request: { ...person, phone: '+17705550142', tags: ['storm'] },
  response: { ...fullLead, ...person, pipeline_stage: 'new', outcome: 'updated' },
};

/** The endpoints of what a lead goes through. */
export const leadActionRoutes: Route[] = [
  {
    method: 'POST',
    path: '/leads/upsert',
    operation: upsertLead,
    tag: 'Leads',
    status: 201,
    output: leadUpserted,
    example: { ...upsert, response: { ...upsert.response, outcome: 'created' } },
    existing: {
      description: 'The lead was known: `outcome` says whether anything about it changed.',
      output: leadUpserted,
      example: upsert.response,
    },
  },
  {
    method: 'POST',
    path: '/leads/{id}/handoff',
    operation: handOffLead,
    tag: 'Leads',
    output: leadHandedOff,
    example: {
      request: { destination: 'jobnimbus', metadata: { job_id: 'jn_117422' } },
      response: {
        id: fullLead.id,
        destination: 'jobnimbus',
        metadata: { job_id: 'jn_117422' },
        handed_off_at: '2026-04-27T19:04:00.318Z',
      },
    },
  },
  {
    method: 'POST',
    path: '/leads/{id}/replies',
    operation: addReply,
    tag: 'Leads',
    status: 201,
    output: reply,
    example: {
      request: { message: 'Yes, tomorrow at nine works.', channel: 'sms' },
      response: {
        id: 'rep_01kq80hkgefv3tkwx5rvce9wd2',
        lead_id: fullLead.id,
        message: 'Yes, tomorrow at nine works.',
        channel: 'sms',
        received_at: '2026-04-27T19:22:01.118Z',
      },
    },
  },
  {
    method: 'GET',
    path: '/leads/sources',
    operation: listSources,
    tag: 'Leads',
    output: sourceList,
    example: { response: { data: [{ source: 'google_ads' }, { source: 'website' }] } },
  },
];
