import { plain, storable } from './storable.ts';

// What a connector makes of a call that a tracker told of: columns of app.calls, as app.record_call takes them. A column that is left
// out says that nothing is known of it, and a call that is known already keeps what it has.

export interface CallDraft {
  /** the tracker, the same for every call of a connector */
  source: string;
  /** its id there: what is told of the same id is told of one call */
  external_id: string;
  received_at?: Date;
  tracking_number?: string;
  caller_number?: string;
  caller_name?: string;
  caller_city?: string;
  caller_state?: string;
  caller_postal_code?: string;
  caller_country?: string;
  direction?: string;
  answered?: boolean;
  voicemail?: boolean;
  duration_seconds?: number;
  marketing_source?: string;
  recording_source_url?: string;
  /** an address of the recording that takes the connection's credentials to fetch: used where there is no better one */
  spare_recording_url?: string;
  transcript?: string;
  /** what no column is for */
  extra?: Record<string, unknown>;
  /** as of when all this is; what is older only fills gaps. Without it, now */
  as_of?: Date;
}

/** A call with nothing in it that a column refuses. */
export type FittedCall = CallDraft & { extra: Record<string, unknown> };

/** Cut off where they are longer: a part of them is worth more than nothing. */
const LONGEST = {
  caller_name: 200,
  caller_city: 100,
  caller_state: 100,
  caller_postal_code: 20,
  caller_country: 100,
  marketing_source: 200,
  transcript: 200_000,
} as const;

const isAddress = (text: string): boolean => text.length <= 2048 && /^https?:\/\/\S+$/.test(text);

/** Taken whole or not at all: a part of a number or an address is another number or address. */
const WHOLE: Partial<Record<keyof CallDraft, (value: never) => boolean>> = {
  tracking_number: (text: string) => text.length <= 40 && [...text].length >= 3,
  caller_number: (text: string) => text.length <= 40,
  direction: (text: string) => text === 'inbound' || text === 'outbound',
  duration_seconds: (seconds: number) => Number.isInteger(seconds) && seconds >= 0 && seconds <= 86_400,
  recording_source_url: isAddress,
  spare_recording_url: isAddress,
  // a clock may be wrong by a day; what is further ahead is a mistake, and no time to reckon from
  received_at: (at: Date) => at.getTime() >= 0 && at.getTime() <= Date.now() + 86_400_000,
};

/** The draft with nothing in it that a column refuses. What does not fit is kept in `extra`, under the name of its column. */
export function fitCall(draft: CallDraft): FittedCall {
  const { source, external_id, extra, ...columns } = draft;
  const fitted: Record<string, unknown> = {};
  const misfits: Record<string, unknown> = {};
  for (const [column, given] of Object.entries(columns)) {
    if (given === undefined) continue;
    const value = typeof given === 'string' ? cut(given, LONGEST[column as keyof typeof LONGEST]) : given;
    if (value === '') continue;
    if (WHOLE[column as keyof CallDraft]?.(value as never) ?? true) fitted[column] = value;
    else misfits[column] = given instanceof Date ? given.toJSON() : given;
  }
  return {
    ...fitted,
    source,
    external_id: plain(external_id).slice(0, 255).toWellFormed(),
    extra: storable({ ...extra, ...misfits }) as Record<string, unknown>,
  };
}

const cut = (text: string, longest?: number): string => plain(plain(text).trim().slice(0, longest));
