import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scoreLead } from '../../src/domain/leads.ts';
import { systemActor } from '../../src/operations/actor.ts';
import { type Core, execute } from '../../src/operations/execute.ts';
import { makeOrganization } from '../sql/fixtures.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  db = await createDatabase();
  // a gateway's, but for its patience
  pool = new pg.Pool({ connectionString: db.loginUrl('gateway'), statement_timeout: 1000 });
});
afterAll(async () => {
  await pool.end();
  await db.drop();
});

test('a score that is asked for is answered after the rule that does not end was switched off', async () => {
  const organization = await makeOrganization(db);
  await db.admin.query('delete from app.scoring_rules where organization_id = $1', [organization]);
  await db.admin.query(
    `insert into app.scoring_rules (organization_id, label, predicate, weight)
     values ($1, 'Has a name', '$.name ? (@ != "")', 0.2),
            ($1, 'For ever', '$.notes ? (@ like_regex "^(a*)(a*)(a*)(a*)(a*)(a*)\\\\1\\\\2\\\\3\\\\4\\\\5\\\\6a{7}b$")', 0.1)`,
    [organization],
  );
  const { rows } = await db.admin.query<{ id: string }>(
    "insert into app.leads (organization_id, name, notes) values ($1, 'Ann', repeat('a', 3000) || 'b') returning id",
    [organization],
  );
  const core: Core = { pool, reasons: new Map(), services: {} as never };
  // a key that may write leads, and change no rule
  const actor = { ...systemActor(organization, 'api', 'corr_test'), scopes: ['leads.read', 'leads.write'] };
  const score = () => execute(core, scoreLead, actor, { id: rows[0]?.id }, { contract: 'eal' });

  await expect(score()).rejects.toMatchObject({ status: 503, code: 'service_unavailable' });
  expect(JSON.parse((await score()).body)).toMatchObject({ lead_score: 20, ai_reasoning: 'Has a name (+0.20)' });
  const rules = await db.admin.query(
    'select label, enabled, disabled_reason from app.scoring_rules where organization_id = $1 order by label',
    [organization],
  );
  expect(rules.rows).toEqual([
    { label: 'For ever', enabled: false, disabled_reason: expect.stringContaining('within 3s for the lead') },
    { label: 'Has a name', enabled: true, disabled_reason: null },
  ]);
});
