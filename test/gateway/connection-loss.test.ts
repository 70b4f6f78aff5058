import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { createKey, createOrganization, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';

let db: TestDatabase;
let gateway: TestGateway;
let key: string;

beforeAll(async () => {
  db = await createDatabase();
  gateway = await startTestGateway(db);
  key = (await createKey(db, await createOrganization(db))).key;
});
afterAll(async () => {
  await gateway.stop();
  await db.drop();
});

test('a connection lost in the middle of a request is a 503, and the gateway goes on', async () => {
  const blocker = await db.admin.connect();
  await blocker.query('begin');
  await blocker.query('lock table app.leads in access exclusive mode');
  const waiting = gateway.request('GET', '/api/v1/leads', { key });
  const victim = await until(async () => {
    const { rows } = await db.admin.query(
      "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%leads%' and pid <> pg_backend_pid()",
    );
    return rows[0]?.pid as number | undefined;
  }, 'the request to wait');
  await db.admin.query('select pg_terminate_backend($1)', [victim]);
  const reply = await waiting;
  await blocker.query('rollback');
  blocker.release();

  expect(reply.status).toBe(503);
  expect(reply.body.error.code).toBe('service_unavailable');
  expect(reply.headers.get('retry-after')).toMatch(/^\d+$/);
  expect((await gateway.request('GET', '/api/v1/leads', { key })).status).toBe(200);
});
