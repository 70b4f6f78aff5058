import type pg from 'pg';
import { intentRules } from './intent-rules.ts';
import { factRules, judgementRules } from './judgement-rules.ts';
import type { Rule } from './rule.ts';
import type { Example, RuleShape } from './softmax.ts';
import { withinReach } from './terms.ts';
import { INTENTS, LOSSES, read, type Transcript, URGENCIES } from './transcripts.ts';

/** One question that is asked of a transcript: which outcomes it has, whom it is asked of, and the rules with a say in it. */
export interface Question {
  subject: Rule['subject'];
  outcomes: readonly string[];
  asked: (transcript: Transcript) => boolean;
  answer: (transcript: Transcript) => string;
  rules: Rule[];
  shapes: RuleShape[];
}

const worded: Rule[] = [...intentRules, ...judgementRules].map((rule) => ({
  ...rule,
  terms: withinReach(rule.terms ?? ''),
}));
export const given: Rule[] = factRules;

const question = (
  subject: Rule['subject'],
  outcomes: readonly string[],
  asked: Question['asked'],
  answer: Question['answer'],
): Question => {
  const rules = worded.filter((rule) => rule.subject === subject);
  const shapes = rules.map((rule) => ({ outcome: outcomes.indexOf(rule.value), against: rule.against ?? false }));
  return { subject, outcomes, asked, answer, rules, shapes };
};

export const QUESTIONS: Question[] = [
  question(
    'intent',
    INTENTS,
    () => true,
    (transcript) => transcript.intent,
  ),
  question(
    'urgency',
    URGENCIES,
    (transcript) => transcript.qualified,
    (transcript) => transcript.urgency,
  ),
  question(
    'qualified',
    ['false', 'true'],
    (transcript) => LOSSES.includes(transcript.intent),
    (transcript) => String(transcript.qualified),
  ),
];

/** How often each answer is given. */
function mix(transcripts: Transcript[], { asked, answer }: Question): Map<string, number> {
  const answers = transcripts.filter(asked).map(answer);
  return new Map(
    [...new Set(answers)].map((each) => [each, answers.filter((other) => other === each).length / answers.length]),
  );
}

/**
 * What the database hears in each transcript: the words, by whom, and the rules of a question that speak. The files to learn from have
 * more of what is hard than comes by telephone, so an answer counts as much as it is common in tune.jsonl, which has not.
 */
export async function examplesOf(client: pg.Client, transcripts: Transcript[], of: Question): Promise<Example[]> {
  const { rows } = await client.query(
    `with heard as materialized (select n, app.said(t) as words from unnest($1::text[]) with ordinality as given (t, n)),
          rule as materialized (select m, to_tsquery('app.spoken', q) as terms from unnest($2::text[]) with ordinality as given (q, m))
     select (select array_agg(quote_literal(l.lexeme) || ':' || b.by) from
               (select l.lexeme, w.by from unnest(h.words) as l, unnest(l.weights) as w (by) group by 1, 2) as b (lexeme, by),
               lateral (select b.lexeme) as l) as terms,
            (select array_agg((r.m - 1)::integer order by r.m) from rule as r where h.words @@ r.terms) as rules
       from heard as h order by h.n`,
    [transcripts.map((transcript) => transcript.transcript), of.rules.map((rule) => rule.terms)],
  );
  const [common, here] = [mix(read('tune'), of), mix(transcripts, of)];
  return rows.map(({ terms, rules }, index) => {
    const answer = of.answer(transcripts[index] as Transcript);
    return {
      terms: terms ?? [],
      rules: rules ?? [],
      outcome: of.outcomes.indexOf(answer),
      weight: (common.get(answer) ?? 0) / (here.get(answer) ?? 1),
    };
  });
}
