import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createDatabase();
});
afterAll(() => db.drop());

test('an organization starts with its own scoring rules', async () => {
  const { rows } = await db.admin.query("select (app.create_organization('Acme', 'restoration', null, null)).id");
  const rules = await db.as(
    'tenant',
    { organization_id: rows[0].id, scopes: ['*'] },
    'select * from api.scoring_rules',
  );
  expect(rules.length).toBeGreaterThan(5);
});
