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

const messages = (...args: string[]): string[] => ['messages', ...args, '--org', organization];
const queue = (text: string) =>
  db.as(
    'tenant',
    { organization_id: organization, scopes: ['*'] },
    `select app.queue_message('sms', '4045550173', $1)`,
    [text],
  );

test('messages are listed with what became of them, shown with their text, and sent again', async () => {
  expect((await run(messages('list'), environment)).stdout).toBe('There are no messages.\n');
  await queue('We call you back.\nSoon.');
  await db.admin.query("update app.messages set state = 'sent', vendor = 'outbox'");
  await queue('Another.');
  const listed = await run(messages('list'), environment);
  expect(listed.stdout).toMatch(/msg_\w{26} .* sms +queued +4045550173 +Another\./);
  expect(listed.stdout).toMatch(/msg_\w{26} .* sms +in outbox +4045550173 +We call you back\. Soon\./);
  expect(listed.stdout).toContain('did not leave');
  expect(await runJson(messages('list', '--state', 'queued'), environment)).toMatchObject([{ content: 'Another.' }]);

  const [, sent] = await runJson(messages('list', '--channel', 'sms'), environment);
  const shown = await run(messages('show', sent.message_id), environment);
  expect(shown.stdout).toMatch(/vendor +outbox\n/);
  expect(shown.stdout).toContain('\n\nWe call you back.\nSoon.\n');

  expect((await run(messages('requeue', sent.message_id), environment)).stderr).toContain('waits, or was sent');
  await db.admin.query("update app.messages set state = 'unknown' where content = 'Another.'");
  const [unknown] = await runJson(messages('list', '--state', 'unknown'), environment);
  expect((await run(messages('requeue', unknown.message_id), environment)).stdout).toContain('is queued');
});

test.each([
  ['msg_00000000000000000000000000', 'No such message.'],
  ['nonsense', 'No such message.'],
])('a message that is not there: %s', async (id, reason) => {
  const { code, stderr } = await run(messages('show', id), environment);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(reason) });
});
