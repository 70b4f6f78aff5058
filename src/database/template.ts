import type { Compilable } from './page.ts';
import { compile } from './page.ts';
import type { Statement } from './transaction.ts';

/** Stands for a value in a statement that is compiled once: the name of an input. */
class Slot {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

type Values = Record<string, unknown>;
type Parameter = <T = string>(name: string) => T;

interface Compiled {
  text: string;
  parameters: readonly unknown[];
}

/**
 * A statement whose text depends only on which inputs are given: it is compiled once for each such set, and from then on
 * only the values are filled in. Building the same tree of a query anew for every request costs more than it brings.
 *
 *   const page = template((given, value) => db.selectFrom(…).$if(given('source'), (q) => q.where('source', '=', value('source'))));
 *   page({ source: 'website', limit: 50 })
 *
 * `variant` names whatever else the text depends on, such as the wire shape.
 */
export function template(
  build: (given: (name: string) => boolean, value: Parameter, variant: string) => Compilable,
): (values: Values, variant?: string) => Statement {
  const texts = new Map<string, Compiled>();
  return (values, variant = '') => {
    let key = variant;
    for (const name in values) if (values[name] !== undefined) key += ` ${name}`;
    let compiled = texts.get(key);
    if (!compiled) {
      const { text, values: parameters } = compile(
        build(
          (name) => values[name] !== undefined,
          <T>(name: string) => new Slot(name) as T,
          variant,
        ),
      );
      compiled = { text, parameters };
      texts.set(key, compiled);
    }
    return {
      text: compiled.text,
      values: compiled.parameters.map((parameter) => (parameter instanceof Slot ? values[parameter.name] : parameter)),
    };
  };
}
