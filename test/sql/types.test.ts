import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
