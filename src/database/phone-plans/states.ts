import { Reader } from './reader.ts';

// Numbering plans as one automaton. The plans are regular expressions over digits, some of them very long: PostgreSQL takes
// milliseconds to compile one, and keeps few. Read together, they are some thousand states with one step for each digit.

/** What libphonenumber-js knows of a country, by position. */
export type Plan = readonly unknown[];

export interface Plans {
  /** countries that share a calling code, the main one first */
  country_calling_codes: Record<string, readonly string[]>;
  countries: Record<string, Plan>;
  /** plans of calling codes of no country: satellites, free-phone … */
  nonGeographic: Record<string, Plan>;
}

/** What a number that ends here is, and where each further digit leads: 0 is nowhere. */
export interface State {
  type: string | null;
  next: readonly number[];
}

const PATTERN = 2;
const NATIONAL_PREFIX = 5;
const LEADING_DIGITS = 10;
const TYPES = 11;
/** A calling code and a national number have at most so many digits. */
const LONGEST = 17;

/** Types in the order of a plan's, and the order in which they are asked for once it is no fixed line. */
const TYPE_NAMES = [
  ...['fixed_line', 'mobile', 'toll_free', 'premium_rate', 'personal_number', 'voicemail', 'uan', 'pager', 'voip'],
  'shared_cost',
];
const ASKED = [
  'mobile',
  'premium_rate',
  'toll_free',
  'shared_cost',
  'voip',
  'personal_number',
  'pager',
  'uan',
  'voicemail',
];

/** The automaton of every plan; the first state is the start, before the calling code. */
export function phoneStates(plans: Plans): State[] {
  const states = new Interned();
  const codes: [string, Plan[]][] = [
    ...Object.entries(plans.country_calling_codes).map(([code, countries]): [string, Plan[]] => [
      code,
      countries.map((country) => plans.countries[country] as Plan),
    ]),
    ...Object.entries(plans.nonGeographic).map(([code, plan]): [string, Plan[]] => [code, [plan]]),
  ];
  const roots = new Map(
    codes.map(([code, members]) => [code, withPrefix(rootOf(members, states), members[0], states)]),
  );
  return states.from(branch('', roots, states));
}

/** People write +44 (0)20 …: the prefix that is dialled within the country is passed over, once, where no number begins with it. */
function withPrefix(root: number, plan: Plan | undefined, states: Interned): number {
  const prefix = plan?.[NATIONAL_PREFIX];
  if (typeof prefix !== 'string' || !/^\d$/.test(prefix)) return root;
  const { type, next } = states.get(root);
  return next[Number(prefix)] === 0 ? states.add(type, next.with(Number(prefix), root)) : root;
}

/** The state after some digits of a calling code. No calling code begins with another one. */
function branch(digits: string, roots: Map<string, number>, states: Interned): number {
  const root = roots.get(digits);
  if (root !== undefined) return root;
  if (![...roots.keys()].some((code) => code.startsWith(digits))) return 0;
  return states.add(
    null,
    DIGITS.map((digit) => branch(digits + digit, roots, states)),
  );
}

const DIGITS = Array.from({ length: 10 }, (_, digit) => digit);

/** States that say and lead to the same are one. */
class Interned {
  #states: State[] = [{ type: null, next: DIGITS.map(() => 0) }];
  #ids = new Map<string, number>([
    [
      keyOf(
        null,
        DIGITS.map(() => 0),
      ),
      0,
    ],
  ]);

  add(type: string | null, next: readonly number[]): number {
    const key = keyOf(type, next);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    this.#ids.set(key, this.#states.length);
    return this.#states.push({ type, next }) - 1;
  }

  get(id: number): State {
    return this.#states[id] as State;
  }

  /** The states that can be reached, numbered from 1 in the order of the way to them. */
  from(start: number): State[] {
    const order = [start];
    const numbers = new Map([
      [0, 0],
      [start, 1],
    ]);
    for (const id of order) {
      for (const to of this.get(id).next) {
        if (!numbers.has(to)) numbers.set(to, order.push(to));
      }
    }
    return order.map((id) => {
      const { type, next } = this.get(id);
      return { type, next: next.map((to) => numbers.get(to) as number) };
    });
  }
}

const keyOf = (type: string | null, next: readonly number[]): string => `${type}|${next.join()}`;

/** The state after a calling code: all of its plans, read at the same time. */
function rootOf(plans: readonly Plan[], states: Interned): number {
  const reader = new Reader();
  const members = plans.map((plan) => new Member(plan, reader));
  const seen = new Map<string, number>();
  const visit = (at: readonly number[], digits: number): number => {
    const key = `${digits}:${at.join()}`;
    const known = seen.get(key);
    if (known !== undefined) return known;
    const next = DIGITS.map((digit) => {
      const to = digits < LONGEST ? reader.step(at, digit) : [];
      return to.length > 0 ? visit(to, digits + 1) : 0;
    });
    const state = states.add(typeAt(members, new Set(at), digits), next);
    seen.set(key, state);
    return state;
  };
  return visit(reader.start(), 0);
}

/** The country is the first one whose leading digits these are, or, where it has none, whose number it is. */
function typeAt(members: readonly Member[], at: ReadonlySet<number>, digits: number): string | null {
  if (members.length > 1) {
    for (const member of members) {
      const type = member.typeAt(at, digits);
      if (member.leads ? member.leads(at) : type !== null) return type;
    }
  }
  return members[0]?.typeAt(at, digits) ?? null;
}

/** The plan of one country within the reader of its calling code. */
class Member {
  #whole: number;
  #types: Map<string, { end: number; lengths: readonly number[] | undefined }>;
  #typed: boolean;
  #mobileIsFixed: boolean;
  leads: ((at: ReadonlySet<number>) => boolean) | undefined;

  constructor(plan: Plan, reader: Reader) {
    const types = plan[TYPES] as readonly (readonly [string, (readonly number[])?] | 0)[] | 0 | undefined;
    this.#typed = Array.isArray(types);
    this.#whole = reader.add(plan[PATTERN] as string);
    this.#types = new Map();
    for (const [index, type] of (types || []).entries()) {
      if (type && type[0] !== '') {
        this.#types.set(TYPE_NAMES[index] as string, { end: reader.add(type[0]), lengths: type[1] });
      }
    }
    this.#mobileIsFixed = !this.#types.has('mobile');
    const leading = plan[LEADING_DIGITS];
    if (typeof leading === 'string') {
      const end = reader.add(leading, true);
      this.leads = (at) => at.has(end);
    }
  }

  typeAt(at: ReadonlySet<number>, digits: number): string | null {
    if (!at.has(this.#whole)) return null;
    if (!this.#typed) return 'unknown';
    const is = (name: string): boolean => {
      const type = this.#types.get(name);
      return type !== undefined && at.has(type.end) && (type.lengths?.includes(digits) ?? true);
    };
    if (is('fixed_line')) return this.#mobileIsFixed || is('mobile') ? 'fixed_line_or_mobile' : 'fixed_line';
    return ASKED.find(is) ?? null;
  }
}
