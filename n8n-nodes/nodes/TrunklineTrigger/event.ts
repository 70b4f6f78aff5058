import type { IDataObject } from 'n8n-workflow';
import { listOf } from '../Trunkline/list';

/** A delivery's body. */
export interface TrunklineEvent {
  id: string;
  type: string;
  created_at: string;
  organization_id: string;
  data: IDataObject;
}

/** The event in the bytes; undefined when they hold none. */
export function readEvent(body: Buffer): TrunklineEvent | undefined {
  try {
    const event = JSON.parse(body.toString('utf8')) as Partial<TrunklineEvent>;
    if (typeof event.id !== 'string' || typeof event.type !== 'string' || typeof event.data !== 'object')
      return undefined;
    return { ...event, data: event.data ?? {} } as TrunklineEvent;
  } catch {
    return undefined;
  }
}

/** The fields of what the event is about beside those of the event, ready to be mapped. */
export const flattened = (event: TrunklineEvent, withRaw: boolean): IDataObject => ({
  event: event.type,
  event_id: event.id,
  event_created_at: event.created_at,
  organization_id: event.organization_id,
  ...event.data,
  ...(withRaw && { raw: event as unknown as IDataObject }),
});

/** As chosen from lists, or as an expression gives them: a text with commas does too. */
export interface Filters {
  pipeline_stage?: string[] | string;
  source?: string[] | string;
  lead_score?: number | string;
  intent?: string[] | string;
}

/** Whether an event is wanted. A filter is about the events that have its field: others pass. */
export function isWanted({ type, data }: TrunklineEvent, filters: Filters): boolean {
  const oneOf = (given: string[] | string | undefined, value: unknown): boolean => {
    const wanted = listOf(given ?? []);
    return wanted.length === 0 || wanted.includes(value as string);
  };
  if (type.startsWith('lead.')) {
    return (
      oneOf(filters.pipeline_stage, data.pipeline_stage) &&
      oneOf(filters.source, data.source) &&
      Number(data.lead_score ?? 0) >= Number(filters.lead_score ?? 0)
    );
  }
  if (type.startsWith('call.')) {
    const { classification } = data as { classification?: IDataObject | string | null };
    return oneOf(filters.intent, typeof classification === 'object' ? classification?.intent : classification);
  }
  return true;
}
