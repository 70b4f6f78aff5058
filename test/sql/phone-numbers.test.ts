import {
  type CountryCode,
  getCountries,
  getCountryCallingCode,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max';
import metadata from 'libphonenumber-js/metadata.max';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';

// What the database says of a number is what libphonenumber says.

let db: TestDatabase;
beforeAll(async () => {
  db = await createDatabase();
});
afterAll(() => db.drop());

interface Judged {
  number: string;
  type: string | null;
}

async function judged(numbers: string[]): Promise<Judged[]> {
  const { rows } = await db.admin.query<Judged>(
    'select number, app.phone_type(app.phone_key(number)) as type from unnest($1::text[]) with ordinality as n (number, place) order by place',
    [numbers],
  );
  return rows;
}

/** The same by the library: the type, or unknown for a country whose plan tells none; null for a number that is not valid. */
function expected(number: string): Judged {
  const parsed = parsePhoneNumberFromString(number);
  return { number, type: parsed?.isValid() ? (parsed.getType()?.toLowerCase() ?? 'unknown') : null };
}

/** The same numbers in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A number that a plan's pattern describes, found by choosing at every turn. */
function written(pattern: string, next: () => number): string {
  const choose = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  let at = 0;
  const alternatives = (): string => {
    const all = [sequence()];
    while (pattern[at] === '|') {
      at++;
      all.push(sequence());
    }
    return choose(all);
  };
  const sequence = (): string => {
    let text = '';
    while (at < pattern.length && !'|)'.includes(pattern[at] as string)) {
      const start = at;
      let piece = atom();
      const again = at;
      const times = /^(?:\?|\{(\d+)(?:,(\d+))?\})/.exec(pattern.slice(at));
      if (times) {
        const [least, most] = times[1] === undefined ? [0, 1] : [Number(times[1]), Number(times[2] ?? times[1])];
        piece = '';
        for (let count = least + Math.floor(next() * (most - least + 1)); count > 0; count--) {
          at = start;
          piece += atom();
        }
        at = again + times[0].length;
      }
      text += piece;
    }
    return text;
  };
  const atom = (): string => {
    const token = /^(?:\((?:\?:)?|\\d|\[[^\]]*\]|\d)/.exec(pattern.slice(at))?.[0] ?? '';
    at += token.length;
    if (token.startsWith('(')) {
      const text = alternatives();
      at++;
      return text;
    }
    if (/^\d$/.test(token)) return token;
    const digits = [...'0123456789'].filter((digit) => new RegExp(`^(?:${token})$`).test(digit));
    return choose(digits);
  };
  return alternatives();
}

/** For every type of every country numbers of its pattern, and numbers that miss it by a digit. */
function numbersOfAllCountries(): string[] {
  const next = random(7);
  const numbers: string[] = [];
  for (const country of getCountries()) {
    const plan = metadata.countries[country] as unknown as [string, unknown, string, ...unknown[]];
    const types = (plan[11] || []) as ([string] | 0)[];
    const told = types.flatMap((type) => (Array.isArray(type) ? type[0] : []));
    const patterns = [plan[2], ...told.filter((pattern) => pattern !== '')];
    for (const pattern of patterns) {
      for (let count = 0; count < 4; count++) {
        const national = written(pattern, next);
        const place = Math.floor(next() * national.length);
        const other = national.slice(0, place) + Math.floor(next() * 10) + national.slice(place + 1);
        const code = getCountryCallingCode(country as CountryCode);
        for (const digits of [national, other, national.slice(0, -1), `${national}7`])
          numbers.push(`+${code}${digits}`);
      }
    }
  }
  return [...new Set(numbers)].filter((number) => number.length > 7);
}

describe('the type of a number', () => {
  test('is what libphonenumber says, for thousands of numbers of every country', async () => {
    const numbers = numbersOfAllCountries();
    expect(numbers.length).toBeGreaterThan(10_000);
    expect(numbers.filter(isPrefixed).length).toBeLessThan(numbers.length / 20);
    const wrong: unknown[] = [];
    for (const said of await judged(numbers)) {
      const { type } = expected(said.number);
      if (said.type !== type && !isPrefixed(said.number)) wrong.push([said, type]);
    }
    expect(wrong.slice(0, 20)).toEqual([]);
  }, 120_000);

  test.each([
    ['+1 (404) 555-0173', 'fixed_line_or_mobile'],
    ['(404) 555-0173', 'fixed_line_or_mobile'],
    ['+1 800 555 0199', 'toll_free'],
    ['+44 20 7183 8750', 'fixed_line'],
    ['+44 (0)20 7183 8750', 'fixed_line'],
    ['+44 (0)(0)20 7183 8750', null],
    ['0049 1512 3456789', 'mobile'],
    ['+39 06 698 12345', 'fixed_line'],
    ['+800 1234 5678', 'toll_free'],
    ['+1 111 111 1111', null],
    ['000-000-0000', null],
    ['+999 123 4567', null],
    ['123', null],
    ['call me', null],
    [`+1${'4'.repeat(35)}`, null],
  ])('of %s is %s', async (number, type) => {
    expect(await judged([number])).toEqual([{ number, type }]);
  });
});

/**
 * Numbers with what is dialled within a country before them are read by the library in ways of its own: an area code that callers
 * leave out is added, a carrier's code is taken away. That is for what people dial, and no number with a country code has it.
 */
function isPrefixed(number: string): boolean {
  const parsed = parsePhoneNumberFromString(number);
  return parsed !== undefined && parsed.number !== number;
}

test.each([
  ['+14045550173', true],
  ['111-111-1111', false],
  ['12', false],
  ['0171 1234567', null],
  ['no number', null],
  [null, null],
])('%s is valid: %s', async (number, valid) => {
  const { rows } = await db.admin.query('select app.phone_valid(app.phone_key($1)) as valid', [number]);
  expect(rows).toEqual([{ valid }]);
});

test('what is no phone key has no type, and raises nothing', async () => {
  const { rows } = await db.admin.query(
    "select app.phone_type(key) as type from unnest(array['', 'abc', '1404٣٣٣0173', '+14045550173', repeat('1', 100000), null]) as key",
  );
  expect(rows.map((row) => row.type)).toEqual(Array(6).fill(null));
});
