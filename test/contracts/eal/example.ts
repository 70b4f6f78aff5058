import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

// Requests and answers as the document "API Reference, Version 1.0" prints them, one file each.

// biome-ignore lint/suspicious/noExplicitAny: whatever the document prints
export const example = (name: string): any =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'examples', `${name}.json`), 'utf8'));

const FORMATS: [name: string, format: RegExp][] = [
  // the document's key_id begins with a k
  ['a UUID', /^[0-9a-fk][0-9a-f]{7}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/],
  ['a time in UTC with milliseconds', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/],
  ['an address', /^https?:\/\//],
  ['a signing secret', /^whsec_[A-Za-z0-9+/]{32}$/],
  ['the prefix of a signing secret', /^whsec_[A-Za-z0-9+/]{6}$/],
  ['the id of a delivery', /^whd_/],
  ['a cursor', /^eyJ[A-Za-z0-9_-]+$/],
];

/** What kind of value it is: its type, and the format of a text that has one. */
function kindOf(value: unknown): string {
  if (typeof value !== 'string') return typeof value;
  return FORMATS.find(([, format]) => format.test(value))?.[0] ?? 'a text';
}

/**
 * An answer has the fields of the example, no other, and each value the example's type and format. The order of fields does not
 * matter. Null may stand for what is not there, and an example's null says nothing of the type.
 */
export function expectLike(actual: unknown, documented: unknown, path = '$'): void {
  if (actual === null || documented === null) return;
  if (Array.isArray(documented)) {
    expect(actual, path).toBeInstanceOf(Array);
    for (const [index, item] of (actual as unknown[]).entries()) expectLike(item, documented[0], `${path}[${index}]`);
    return;
  }
  if (typeof documented === 'object') {
    expect(Object.keys(actual as object).sort(), `fields of ${path}`).toEqual(Object.keys(documented).sort());
    for (const [field, value] of Object.entries(documented)) {
      expectLike((actual as Record<string, unknown>)[field], value, `${path}.${field}`);
    }
    return;
  }
  expect(kindOf(actual), path).toBe(kindOf(documented));
}
