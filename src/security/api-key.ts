import { hash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

export type ContractName = 'eal' | 'ai93' | 'leadscraper';
export type Environment = 'live' | 'test';

export interface GeneratedKey {
  /** The key itself: shown once, never stored. */
  key: string;
  /** SHA-256 of the whole key: what the database holds. */
  hash: Buffer;
  /** Prefix and first 6 random characters: enough for a person to recognise the key. */
  displayPrefix: string;
}

export interface ParsedKey {
  contract: ContractName;
  environment: Environment;
  hash: Buffer;
}

// LeadScraper's document has no `live` in its keys. `ls_test_…` can't be a live key: `_` is no base62 character.
const PREFIXES: Record<ContractName, Record<Environment, string>> = {
  eal: { live: 'eal_live_', test: 'eal_test_' },
  ai93: { live: 'ai93_live_', test: 'ai93_test_' },
  leadscraper: { live: 'ls_', test: 'ls_test_' },
};
const CONTRACT_OF_STEM: Record<string, ContractName> = { eal: 'eal', ai93: 'ai93', ls: 'leadscraper' };

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 32;
const CHECKSUM_LENGTH = 6;
const KEY_PATTERN =
  /^(?<prefix>(?:eal|ai93|ls)_(?:live_|test_)?)(?<random>[0-9A-Za-z]{32})(?<checksum>[0-9A-Za-z]{6})$/;

/** Makes a new key with 190 bits of randomness. */
export function generateApiKey(contract: ContractName, environment: Environment): GeneratedKey {
  const prefix = PREFIXES[contract][environment];
  const random = randomBase62(RANDOM_LENGTH);
  const key = prefix + random + checksum(prefix + random);
  return { key, hash: sha256(key), displayPrefix: prefix + random.slice(0, 6) };
}

/**
 * The contract whose error shape an answer to this key must have: by `eal_`, `ai93_` or `ls_` alone,
 * so that a malformed key gets its own contract's 401. Undefined when the text starts with none of them.
 */
export function contractOfKey(text: string): ContractName | undefined {
  const stem = /^(eal|ai93|ls)_/.exec(text)?.[1];
  return stem === undefined ? undefined : CONTRACT_OF_STEM[stem];
}

/**
 * Reads a presented key; undefined unless it is well-formed and its checksum is right, so a typo costs no query.
 * A result only says that the key could exist: look its hash up to know.
 */
export function parseApiKey(text: string): ParsedKey | undefined {
  const { prefix, random, checksum: presented } = KEY_PATTERN.exec(text)?.groups ?? {};
  if (prefix === undefined || random === undefined) return undefined;
  const contract = contractOfKey(prefix);
  if (contract === undefined) return undefined;
  const environment = prefix.endsWith('_test_') ? 'test' : 'live';
  if (prefix !== PREFIXES[contract][environment]) return undefined; // eal_…, ls_live_…
  // The checksum is no secret, so an ordinary comparison will do.
  if (presented !== checksum(prefix + random)) return undefined;
  return { contract, environment, hash: sha256(text) };
}

function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

// CRC-32 notices every changed character; 62^6 > 2^32, so it always fits.
function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = BASE62.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

// randomInt is unbiased, unlike a random byte modulo 62.
function randomBase62(length: number): string {
  return Array.from({ length }, () => BASE62.charAt(randomInt(62))).join('');
}
