import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { makeOrganization } from './fixtures.ts';

// The step that brings signals to a database in use: outcomes are counted, and only rules that nobody touched are replaced.

const STEP = readFileSync(join(import.meta.dirname, '../../sql/changes/2026-11-23_lead_signals.sql'), 'utf8');
/** The rules of the release before, as the step itself names them. */
const GIVEN = /with given \(label, predicate, weight\) as \(\n([\s\S]*?)\n\), untouched/.exec(STEP)?.[1] as string;

let db: TestDatabase;
const organizations: Record<string, string> = {};

beforeAll(async () => {
  db = await createDatabase();
  for (const name of ['untouched', 'reweighted', 'extended', 'shortened', 'switched', 'swapped']) {
    organizations[name] = await makeOrganization(db, name);
  }
  await db.admin.query(`
    delete from app.scoring_rules;
    insert into app.scoring_rules (organization_id, label, predicate, weight)
    select o.id, g.label, g.predicate::jsonpath, g.weight from app.organizations as o cross join (${GIVEN}) as g (label, predicate, weight);
  `);
  const touch = async (name: string, text: string) => db.admin.query(text.replace('$org', `'${organizations[name]}'`));
  await touch(
    'reweighted',
    "update app.scoring_rules set weight = 0.3 where organization_id = $org and label = 'Replied'",
  );
  await touch(
    'extended',
    "insert into app.scoring_rules (organization_id, label, predicate, weight) values ($org, 'Mine', '$', 0.1)",
  );
  await touch('shortened', "delete from app.scoring_rules where organization_id = $org and label = 'Replied'");
  await touch(
    'switched',
    "update app.scoring_rules set enabled = false where organization_id = $org and label = 'Replied'",
  );
  await touch('swapped', "delete from app.scoring_rules where organization_id = $org and label = 'Replied'");
  await touch(
    'swapped',
    "insert into app.scoring_rules (organization_id, label, predicate, weight) select organization_id, label, predicate, weight from app.scoring_rules where organization_id = $org and label = 'Budget named'",
  );
  await db.admin.query(
    `insert into app.leads (organization_id, name, source, pipeline_stage) values
       ($1, 'a', 'ads', 'won'), ($1, 'b', 'ads', 'lost'), ($1, 'c', 'ads', 'lost'), ($1, 'd', 'ads', 'new'), ($1, 'e', null, 'won'), ($2, 'f', 'ads', 'won')`,
    [organizations.untouched, organizations.swapped],
  );
  // as the release before left it
  await db.admin.query(`
    drop view api.source_outcomes;
    drop table app.source_outcomes cascade;
    drop function private.default_scoring_rules;
    set role trunkline_owner`);
  await db.admin.query(`begin; set local role trunkline_owner; ${STEP}; commit`);
});
afterAll(() => db.drop());

test('the step counts what became of leads so far', async () => {
  const { rows } = await db.admin.query(
    'select organization_id, source, won, lost, total from app.source_outcomes order by won + lost desc',
  );
  expect(rows).toEqual([
    { organization_id: organizations.untouched, source: 'ads', won: '1', lost: '2', total: '3' },
    { organization_id: organizations.swapped, source: 'ads', won: '1', lost: '0', total: '1' },
  ]);
});

test('the step replaces the rules of who left them as they were, and tells so', async () => {
  const { rows } = await db.admin.query(
    "select o.name, count(*)::integer as rules, bool_or(r.label = 'Phone validated') as new from app.scoring_rules as r join app.organizations as o on o.id = r.organization_id group by 1 order by 1",
  );
  expect(rows).toEqual([
    { name: 'extended', rules: 15, new: false },
    { name: 'reweighted', rules: 14, new: false },
    { name: 'shortened', rules: 13, new: false },
    { name: 'swapped', rules: 14, new: false },
    { name: 'switched', rules: 14, new: false },
    { name: 'untouched', rules: 21, new: true },
  ]);
  const entries = await db.admin.query(
    "select action, count(*)::integer as entries from audit.platform_events where organization_id = $1 and action ~ '^scoring_rule' group by 1 order by 1",
    [organizations.untouched],
  );
  expect(entries.rows).toContainEqual({ action: 'scoring_rule.created', entries: 14 + 21 });
});
