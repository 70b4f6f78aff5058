import { afterAll, beforeAll, expect, test } from 'vitest';
import { cleanUp, type Environment, run, runJson } from '../start/process.ts';
import { createDatabase, TEST_ENCRYPTION_KEY, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
let environment: Environment;
let organization: string;

beforeAll(async () => {
  db = await createDatabase();
  environment = { DATABASE_URL: db.url, ENCRYPTION_KEY: TEST_ENCRYPTION_KEY };
  organization = (await runJson(['org', 'create', '--name', 'Acme Roofing'], environment)).id;
});
afterAll(async () => {
  await cleanUp();
  await db.drop();
});

const tasks = (...args: string[]): string[] => ['tasks', ...args, '--org', organization];
const states = async () =>
  (await db.admin.query('select kind, state, attempts from app.tasks order by kind')).rows as Record<string, unknown>[];

test('tasks are listed, what was given up first, and started anew: one subject, one kind or all', async () => {
  expect((await run(tasks('list'), environment)).stdout).toBe('There is nothing that is not done.\n');
  await db.admin.query(
    `select app.add_task($1, kind, '01977f6e-0000-7000-8000-000000000001') from unnest(array['classify_call', 'push_to_crm', 'score_lead']) as kind`,
    [organization],
  );
  await db.admin.query(
    "update app.tasks set state = 'dead', attempts = 6, enqueue = false, error = 'They are closed.' where kind <> 'score_lead'",
  );

  const listed = (await run(tasks('list'), environment)).stdout.trimEnd().split('\n');
  expect(listed).toHaveLength(4);
  expect(listed[1]).toMatch(/^classify_call +call_\w{26} +dead +6 +– +They are closed\.$/);
  expect(listed[2]).toMatch(/^push_to_crm +01977f6e-0000-7000-8000-000000000001 +dead +6 +– +They are closed\.$/);
  expect(listed[3]).toMatch(/^score_lead +01977f6e\S+ +waiting +0 +20\S+Z +–$/);
  expect(await runJson(tasks('list', '--state', 'dead', '--kind', 'push_to_crm'), environment)).toMatchObject([
    { kind: 'push_to_crm', error: 'They are closed.' },
  ]);

  const [call] = await runJson(tasks('list', '--kind', 'classify_call'), environment);
  expect(await runJson(tasks('retry', '--subject', call.subject, '--kind', 'push_to_crm'), environment)).toEqual({
    retried: 1,
  });
  expect((await states()).map(({ state }) => state)).toEqual(['dead', 'waiting', 'waiting']);
  expect((await run(tasks('retry'), environment)).stdout).toBe('1 task starts anew.\n');
  expect((await states()).map(({ state, attempts }) => [state, attempts])).toEqual(Array(3).fill(['waiting', 0]));
  expect((await run(tasks('retry'), environment)).stdout).toBe('0 tasks start anew.\n');
});

test.each([
  [['list', '--state', 'done'], 'Allowed choices are waiting, failed, dead'],
  [['list', '--limit', '0'], 'from 1 to 9999'],
  [
    ['list', '--kind', 'push_to_crn'],
    'Allowed choices are classify_call, dispatch_call, fetch_recording, push_to_crm,',
  ],
  [['retry', '--kind', 'push'], 'Allowed choices are classify_call, '],
  [['retry', '--subject', 'nonsense'], 'It must be a UUID.'],
])('%j is refused', async (args, reason) => {
  const { code, stderr } = await run(tasks(...args), environment);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(reason) });
});
