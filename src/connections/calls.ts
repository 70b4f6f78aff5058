import { type CallDraft, fitCall } from '../../connectors/call-draft.ts';
import type { Statement } from '../database/transaction.ts';

export interface RecordedCall {
  id: string;
  /** whether it was not known before */
  created: boolean;
}

/**
 * Records drafts for the tenant in the claims, one after the other; a row of RecordedCall for each. A tracker tells of one call several
 * times: of the same source and external_id there is one call, which what is new fills in.
 */
export const recordCalls = (drafts: readonly CallDraft[]): Statement => ({
  text: `
    select (made.call).id, made.created
      from jsonb_array_elements($1::jsonb) with ordinality as told (call, position)
     cross join lateral app.record_call(told.call) as made
     order by told.position`,
  values: [JSON.stringify(drafts.map(fitCall))],
});
