import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool } from '../../src/database/pool.ts';
import { runInScope } from '../../src/database/transaction.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { createOrganization } from '../support/gateway.ts';

let db: TestDatabase;
let pool: pg.Pool;
let claims: string;

beforeAll(async () => {
  db = await createDatabase();
  pool = createPool(db.loginUrl('gateway'), { max: 1, name: 'test' });
  claims = JSON.stringify({
    organization_id: await createOrganization(db),
    scopes: ['*'],
    source: 'api',
    correlation_id: 'flight',
  });
});
afterAll(async () => {
  await pool.end();
  await db.drop();
});

const run = (text: string, values: unknown[] = [], readOnly = false) =>
  runInScope<Record<string, unknown>>(pool, { role: 'tenant', claims }, { text, values }, { readOnly });

const leads = async (): Promise<number> =>
  (await db.admin.query('select count(*)::integer as n from app.leads')).rows[0].n;

test('a statement runs as the role, with the claims, and both end with it', async () => {
  const { rows } = await run("select current_user as role, current_setting('request.jwt.claims') as claims");
  expect(rows).toEqual([{ role: 'tenant', claims }]);
  const { rows: after } = await pool.query(
    "select current_user as role, current_setting('request.jwt.claims', true) as claims",
  );
  expect(after[0].role).toBe('gateway');
  expect(after[0].claims).toBe('');
});

test('what it writes is committed when it answers', async () => {
  const before = await leads();
  await run('insert into app.leads (email) values ($1)', ['sarah@example.com']);
  expect(await leads()).toBe(before + 1);
});

test('a statement that fails leaves nothing, and the connection serves the next', async () => {
  const before = await leads();
  const failing =
    "with made as (insert into app.leads (email) values ('x@example.com') returning id) select 1 / (count(*) - 1) from made";
  await expect(run(failing)).rejects.toMatchObject({ code: '22012' });
  await expect(run(failing)).rejects.toMatchObject({ code: '22012' });
  expect(await leads()).toBe(before);
  expect((await run('select 1 as one')).rows).toEqual([{ one: 1 }]);
});

test('a statement that does not parse can be sent again, and another of the same name parses', async () => {
  await expect(run('select from nowhere_at_all')).rejects.toMatchObject({ code: '42P01' });
  await expect(run('select from nowhere_at_all')).rejects.toMatchObject({ code: '42P01' });
  expect((await run('select 2 as two')).rows).toEqual([{ two: 2 }]);
});

test('a transaction for reading refuses to write', async () => {
  await expect(run('insert into app.leads (email) values ($1)', ['x@example.com'], true)).rejects.toMatchObject({
    code: '25006',
  });
  // and the next one on the connection writes again
  await run('insert into app.leads (email) values ($1)', ['y@example.com']);
});

test('parameters of every kind arrive as they are', async () => {
  const values = ['text "quoted" \\ ünï', 42, true, null, ['a,b', 'c"d'], Buffer.from([0, 255]), { a: [1] }];
  const { rows } = await run(
    'select $1::text as t, $2::integer as n, $3::boolean as b, $4::text as nothing, $5::text[] as list, $6::bytea as bytes, $7::jsonb as object',
    values,
  );
  expect(rows[0]).toEqual({
    t: values[0],
    n: 42,
    b: true,
    nothing: null,
    list: values[4],
    bytes: values[5],
    object: { a: [1] },
  });
});

test('requests that wait for a connection all get their own answer', async () => {
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => run('select $1::integer as i', [i])));
  expect(answers.map(({ rows }) => rows[0]?.i)).toEqual(Array.from({ length: 200 }, (_, i) => i));
});
