/**
 * A tsquery's `<3>` means three words apart, no more and no less. Rules are written with it meaning up to three, which is what
 * speech needs, and with `:A` after a bracket meaning each word in it. Both are spelt out for PostgreSQL here.
 */
type Node = { word: string } | { not: Node } | { operator: string; left: Node; right: Node };

const TOKEN = /\s*(<->|<\d+>|[()&|!]|[^\s()&|!<]+)/y;

export function withinReach(terms: string): string {
  return written(parse(terms));
}

/** What stands between the `|` of the outermost level. */
export function alternatives(terms: string): string[] {
  const flat = (node: Node): Node[] =>
    'operator' in node && node.operator === '|' ? [...flat(node.left), ...flat(node.right)] : [node];
  return flat(parse(terms)).map(written);
}

function parse(terms: string): Node {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const text = terms.trim();
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(text)?.[1];
    if (token === undefined) throw new Error(`No tsquery, at ${at}: ${text}`);
    tokens.push(token);
  }
  const binary =
    (pattern: RegExp, next: () => Node): (() => Node) =>
    () => {
      let left = next();
      while (tokens[0] !== undefined && pattern.test(tokens[0])) {
        const operator = tokens.shift() as string;
        left = { operator, left, right: next() };
      }
      return left;
    };
  const single = (): Node => {
    const token = tokens.shift();
    if (token === '!') return { not: single() };
    if (token !== '(') return { word: token ?? '' };
    const inside = either();
    if (tokens.shift() !== ')') throw new Error(`A bracket is not closed: ${text}`);
    return /^:[A-D]+$/.test(tokens[0] ?? '') ? saidBy(inside, tokens.shift() as string) : inside;
  };
  const either = binary(
    /^\|$/,
    binary(
      /^&$/,
      binary(/^<.+>$/, () => single()),
    ),
  );
  const whole = either();
  if (tokens.length > 0) throw new Error(`Not understood from ${tokens[0]} on: ${text}`);
  return whole;
}

function saidBy(node: Node, whom: string): Node {
  if ('word' in node) return { word: node.word.includes(':') ? node.word : node.word + whom };
  if ('not' in node) return { not: saidBy(node.not, whom) };
  return { operator: node.operator, left: saidBy(node.left, whom), right: saidBy(node.right, whom) };
}

function written(node: Node): string {
  if ('word' in node) return node.word;
  if ('not' in node) return `!${written(node.not)}`;
  const [left, right] = [written(node.left), written(node.right)];
  const reach = /^<(\d+)>$/.exec(node.operator)?.[1];
  if (reach === undefined) return `(${left} ${node.operator} ${right})`;
  const spelt = Array.from({ length: Number(reach) }, (_, index) => `(${left} <${index + 1}> ${right})`);
  return `(${spelt.join(' | ')})`;
}
