import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EMAIL_LISTS_FILE, generateEmailLists } from '../../src/database/generate-email-lists.ts';
import { generatePhonePlans, PHONE_PLANS_FILE } from '../../src/database/generate-phone-plans.ts';
import { GENERATED_FILE, generateTypes } from '../../src/database/generate-types.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createDatabase();
});
afterAll(() => db.drop());

test('the generated types are those of the database (npm run generate)', async () => {
  expect(readFileSync(GENERATED_FILE, 'utf8')).toBe(await generateTypes(db.admin));
});

test('the generated numbering plans and lists of domains are those of the packages (npm run generate)', () => {
  expect(readFileSync(PHONE_PLANS_FILE, 'utf8') === generatePhonePlans()).toBe(true);
  expect(readFileSync(EMAIL_LISTS_FILE, 'utf8') === generateEmailLists()).toBe(true);
});
