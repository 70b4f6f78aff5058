import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const INTENTS = ['water', 'fire', 'mold', 'biohazard', 'sales_pitch', 'wrong_number', 'other'] as const;
export const LOSSES: readonly string[] = ['water', 'fire', 'mold', 'biohazard'];
export const URGENCIES = ['high', 'medium', 'low'] as const;

export interface Transcript {
  id: string;
  intent: (typeof INTENTS)[number];
  urgency: (typeof URGENCIES)[number];
  qualified: boolean;
  duration_seconds: number;
  transcript: string;
}

const FOLDER = join(import.meta.dirname, '../transcripts');

export const read = (part: string): Transcript[] =>
  readFileSync(join(FOLDER, `${part}.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** What rules may be tuned and weights fitted to: everything but what is kept. */
export const tuned = (): Transcript[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.jsonl') && name !== 'held.jsonl')
    .sort()
    .flatMap((name) => read(name.slice(0, -'.jsonl'.length)));
