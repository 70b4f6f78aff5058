import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createDatabase();
});
afterAll(() => db.drop());

const value = async (expression: string, values: unknown[] = []) =>
  (await db.admin.query(`select ${expression} as value`, values)).rows[0].value;

// https://github.com/jetify-com/typeid/blob/main/spec/valid.yml
const TYPEIDS: [prefix: string, uuid: string, suffix: string][] = [
  ['prefix', '0188bac7-4afa-78aa-bc3b-bd1eef28d881', '01h2xcejqtf2nbrexx3vqjhp41'],
  ['prefix', '00000000-0000-0000-0000-000000000000', '00000000000000000000000000'],
  ['prefix', '00000000-0000-0000-0000-000000000001', '00000000000000000000000001'],
  ['prefix', '00000000-0000-0000-0000-00000000000a', '0000000000000000000000000a'],
  ['prefix', '00000000-0000-0000-0000-000000000010', '0000000000000000000000000g'],
  ['prefix', '00000000-0000-0000-0000-000000000020', '00000000000000000000000010'],
  ['prefix', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '7zzzzzzzzzzzzzzzzzzzzzzzzz'],
  ['prefix', '0110c853-1d09-52d8-d73e-1194e95b5f19', '0123456789abcdefghjkmnpqrs'],
];

test.each(TYPEIDS)('TypeID %s %s is %s, both ways', async (prefix, uuid, suffix) => {
  expect(await value('app.typeid($1, $2)', [prefix, uuid])).toBe(`${prefix}_${suffix}`);
  expect(await value('app.typeid_uuid($1, $2)', [prefix, `${prefix}_${suffix}`])).toBe(uuid);
});

test('every UUID comes back from its TypeID', async () => {
  const { rows } = await db.admin.query(`
    select count(*) from (select case when i % 2 = 0 then uuidv7() else gen_random_uuid() end as id from generate_series(1, 2000) i) as made
     where app.typeid_uuid('whd', app.typeid('whd', id)) is distinct from id`);
  expect(rows).toEqual([{ count: '0' }]);
});

test.each([
  ['another prefix', 'whx_01h2xcejqtf2nbrexx3vqjhp41'],
  ['no prefix', '01h2xcejqtf2nbrexx3vqjhp41'],
  ['one character too many', 'whd_01h2xcejqtf2nbrexx3vqjhp411'],
  ['one too few', 'whd_01h2xcejqtf2nbrexx3vqjhp4'],
  ['more than 128 bits', 'whd_8zzzzzzzzzzzzzzzzzzzzzzzzz'],
  ['capitals', 'whd_01H2XCEJQTF2NBREXX3VQJHP41'],
  ['letters that the alphabet leaves out', 'whd_01h2xcejqtf2nbrexx3vqjhpil'],
  ['a line after it', 'whd_01h2xcejqtf2nbrexx3vqjhp41\n'],
  ['nothing', ''],
])('what is no TypeID of the prefix has no UUID: %s', async (_, text) => {
  expect(await value("app.typeid_uuid('whd', $1)", [text])).toBeNull();
});

test('the cursor is that of the document', async () => {
  expect(await value("app.cursor('2026-04-27T13:22:05.114Z', '9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18')")).toBe(
    'eyJjcmVhdGVkX2F0IjoiMjAyNi0wNC0yN1QxMzoyMjowNS4xMTRaIiwiaWQiOiI5ZjFjOGEzMi00ZDY1LTRlMmItOGE5MS0zYzBlN2Q0YjJmMTgifQ',
  );
});

test('a timestamp is in UTC with milliseconds, whatever the session speaks', async () => {
  const client = await db.admin.connect();
  try {
    await client.query(
      "begin; set local timezone = 'Asia/Kolkata'; set local lc_time = 'C'; set local datestyle = 'German'",
    );
    const { rows } = await client.query(
      "select app.iso('2026-04-27T13:22:05.114Z') as full, app.iso('2026-01-02T03:04:05Z') as round, app.iso(null) as none",
    );
    expect(rows).toEqual([{ full: '2026-04-27T13:22:05.114Z', round: '2026-01-02T03:04:05.000Z', none: null }]);
  } finally {
    await client.query('rollback');
    client.release();
  }
});

test('an event id is evt_ and 16 hex digits, the same each time, another for each type', async () => {
  const change = '0188bac7-4afa-78aa-bc3b-bd1eef28d881';
  const id = await value("app.event_public_id($1, 'lead.created')", [change]);
  expect(id).toMatch(/^evt_[0-9a-f]{16}$/);
  expect(await value("app.event_public_id($1, 'lead.created')", [change])).toBe(id);
  expect(await value("app.event_public_id($1, 'lead.updated')", [change])).not.toBe(id);
});

test('an error carries its status, code, sentence and field', async () => {
  const raised = db.admin.query(
    `select app.fail(409, 'conflict', 'There is one already.', '{"field": "url", "reason": "taken"}')`,
  );
  await expect(raised).rejects.toMatchObject({
    code: 'PT409',
    hint: 'conflict',
    message: 'There is one already.',
    detail: '{"field": "url", "reason": "taken"}',
  });
});
