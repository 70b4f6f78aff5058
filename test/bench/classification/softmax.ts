/** What is known of one example: the terms said in it, and which rules speak. */
export interface Example {
  terms: readonly string[];
  rules: readonly number[];
  outcome: number;
  /** how much it counts; 1 for one call */
  weight: number;
}

export interface RuleShape {
  /** the outcome it speaks for */
  outcome: number;
  against: boolean;
}

export interface Model {
  outcomes: number;
  /** weight of each term for each outcome */
  terms: Map<string, Float64Array>;
  /** weight of each outcome before anything is said */
  base: Float64Array;
  rules: Float64Array;
}

/** A term must occur in that many examples. */
const RARE = 3;
const STEPS = 200;
const RATE = 0.05;
/** What weights cost: those of terms are pulled to 0, those of rules to 1, which is what their authors meant. */
const TERM_COST = 0.001;
const RULE_COST = 0.0008;
const EXPECTED = 1;

/** Divides by the root of how many known terms there are, so that a long call is not surer than a short one. */
export const reach = (known: number): number => 3 / Math.sqrt(Math.max(1, known));

/** Multinomial logistic regression with quadratic costs, fitted with Adam over all examples. The same examples give the same model. */
export function learn(examples: readonly Example[], outcomes: number, rules: readonly RuleShape[]): Model {
  const counts = new Map<string, number>();
  for (const { terms } of examples) for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  const vocabulary = [...counts].filter(([, count]) => count >= RARE).sort(([a], [b]) => (a < b ? -1 : 1));
  const index = new Map(vocabulary.map(([term], position) => [term, position]));
  const rarity = vocabulary.map(([, count]) => Math.log(examples.length / count));

  const baseAt = vocabulary.length * outcomes;
  const rulesAt = baseAt + outcomes;
  const size = rulesAt + rules.length;
  const weights = new Float64Array(size);
  const [gradient, mean, spread] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
  const expected = rules.map((rule) => (rule.against ? -EXPECTED : EXPECTED));
  const total = examples.reduce((sum, { weight }) => sum + weight, 0);
  const rows = examples.map(({ terms, rules: speaking, outcome, weight }) => {
    const at = Int32Array.from(terms.flatMap((term) => index.get(term) ?? []));
    const scale = reach(at.length);
    return {
      at,
      value: Float64Array.from(at, (position) => (rarity[position] as number) * scale),
      speaking,
      outcome,
      part: weight / total,
    };
  });
  const odds = new Float64Array(outcomes);

  for (let step = 1; step <= STEPS; step += 1) {
    gradient.fill(0);
    for (const { at, value, speaking, outcome, part } of rows) {
      for (let o = 0; o < outcomes; o += 1) odds[o] = weights[baseAt + o] as number;
      for (let i = 0; i < at.length; i += 1) {
        const [from, amount] = [(at[i] as number) * outcomes, value[i] as number];
        for (let o = 0; o < outcomes; o += 1) odds[o] = (odds[o] as number) + (weights[from + o] as number) * amount;
      }
      for (const rule of speaking) {
        const o = (rules[rule] as RuleShape).outcome;
        odds[o] = (odds[o] as number) + (weights[rulesAt + rule] as number);
      }
      toShares(odds);
      odds[outcome] = (odds[outcome] as number) - 1;
      for (let o = 0; o < outcomes; o += 1) odds[o] = (odds[o] as number) * part;
      for (let o = 0; o < outcomes; o += 1)
        gradient[baseAt + o] = (gradient[baseAt + o] as number) + (odds[o] as number);
      for (let i = 0; i < at.length; i += 1) {
        const [from, amount] = [(at[i] as number) * outcomes, value[i] as number];
        for (let o = 0; o < outcomes; o += 1)
          gradient[from + o] = (gradient[from + o] as number) + (odds[o] as number) * amount;
      }
      for (const rule of speaking) {
        const o = (rules[rule] as RuleShape).outcome;
        gradient[rulesAt + rule] = (gradient[rulesAt + rule] as number) + (odds[o] as number);
      }
    }
    for (let i = 0; i < size; i += 1) {
      const weight = weights[i] as number;
      const cost =
        i < baseAt ? TERM_COST * weight : i < rulesAt ? 0 : RULE_COST * (weight - (expected[i - rulesAt] as number));
      const slope = (gradient[i] as number) + cost;
      mean[i] = 0.9 * (mean[i] as number) + 0.1 * slope;
      spread[i] = 0.999 * (spread[i] as number) + 0.001 * slope * slope;
      const [first, second] = [(mean[i] as number) / (1 - 0.9 ** step), (spread[i] as number) / (1 - 0.999 ** step)];
      const moved = weight - (RATE * first) / (Math.sqrt(second) + 1e-8);
      // a rule never speaks for what it was written against
      weights[i] =
        i < rulesAt ? moved : (expected[i - rulesAt] as number) > 0 ? Math.max(0, moved) : Math.min(0, moved);
    }
  }

  return {
    outcomes,
    terms: new Map(
      vocabulary.map(([term], position) => [
        term,
        Float64Array.from(
          { length: outcomes },
          (_, o) => (weights[position * outcomes + o] as number) * (rarity[position] as number),
        ),
      ]),
    ),
    base: weights.slice(baseAt, rulesAt),
    rules: weights.slice(rulesAt),
  };
}

/** Log-odds of each outcome. */
export function weigh(model: Model, example: Example, shapes: readonly RuleShape[]): Float64Array {
  const odds = model.base.slice();
  const known = example.terms.flatMap((term) => model.terms.get(term) ?? []);
  const scale = reach(known.length);
  for (const weights of known)
    for (let o = 0; o < model.outcomes; o += 1) odds[o] = (odds[o] as number) + (weights[o] as number) * scale;
  for (const rule of example.rules) {
    const o = (shapes[rule] as RuleShape).outcome;
    odds[o] = (odds[o] as number) + (model.rules[rule] as number);
  }
  return odds;
}

/** Log-odds become shares of 1, in place. */
export function toShares(odds: Float64Array): Float64Array {
  const top = Math.max(...odds);
  let sum = 0;
  for (let o = 0; o < odds.length; o += 1) sum += odds[o] = Math.exp((odds[o] as number) - top);
  for (let o = 0; o < odds.length; o += 1) odds[o] = (odds[o] as number) / sum;
  return odds;
}
