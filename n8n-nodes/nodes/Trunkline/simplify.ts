import type { IDataObject } from 'n8n-workflow';

// The fields that most workflows go on with.

/** A record with some of its fields. */
export const pick = (record: IDataObject, names: string[]): IDataObject =>
  Object.fromEntries(names.filter((name) => name in record).map((name) => [name, record[name]]));

const LEAD = [
  'id',
  'name',
  'company',
  'email',
  'source',
  'lead_score',
  'pipeline_stage',
  'ai_reasoning',
  'created_at',
  'outcome',
];

const simpleLead = (lead: IDataObject): IDataObject => pick(lead, LEAD);

/** A call with its classification and decision flat beside the rest. */
function simpleCall(call: IDataObject): IDataObject {
  const { classification, dispatch_decision } = call as Record<string, IDataObject | null>;
  return {
    ...pick(call, ['id', 'caller_number', 'tracking_number', 'duration_seconds', 'transcript', 'received_at']),
    intent: classification?.intent ?? null,
    urgency: classification?.urgency ?? null,
    qualified: classification?.qualified ?? null,
    dispatch_action: dispatch_decision?.action ?? null,
  };
}

/** By resource and operation, where an answer has more than ten fields. */
export const simplified: Record<string, ((record: IDataObject) => IDataObject) | undefined> = {
  'lead.create': simpleLead,
  'lead.get': simpleLead,
  'lead.getAll': simpleLead,
  'lead.upsert': simpleLead,
  'call.get': simpleCall,
};
