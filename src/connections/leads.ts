import { z } from 'zod';
import { fitDraft, type LeadDraft } from '../../connectors/lead-draft.ts';
import type { Statement } from '../database/transaction.ts';
import { type Source, type SystemActor, systemActor } from '../operations/actor.ts';
import { operation } from '../operations/operation.ts';

/** Who makes what a connection brings: its organization, with no more than the right to write that. */
export const connectionActor = (
  organizationId: string,
  source: Source,
  correlationId: string,
  scopes: readonly ('leads.write' | 'calls.write' | 'outreach.write')[] = ['leads.write'],
): SystemActor => ({ ...systemActor(organizationId, source, correlationId), scopes });

/**
 * Inserts drafts for the tenant in the claims; a row for each lead made. Of drafts with the same source and external_id there is
 * one lead, ever: a service that delivers twice changes nothing, whatever has become of the lead meanwhile.
 */
export const insertLeads = (drafts: readonly LeadDraft[]): Statement => ({
  text: `
    insert into app.leads (source, external_id, name, email, phone, company, handle, job_title, source_url, target_type, context, tags, notes)
    select d.source, d.external_id, d.name, d.email, d.phone, d.company, d.handle, d.job_title, d.source_url,
           coalesce(d.target_type, 'customer_lead'), coalesce(d.context, '{}'), coalesce(d.tags, '{}'), d.notes
      from jsonb_to_recordset($1::jsonb) as d (source text, external_id text, name text, email text, phone text, company text,
             handle text, job_title text, source_url text, target_type text, context jsonb, tags text[], notes text)
    on conflict (organization_id, source, external_id) where external_id is not null do nothing
    returning id`,
  values: [JSON.stringify(drafts.map(fitDraft))],
});

/** The same as an operation, for whoever has nothing else to do in the transaction. */
export const receiveLeads = operation({
  id: 'leads.receive',
  summary: 'Insert what a connector made of a form',
  scope: 'leads.write',
  kind: 'write',
  input: z.array(z.custom<LeadDraft>()),
  statement({ input }) {
    const { text, values } = insertLeads(input);
    return {
      text: `with made as (${text}) select json_build_object('made', count(*))::text as body from made`,
      values,
    };
  },
});
