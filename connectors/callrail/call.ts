import type { CallDraft } from '../call-draft.ts';
import { type Fields, idOf, textOf } from './payload.ts';

// From the fields that hooks and polls tell of a call to a draft. Older names of the same field come after today's.

const TEXTS = {
  tracking_number: ['tracking_phone_number', 'trackingnum'],
  caller_number: ['customer_phone_number', 'customer_number', 'callernum'],
  caller_name: ['customer_name', 'callername'],
  caller_city: ['customer_city', 'callercity'],
  caller_state: ['customer_state', 'callerstate'],
  caller_country: ['customer_country', 'callercountry'],
  direction: ['direction'],
  marketing_source: ['source', 'source_name', 'callsource'],
  transcript: ['transcription'],
} as const satisfies Partial<Record<keyof CallDraft, readonly string[]>>;

/** Told only when a call is over. Before that it is "not answered", "missed" and 0 seconds long, whatever will become of it. */
const OF_THE_END = ['recording', 'recording_duration', 'transcription', 'note', 'lead_status', 'value', 'changes'];
const NOT_YET = ['call_type', 'formatted_call_type', 'formatted_duration'];
const UNDER_WAY = 'in_progress';

/** Where ids are told under the names of old, they are kept under those that hooks have for them. */
const RENAMED = { company_id: 'COM', tracker_id: 'TRK', person_id: 'PER' } as const;

/**
 * The call that these fields tell of, of which isCall() is sure.
 *   toldAt  when it was told: when the hook came in, or when it was asked for
 *   asked   answered to a poll, and so of that moment
 */
export function callOf(fields: Fields, toldAt: Date, asked: boolean): CallDraft {
  const rest = new Map(Object.entries(fields));
  const isOver = fields.call_type !== UNDER_WAY && OF_THE_END.some((name) => rest.has(name));
  /** The first of these fields that can be read; it is not told again in `extra`. */
  const take = <Value>(names: readonly string[], read: (value: unknown) => Value | undefined): Value | undefined => {
    for (const name of names) {
      const value = read(fields[name]);
      if (value === undefined) continue;
      rest.delete(name);
      return value;
    }
    return undefined;
  };
  const ended = <Value>(name: string, read: (value: unknown) => Value | undefined): Value | undefined => {
    const value = take([name], read);
    return isOver || value ? value : undefined;
  };

  const draft: CallDraft = {
    source: 'callrail',
    external_id: idOf(fields) as string,
    ...Object.fromEntries(Object.entries(TEXTS).map(([column, names]) => [column, take(names, textOf)])),
    caller_postal_code: take(['customer_postal_code', 'customer_zip', 'zip_code'], lastTextOf),
    ...recordingOf(take(['recording'], textOf)),
    received_at: take(['start_time', 'datetime'], timeOf),
    answered: ended('answered', truthOf),
    voicemail: ended('voicemail', truthOf),
    duration_seconds: ended('duration', numberOf),
  };
  rest.delete('resource_id');
  if (asked) for (const name of ['id', 'recording_player']) rest.delete(name);
  // a delivery that was overtaken by a later one must not take back what that told
  if (!isOver) for (const name of NOT_YET) rest.delete(name);
  const state = !isOver ? 'ringing' : asked || rest.has('changes') ? 'current' : 'ended';
  return { ...draft, as_of: asOf(draft, toldAt, state), extra: extraOf(rest) };
}

/**
 * As of when a message tells. No field of it says so: what is told once a call is over tells how it ended, also where it comes after
 * what was modified since; what was modified, and what was asked for, is as of then.
 */
function asOf({ received_at: start, duration_seconds: seconds = 0 }: CallDraft, toldAt: Date, state: string): Date {
  if (state === 'current' || start === undefined) return toldAt;
  const at = start.getTime() + (state === 'ended' ? seconds * 1000 : 0);
  return new Date(Math.max(0, Math.min(at, toldAt.getTime())));
}

/** A hook names an address with a key of its own in it; the API one of the API, which wants the API key. */
const recordingOf = (address: string | undefined): Pick<CallDraft, 'recording_source_url' | 'spare_recording_url'> =>
  address !== undefined && /\/recording(\.json)?$/.test(address)
    ? { spare_recording_url: address }
    : { recording_source_url: address };

/** What no column is for, as it came; but so that a hook and a poll, which write the same differently, tell the same. */
function extraOf(rest: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const entries = [...rest].map(([name, value]): [string, unknown] => {
    const kind = RENAMED[name as keyof typeof RENAMED];
    if (kind && textOf(value)?.startsWith(kind)) return [name.replace('_id', '_resource_id'), value];
    if (name === 'recording_duration' || name === 'value') return [name, numberOf(value) ?? (value || null)];
    return [name, value === '' ? null : value];
  });
  return Object.fromEntries(entries);
}

/** A caller that is asked for the postal code again is asked because the one before was wrong. */
const lastTextOf = (value: unknown): string | undefined => textOf(Array.isArray(value) ? value.at(-1) : value);

const truthOf = (value: unknown): boolean | undefined =>
  value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined;

function numberOf(value: unknown): number | undefined {
  const number = Number(textOf(value) ?? Number.NaN);
  return Number.isNaN(number) ? undefined : Math.round(number);
}

/** A time that names no zone is UTC: `datetime` is, the others have theirs. */
function timeOf(value: unknown): Date | undefined {
  const text = textOf(value);
  if (text === undefined || !/^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/.test(text)) return undefined;
  const zoned = /(Z|[+-]\d{2}:?\d{2}| UTC)$/i.test(text) ? text : `${text}Z`;
  const at = new Date(zoned.replace(' UTC', 'Z').replace(' ', 'T'));
  return Number.isNaN(at.getTime()) ? undefined : at;
}
