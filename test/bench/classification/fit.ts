import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startBench } from '../environment.ts';
import { defaultsFile, type Word } from './defaults.ts';
import { examplesOf, given, QUESTIONS, type Question } from './examples.ts';
import type { Rule } from './rule.ts';
import { type Example, learn, type Model, toShares, weigh } from './softmax.ts';
import { type Transcript, tuned } from './transcripts.ts';

/**
 * Fits the weights of rules and words to the labelled transcripts that are not kept, and writes sql/36_classification_defaults.sql.
 * Says how well weights fitted to four fifths answer the last fifth. With `--check`, writes nothing and prints what they got wrong.
 */
const TARGET = join(import.meta.dirname, '../../../sql/36_classification_defaults.sql');
const FOLDS = 5;
const check = process.argv.includes('--check');

interface Fitted {
  model: Model;
  accuracy: number;
  /** what log-odds are divided by, so that shares are as often right as they say */
  temperature: number;
}

function fitted(examples: Example[], question: Question, asked: Transcript[]): Fitted {
  const outcomes = question.outcomes.length;
  const kept: { odds: Float64Array; outcome: number; weight: number }[] = [];
  for (let fold = 0; fold < FOLDS; fold += 1) {
    const model = learn(
      examples.filter((_, index) => index % FOLDS !== fold),
      outcomes,
      question.shapes,
    );
    for (const [index, example] of examples.entries()) {
      if (index % FOLDS !== fold) continue;
      const odds = weigh(model, example, question.shapes);
      kept.push({ odds, outcome: example.outcome, weight: example.weight });
      const best = odds.indexOf(Math.max(...odds));
      if (check && best !== example.outcome) {
        const { id, transcript } = asked[index] as Transcript;
        const rules = example.rules
          .map((rule) => `${question.rules[rule]?.value}: ${question.rules[rule]?.label}`)
          .join('; ');
        console.log(
          `${id} ${question.outcomes[example.outcome]} > ${question.outcomes[best]} [${rules}] ${transcript.replaceAll('\n', ' / ').slice(0, 240)}`,
        );
      }
    }
  }
  const loss = (temperature: number): number =>
    kept.reduce(
      (sum, { odds, outcome, weight }) =>
        sum - weight * Math.log(toShares(odds.map((odd) => odd / temperature))[outcome] as number),
      0,
    );
  const candidates = Array.from({ length: 31 }, (_, step) => 0.5 + step * 0.05);
  const temperature = candidates.reduce((best, candidate) => (loss(candidate) < loss(best) ? candidate : best));
  const weightOf = (rows: typeof kept): number => rows.reduce((sum, { weight }) => sum + weight, 0);
  const right = kept.filter(({ odds, outcome }) => odds.indexOf(Math.max(...odds)) === outcome);
  return { model: learn(examples, outcomes, question.shapes), accuracy: weightOf(right) / weightOf(kept), temperature };
}

const bench = await startBench();
try {
  const client = await bench.createDatabase('fit');
  const transcripts = tuned();
  const words = new Map<string, Word>([['', { term: '', weights: {} }]]);
  const rules: Rule[] = [];
  const measured: string[] = [];
  for (const question of QUESTIONS) {
    const asked = transcripts.filter(question.asked);
    const { model, accuracy, temperature } = fitted(await examplesOf(client, asked, question), question, asked);
    measured.push(`${question.subject} ${(accuracy * 100).toFixed(1)} % of ${asked.length}`);
    console.log(
      `${question.subject}: ${(accuracy * 100).toFixed(1)} % of ${asked.length} in five folds, temperature ${temperature.toFixed(2)}`,
    );
    // of two outcomes, only the difference counts, and it is told of the second
    const columns = question.subject === 'qualified' ? ['qualified'] : question.outcomes;
    const told = (weights: Float64Array): number[] =>
      (question.subject === 'qualified' ? [(weights[1] ?? 0) - (weights[0] ?? 0)] : [...weights]).map(
        (weight) => weight / temperature,
      );
    for (const [term, weights] of [['', model.base] as const, ...model.terms]) {
      const word = words.get(term) ?? { term, weights: {} };
      for (const [position, weight] of told(weights).entries()) word.weights[columns[position] as string] = weight;
      words.set(term, word);
    }
    rules.push(
      ...question.rules.map((rule, index) => ({ ...rule, weight: (model.rules[index] as number) / temperature })),
    );
  }
  await client.end();
  if (!check) {
    const sorted = [...words.values()].sort((a, b) => (a.term < b.term ? -1 : 1));
    writeFileSync(
      TARGET,
      defaultsFile(
        [...rules.filter((rule) => Math.abs(rule.weight ?? 0) >= 0.05), ...given],
        sorted,
        `Right in five folds: ${measured.join(', ')}.`,
      ),
    );
    console.log(`${rules.length + given.length} rules and ${sorted.length} words: ${TARGET}`);
  }
} finally {
  await bench.stop();
}
