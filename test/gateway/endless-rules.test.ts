import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scoreLead } from '../../src/domain/leads.ts';
import { systemActor } from '../../src/operations/actor.ts';
import { type Core, execute } from '../../src/operations/execute.ts';
import { makeOrganization } from '../sql/fixtures.ts';
import { startApi } from '../support/api.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';

const FOR_EVER = String.raw`$.notes ? (@ like_regex "^(a*)(a*)(a*)(a*)(a*)(a*)\\1\\2\\3\\4\\5\\6a{7}b$")`;

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

test('who asks for endless scores keeps no other organization waiting', async () => {
  const api = await startApi({}, db);
  const one = await api.organization();
  const other = await api.organization();
  await db.admin.query(
    `insert into app.scoring_rules (organization_id, label, predicate, weight) values ($1, 'For ever', $2, 0.1)`,
    [one.organizationId, FOR_EVER],
  );
  const { rows } = await db.admin.query<{ id: string }>(
    "insert into app.leads (organization_id, name, notes) values ($1, 'Ann', repeat('a', 3000) || 'b') returning id",
    [one.organizationId],
  );
  const running = async () =>
    (
      await db.admin.query(
        "select pid, xact_start from pg_stat_activity where usename = 'gateway' and datname = current_database() and state = 'active' and query ~ 'score_lead' order by pid",
      )
    ).rows;
  let answered = 0;
  const asked = Array.from({ length: 8 }, () =>
    one.post(`/leads/${rows[0]?.id}/score`).then(({ status }) => {
      answered += 1;
      return status;
    }),
  );
  const first = await until(async () => {
    const queries = await running();
    return queries.length > 0 ? queries : undefined;
  });
  for (let n = 0; n < 5; n++) expect((await other.get('/leads')).status).toBe(200);
  expect(await running()).toEqual(expect.arrayContaining(first));
  expect(answered).toBe(0);
  await until(async () => {
    const { rows: cancelled } = await db.admin.query(
      "select pg_cancel_backend(pid) from pg_stat_activity where usename = 'gateway' and datname = current_database() and state = 'active'",
    );
    return cancelled.length === 0 && answered === 8;
  });
  expect(new Set(await Promise.all(asked))).toEqual(new Set([503]));
  await api.stop();
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
