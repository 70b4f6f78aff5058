import type pg from 'pg';
import { INTENTS, LOSSES, type Transcript } from './transcripts.ts';

export interface Measured {
  transcripts: number;
  /** share of right answers; urgency and qualified of all transcripts */
  intent: number;
  urgency: number;
  qualified: number;
  /** how much confidence exceeds being right, on average over tenths of confidence */
  calibration: number;
  /** confusion[labelled][found] */
  confusion: Record<string, Record<string, number>>;
}

/** What an organization's rules make of transcripts, asked of app.classify as it is. */
export async function measure(
  client: pg.Client | pg.Pool,
  organization: string,
  transcripts: Transcript[],
): Promise<Measured> {
  const { rows } = await client.query(
    `select d.intent, d.confidence::float8, d.urgency, d.qualified
       from unnest($2::text[], $3::integer[]) with ordinality as t (transcript, seconds, n)
      cross join lateral app.classify(jsonb_populate_record(null::app.calls, jsonb_build_object(
        'organization_id', $1::uuid, 'id', uuidv7(), 'source', 'bench', 'received_at', now(), 'answered', true, 'voicemail', false,
        'direction', 'inbound', 'duration_seconds', t.seconds, 'transcript', t.transcript))) as d
      order by t.n`,
    [organization, transcripts.map((each) => each.transcript), transcripts.map((each) => each.duration_seconds)],
  );
  const confusion = Object.fromEntries(
    INTENTS.map((labelled) => [labelled, Object.fromEntries(INTENTS.map((found) => [found, 0]))]),
  );
  const bins = Array.from({ length: 10 }, () => ({ sure: 0, right: 0, calls: 0 }));
  for (const [index, label] of transcripts.entries()) {
    const { intent, confidence } = rows[index];
    const row = confusion[label.intent] as Record<string, number>;
    row[intent] = (row[intent] ?? 0) + 1;
    const bin = bins[Math.min(9, Math.floor(confidence * 10))] as (typeof bins)[number];
    bin.calls += 1;
    bin.sure += confidence;
    bin.right += intent === label.intent ? 1 : 0;
  }
  const share = (right: (row: (typeof rows)[number], label: Transcript) => boolean): number =>
    rows.filter((row, index) => right(row, transcripts[index] as Transcript)).length / transcripts.length;
  return {
    transcripts: transcripts.length,
    intent: share((row, label) => row.intent === label.intent),
    urgency: share((row, label) => row.urgency === label.urgency),
    qualified: share((row, label) => row.qualified === label.qualified),
    calibration: bins.reduce((sum, { sure, right }) => sum + Math.abs(sure - right), 0) / transcripts.length,
    confusion,
  };
}

/** A table of what was labelled (rows) and what was found (columns). */
export function confusionTable({ confusion }: Measured): string {
  const width = 13;
  const line = (cells: (string | number)[]): string => cells.map((cell) => String(cell).padStart(width)).join('');
  return [
    line(['', ...INTENTS]),
    ...INTENTS.map((labelled) => line([labelled, ...INTENTS.map((found) => confusion[labelled]?.[found] || '.')])),
  ].join('\n');
}

/** Labels that cannot be: what a person or a script got wrong in a file. Says nothing of what is in it. */
export function mislabelled(transcripts: Transcript[]): string[] {
  const seen = new Set<string>();
  return transcripts.flatMap((each) => {
    const wrong = [
      !INTENTS.includes(each.intent) && 'intent',
      !['high', 'medium', 'low'].includes(each.urgency) && 'urgency',
      typeof each.qualified !== 'boolean' && 'qualified',
      each.qualified && !LOSSES.includes(each.intent) && 'qualified, though no loss',
      !each.qualified && each.urgency !== 'low' && 'urgent, though not qualified',
      !(each.duration_seconds > 0) && 'duration_seconds',
      !/^(Caller|Agent): /.test(each.transcript) && 'transcript',
      seen.has(each.transcript) && 'said before',
    ].filter((reason) => reason !== false);
    seen.add(each.transcript);
    return wrong.map((reason) => `${each.id}: ${reason}`);
  });
}
