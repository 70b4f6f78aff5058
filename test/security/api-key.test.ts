import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type ContractName,
  contractOfKey,
  type Environment,
  generateApiKey,
  parseApiKey,
} from '../../src/security/api-key.ts';

// Checksums and hashes from Python's zlib.crc32 and hashlib.
const KNOWN: [string, ContractName, Environment, string][] = [
  [
    'eal_live_0123456789ABCDEFGHIJabcdefghijKL0lfyLs',
    'eal',
    'live',
    'ab5c27892e9ca0f5d92e3a77a3a79bbe4883e4461c8d129bc3f11c4c45853a6c',
  ],
  [
    'eal_test_0123456789ABCDEFGHIJabcdefghijKL2oSdBR',
    'eal',
    'test',
    'b3d533d6dc0bdd337563633918e4588fee6ed753e2e5c727621a88f942ba982a',
  ],
  [
    'ai93_live_0123456789ABCDEFGHIJabcdefghijKL21ld6j',
    'ai93',
    'live',
    '3ba2ba20fbf126d82e28475d45a50cb8379cd969c057c1f523d5e3e2560fabf6',
  ],
  [
    'ai93_test_0123456789ABCDEFGHIJabcdefghijKL44lS9g',
    'ai93',
    'test',
    '1a45032aecb89863f517bdfd7f29a4a7c135dfe4b4e5a0d0327a77804f38b4c6',
  ],
  [
    'ls_0123456789ABCDEFGHIJabcdefghijKL1sV0Md',
    'leadscraper',
    'live',
    '285c4131fd3c06f50a47b3ca8c604ee9c2786dcecb1b0d1c2b41a7aae19fc9cc',
  ],
  [
    'ls_test_0123456789ABCDEFGHIJabcdefghijKL4XnEOO',
    'leadscraper',
    'test',
    'cf95fca9ef3d20c13a04579e1a0fe3880ff8fd5eb5426b2942488983a532aa8c',
  ],
];
const PREFIX = {
  'eal live': 'eal_live_',
  'eal test': 'eal_test_',
  'ai93 live': 'ai93_live_',
  'ai93 test': 'ai93_test_',
  'leadscraper live': 'ls_',
  'leadscraper test': 'ls_test_',
};
const KINDS = KNOWN.map(([, contract, environment]) => ({ contract, environment }));

describe('known keys', () => {
  it.each(KNOWN)('%s', (key, contract, environment, hash) => {
    expect(parseApiKey(key)).toEqual({ contract, environment, hash: Buffer.from(hash, 'hex') });
  });
});

describe.each(KINDS)('a generated $contract $environment key', ({ contract, environment }) => {
  const { key, hash, displayPrefix } = generateApiKey(contract, environment);
  const prefix = PREFIX[`${contract} ${environment}` as keyof typeof PREFIX];

  it('is prefix, 32 random and 6 checksum characters', () => {
    expect(key).toMatch(new RegExp(`^${prefix}[0-9A-Za-z]{38}$`));
  });

  it('reads back', () => {
    expect(parseApiKey(key)).toEqual({ contract, environment, hash });
    expect(contractOfKey(key)).toBe(contract);
  });

  it('has the SHA-256 of the whole key and shows only 6 random characters', () => {
    expect(hash).toEqual(createHash('sha256').update(key).digest());
    expect(displayPrefix).toBe(key.slice(0, prefix.length + 6));
  });
});

it('refuses every single-character change in 10,000 keys', () => {
  const replacements = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_- ';
  const accepted: string[] = [];
  for (let n = 0; n < 10_000; n++) {
    const { contract, environment } = KINDS[n % KINDS.length] ?? { contract: 'eal', environment: 'live' };
    const { key } = generateApiKey(contract, environment);
    if (parseApiKey(key) === undefined) accepted.push(`refused: ${key}`);
    for (let i = 0; i < key.length; i++) {
      const replacement = replacements.charAt((n + i * 7) % replacements.length);
      const changed = key.slice(0, i) + replacement + key.slice(i + 1);
      if (changed !== key && parseApiKey(changed) !== undefined) accepted.push(changed);
    }
  }
  expect(accepted).toEqual([]);
});

it('refuses every possible character at every position of a key', () => {
  const { key } = generateApiKey('leadscraper', 'live');
  for (let i = 0; i < key.length; i++) {
    for (let code = 0; code < 256; code++) {
      const changed = key.slice(0, i) + String.fromCharCode(code) + key.slice(i + 1);
      if (changed !== key) expect(parseApiKey(changed)).toBeUndefined();
    }
  }
});

it('never repeats a key, and uses all 62 characters about equally', () => {
  const keys = Array.from({ length: 10_000 }, () => generateApiKey('eal', 'live').key);
  expect(new Set(keys).size).toBe(keys.length);
  const counts = new Map<string, number>();
  for (const character of keys.flatMap((key) => [...key.slice(9, 41)])) {
    counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  // 320,000 characters: 5,161 each, standard deviation 71. A byte modulo 62 would give some 6,250.
  expect(counts.size).toBe(62);
  expect(Math.max(...counts.values())).toBeLessThan(5_161 + 7 * 71);
  expect(Math.min(...counts.values())).toBeGreaterThan(5_161 - 7 * 71);
});

describe('text that is no key', () => {
  const good = generateApiKey('eal', 'live').key;
  it.each([
    '',
    'eal_live_',
    'eal_live_a1b2c3d4...',
    good.slice(0, -1),
    `${good}0`,
    ` ${good}`,
    `${good}\n`,
    good.toUpperCase(),
    good.replace('eal_live_', 'eal_test_'),
    good.replace('eal_live_', 'ai93_live_'),
    good.replace('eal_live_', 'eal_'),
    good.replace('eal_live_', 'ls_live_'),
    'eal_0123456789ABCDEFGHIJabcdefghijKL0mnZ2N', // its checksum is right
    'ai93_0123456789ABCDEFGHIJabcdefghijKL4HP5km', // its checksum is right
    'ls_live_0123456789ABCDEFGHIJabcdefghijKL1KGrTp', // its checksum is right
    'x'.repeat(1_000_000),
  ])('%#', (text) => {
    expect(parseApiKey(text)).toBeUndefined();
  });
});

describe('the contract of a malformed key', () => {
  it.each([
    ['eal_live_oops', 'eal'],
    ['eal_prod_oops', 'eal'],
    ['ai93_live_', 'ai93'],
    ['ai93_test_oops', 'ai93'],
    ['ls_oops', 'leadscraper'],
    ['ls_test_oops', 'leadscraper'],
    ['EAL_live_oops', undefined],
    ['sk_live_oops', undefined],
    ['ealive_oops', undefined],
    ['constructor_', undefined],
    ['', undefined],
  ])('%s → %s', (text, contract) => {
    expect(contractOfKey(text)).toBe(contract);
  });
});
