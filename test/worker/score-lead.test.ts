import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Worker } from '../../src/worker/worker.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { claimsOf, createOrganization, registerEndpoint, startTestWorker, until } from './fixtures.ts';

// A lead that comes in is scored by the worker; the event of that tells the score.

let db: TestDatabase;
let receiver: Receiver;
let organization: string;
const workers: Worker[] = [];

beforeAll(async () => {
  db = await createDatabase();
});
beforeEach(async () => {
  organization = await createOrganization(db);
  receiver = await startReceiver();
  await registerEndpoint(db, organization, receiver.url, ['lead.created', 'lead.updated']);
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop();
  await receiver.close();
});
afterAll(() => db.drop());

const start = async () => {
  workers.push(await startTestWorker(db));
};
const leads = async () =>
  (
    await db.admin.query(
      'select id, lead_score, ai_reasoning, scored_at from app.leads where organization_id = $1 order by id',
      [organization],
    )
  ).rows;
const isScored = async () => (await leads()).every((lead) => lead.scored_at !== null);
const left = async () =>
  (await db.admin.query('select kind, state, error from app.tasks where organization_id = $1', [organization])).rows;

test('a lead added in psql is announced, scored, and the score is announced', async () => {
  await start();
  await db.admin.query(
    "insert into app.leads (organization_id, phone, pain_points) values ($1, '+1 404 555 0173', 'Burst pipe')",
    [organization],
  );
  await until(() => receiver.requests.length >= 2, 'two events');
  const events = receiver.requests.map(({ rawBody }) => JSON.parse(rawBody.toString()));
  const byType = Object.fromEntries(events.map((event) => [event.type ?? event.event, event.data]));
  expect(Object.keys(byType).toSorted()).toEqual(['lead.created', 'lead.updated']);
  expect(byType['lead.created']).toMatchObject({ lead_score: 0 });
  expect(byType['lead.updated']).toMatchObject({ lead_score: 30 });
  expect(await leads()).toMatchObject([
    { lead_score: 30, ai_reasoning: 'Urgent problem (+0.15); phone validated (+0.10); describes the problem (+0.05)' },
  ]);
  const { rows } = await db.admin.query(
    "select source, payload -> 'diff' -> 'lead_score' as score from audit.platform_events where organization_id = $1 and action = 'lead.updated'",
    [organization],
  );
  expect(rows).toEqual([{ source: 'worker', score: { from: 0, to: 30 } }]);
  // a task is done with after what it did can be seen
  await until(async () => (await left()).length === 0, 'the task to be done with');
});

test('leads of an import are scored by the hundred, and what several workers do is done once', async () => {
  await db.as(
    'tenant',
    claimsOf(organization),
    "insert into app.leads (name, email) select 'Lead ' || n, 'a' || n || '@gmail.com' from generate_series(1, 700) as n",
  );
  await Promise.all([start(), start()]);
  await until(isScored, 'every score');
  expect(new Set((await leads()).map((lead) => lead.lead_score))).toEqual(new Set([5]));
  await until(async () => (await left()).length === 0, 'the tasks');
  const { rows } = await db.admin.query(
    "select count(*)::integer as changes from audit.platform_events where organization_id = $1 and action = 'lead.updated'",
    [organization],
  );
  expect(rows).toEqual([{ changes: 700 }]);
});

test('a rule that cannot be followed for one lead leaves the others alone', async () => {
  await db.admin.query("update app.scoring_rules set predicate = 'strict $.context.a.b.c' where organization_id = $1", [
    organization,
  ]);
  await db.as('tenant', claimsOf(organization), "insert into app.leads (name) values ('Ann'), ('Bea')");
  await start();
  await until(isScored, 'every score');
  expect(await leads()).toMatchObject(Array(2).fill({ lead_score: 0, ai_reasoning: 'No rule found anything' }));
});
