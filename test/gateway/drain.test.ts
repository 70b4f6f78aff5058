import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { createKey, createOrganization, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';

// A gateway that is told to end, and clients that keep their connections to it.

let db: TestDatabase;
let gateway: TestGateway;
let key: string;
let agent: Agent;

beforeAll(async () => {
  db = await createDatabase();
  key = (await createKey(db, await createOrganization(db), { scopes: ['read', 'write'] })).key;
});
beforeEach(async () => {
  gateway = await startTestGateway(db);
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
});
afterEach(() => agent.destroy());
afterAll(() => db.drop());

/** On the one connection of the agent. */
const send = (method: string, path: string, body = '') =>
  new Promise<{ status: number | undefined; connection: string | undefined; reused: boolean; body: string }>(
    (resolve, reject) => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
      const sent = request(`${gateway.url}${path}`, { agent, method, headers }, async (res) => {
        const { statusCode: status, headers } = res;
        resolve({ status, connection: headers.connection, reused: sent.reusedSocket, body: await text(res) });
      });
      sent.on('error', reject).end(body);
    },
  );

test('a request on a connection that was kept is answered, and told to be the last', async () => {
  expect(await send('GET', '/api/v1/leads')).toMatchObject({ status: 200, connection: 'keep-alive' });
  const stopped = gateway.stop();
  const answer = await send(
    'POST',
    '/api/v1/leads',
    JSON.stringify({ name: 'Sarah Mitchell', email: 's@example.com' }),
  );
  expect(answer).toMatchObject({ status: 201, connection: 'close', reused: true });
  await expect(send('GET', '/api/v1/leads')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await stopped;
  const { rowCount } = await db.admin.query('select from app.leads where id = $1', [JSON.parse(answer.body).id]);
  expect(rowCount).toBe(1);
});

test('a request under way is answered, and told to be the last', async () => {
  const blocker = await db.admin.connect();
  await blocker.query('begin; lock table app.leads in access exclusive mode');
  const underWay = send('GET', '/api/v1/leads');
  await until(
    async () =>
      (
        await db.admin.query(
          "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
      ).rowCount,
    'the request to wait',
  );
  const stopped = gateway.stop();
  await blocker.query('commit');
  blocker.release();
  expect(await underWay).toMatchObject({ status: 200, connection: 'close' });
  await stopped;
});

test('a connection on which nothing comes holds up nobody', async () => {
  expect((await send('GET', '/api/v1/leads')).status).toBe(200);
  await gateway.stop();
});
