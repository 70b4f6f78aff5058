import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { claimsOf, failure, makeKey, makeOrganization, sha256 } from './fixtures.ts';

let db: TestDatabase;
let organization: string;
let claims: object;
beforeAll(async () => {
  db = await createDatabase();
  organization = await makeOrganization(db);
});
beforeEach(async () => {
  claims = claimsOf(organization, { key_id: await makeKey(db, organization) });
});
afterAll(() => db.drop());

const REQUEST = sha256('POST /api/v1/leads {}');
const ANSWER = Buffer.from('encrypted answer');

const claim = async (who = claims, fingerprint = REQUEST) =>
  (await db.as('tenant', who, "select * from app.claim_idempotency_key('abc', $1)", [fingerprint]))[0];
const keep = (who = claims) => db.as('tenant', who, "select app.keep_answer('abc', $1, 201, $2)", [REQUEST, ANSWER]);

test('the first request is told to go on, the second gets its answer', async () => {
  expect(await claim()).toEqual({ status: null, answer: null });
  await keep();
  expect(await claim()).toEqual({ status: 201, answer: ANSWER });
});

test('a request that failed leaves nothing, and may be sent again', async () => {
  const failed = db.as(
    'tenant',
    claims,
    "with first as materialized (select app.claim_idempotency_key('abc', $1), app.keep_answer('abc', $1, 201, 'x')) select 1 / 0 from first",
    [REQUEST],
  );
  expect(await failure(failed)).toMatchObject({ code: '22012' });
  expect(await claim()).toEqual({ status: null, answer: null });
});

test('another request with the key is refused', async () => {
  await keep();
  expect(await failure(claim(claims, sha256('POST /api/v1/leads {"name":"x"}')))).toMatchObject({
    code: 'PT422',
    hint: 'unprocessable',
    detail: { field: 'Idempotency-Key' },
  });
});

test('a key is that of one API key: another one’s does not meet it', async () => {
  await keep();
  const other = claimsOf(organization, { key_id: await makeKey(db, organization) });
  expect(await claim(other)).toEqual({ status: null, answer: null });
});

test('a request under way is not started a second time', async () => {
  const client = await db.admin.connect();
  try {
    await client.query('begin; set local role tenant');
    await client.query("select set_config('request.jwt.claims', $1, true)", [JSON.stringify(claims)]);
    await client.query("select app.claim_idempotency_key('abc', $1)", [REQUEST]);
    expect(await failure(claim())).toMatchObject({ code: 'PT409', hint: 'conflict' });
    await client.query("select app.keep_answer('abc', $1, 201, $2)", [REQUEST, ANSWER]);
    await client.query('commit');
  } finally {
    client.release();
  }
  expect(await claim()).toEqual({ status: 201, answer: ANSWER });
});

test('of ten at once one goes on', async () => {
  const once = () =>
    db.as(
      'tenant',
      claims,
      `with claimed as materialized (select * from app.claim_idempotency_key('abc', $1)),
            added as (insert into app.leads (organization_id, name) select app.tenant(), 'Once' from claimed where status is null returning id)
       select app.keep_answer('abc', $1, 201, 'x') from added`,
      [REQUEST],
    );
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, once));
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  expect(refused.every((outcome) => outcome.reason.code === 'PT409')).toBe(true);
  const { rows } = await db.admin.query("select count(*) from app.leads where name = 'Once'");
  expect(rows).toEqual([{ count: '1' }]);
});

describe('after 24 hours', () => {
  beforeEach(async () => {
    await keep();
    await db.admin.query("update app.idempotency_keys set expires_at = now() - interval '1 second'");
  });

  test('the key can be used anew, also with another request', async () => {
    expect(await claim(claims, sha256('another'))).toEqual({ status: null, answer: null });
    await keep();
    expect(await claim()).toEqual({ status: 201, answer: ANSWER });
  });

  test('the worker removes the answer', async () => {
    await db.as('worker', null, 'select app.remove_expired()');
    const { rows } = await db.admin.query('select from app.idempotency_keys');
    expect(rows).toEqual([]);
  });
});

test('the answers of a key go with it', async () => {
  await keep();
  await db.admin.query('delete from app.api_keys');
  const { rows } = await db.admin.query('select from app.idempotency_keys');
  expect(rows).toEqual([]);
});
