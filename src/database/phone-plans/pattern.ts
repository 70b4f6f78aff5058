/** A pattern: a digit of a set, all parts in turn, any one of them, or one several times. */
export type Part =
  | { kind: 'digit'; digits: number }
  | { kind: 'all'; parts: Part[] }
  | { kind: 'any'; parts: Part[] }
  | { kind: 'times'; part: Part; min: number; max: number };

/** Reads the regular expressions that plans are written in: digits, classes, groups, alternatives, ? and {n,m}. Throws for more. */
export function parse(pattern: string): Part {
  const tokens = pattern.match(/\(\?:|\\d|\[[^\]]*\]|\{\d+(?:,\d+)?\}|[\d()|?]/g) ?? [];
  if (tokens.join('') !== pattern) throw new Error(`Not a pattern of a numbering plan: ${pattern}`);
  let position = 0;
  const alternatives = (): Part => {
    const parts = [sequence()];
    while (tokens[position] === '|') {
      position++;
      parts.push(sequence());
    }
    return { kind: 'any', parts };
  };
  const sequence = (): Part => {
    const parts: Part[] = [];
    for (
      let token = tokens[position];
      token !== undefined && token !== '|' && token !== ')';
      token = tokens[position]
    ) {
      position++;
      if (token === '(' || token === '(?:') {
        parts.push(alternatives());
        position++;
      } else if (token === '?' || token.startsWith('{')) {
        const [min, max] = token === '?' ? [0, 1] : token.slice(1, -1).split(',').map(Number);
        const part = parts.pop();
        if (part === undefined || min === undefined) throw new Error(`Nothing to repeat in ${pattern}`);
        parts.push({ kind: 'times', part, min, max: max ?? min });
      } else parts.push({ kind: 'digit', digits: digitsOf(token) });
    }
    return { kind: 'all', parts };
  };
  const whole = alternatives();
  if (position !== tokens.length) throw new Error(`Not a pattern of a numbering plan: ${pattern}`);
  return whole;
}

/** A digit, \d or a class, as a set of bits. */
function digitsOf(token: string): number {
  const list = token.startsWith('[') ? token.slice(1, -1) : token;
  let digits = 0;
  for (const [range] of list.matchAll(/\d-\d|\\d|./g)) {
    if (range !== '\\d' && !/^\d(-\d)?$/.test(range)) throw new Error(`Not a class of digits: ${token}`);
    const [from, to] = range === '\\d' ? [0, 9] : [Number(range.at(0)), Number(range.at(-1))];
    for (let digit = from; digit <= to; digit++) digits |= 1 << digit;
  }
  return digits;
}
