import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

// Requests, answers and curl lines as the document "API & Webhooks, v1" prints them, one file each.

const read = (file: string): string => readFileSync(join(import.meta.dirname, 'examples', file), 'utf8');

// biome-ignore lint/suspicious/noExplicitAny: whatever the document prints
export const example = (name: string): any => JSON.parse(read(`${name}.json`));

/** A curl line with another host and key. The address is quoted, because a shell takes the & in it for the end of the command. */
export const curlLine = (name: string, url: string, key: string): string =>
  read(`${name}.sh`)
    .replace('https://ai93.ca', url)
    .replace('ai93_live_...', key)
    .replace(/https?:\S+(?= \\\n)/, "'$&'");

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/**
 * An answer holds what the document prints: its fields first and in its order, each of its type. Where the document cuts a text
 * off with three dots, the text begins like that. More fields may follow. What a lead's context holds depends on its source.
 */
export function expectHolds(actual: unknown, documented: unknown, path = '$'): void {
  if (documented === null) {
    expect([null, 'string'], path).toContain(actual === null ? null : typeof actual);
    return;
  }
  if (typeof documented === 'string') {
    expect(actual, path).toBeTypeOf('string');
    if (documented.endsWith('...')) expect((actual as string).startsWith(documented.replace(/[^_]*$/, ''))).toBe(true);
    if (TIME.test(documented)) expect(actual, path).toMatch(TIME);
    return;
  }
  if (typeof documented !== 'object') {
    expect(actual, path).toBeTypeOf(typeof documented);
    return;
  }
  if (Array.isArray(documented)) {
    expect(actual, path).toBeInstanceOf(Array);
    for (const [index, item] of (actual as unknown[]).entries()) expectHolds(item, documented[0], `${path}[${index}]`);
    return;
  }
  const fields = Object.keys(documented);
  expect(Object.keys(actual as object).slice(0, fields.length), `fields of ${path}`).toEqual(fields);
  for (const [field, value] of Object.entries(documented)) {
    if (field === 'context') expect((actual as Record<string, unknown>)[field], path).toBeTypeOf('object');
    else expectHolds((actual as Record<string, unknown>)[field], value, `${path}.${field}`);
  }
}
