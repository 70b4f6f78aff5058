import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool } from '../../src/database/pool.ts';
import { fromDatabase } from '../../src/errors.ts';
import { openPool } from '../../src/worker/database.ts';
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

/** A way to the database on which nothing comes any more once it is cut, as when a host loses power; connections made later are whole. */
async function wayTo(url: string) {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((inward) => {
    const outward = connect(Number(port), hostname);
    for (const socket of [inward, outward]) sockets.add(socket.on('error', () => {}));
    inward.pipe(outward).pipe(inward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    cut() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test('a server that fell silent is given up, and the next request has a connection', async () => {
  const way = await wayTo(db.loginUrl('gateway'));
  const pool = createPool(way.url, { max: 1, name: 'test', answerTimeoutMs: 200 });
  await pool.query('select 1');
  way.cut();
  const error = await pool.query('select 1').catch((failure) => failure);
  expect(fromDatabase(error, new Map())).toMatchObject({ status: 503, code: 'service_unavailable' });
  expect((await pool.query('select 2 as two')).rows).toEqual([{ two: 2 }]);
  await pool.end();
  way.close();
});

test('a process that stands still in the middle of a transaction keeps its locks for half a minute at most', async () => {
  const ask = "select current_setting('idle_in_transaction_session_timeout') as limit";
  const pools = [
    createPool(db.loginUrl('gateway'), { max: 1, name: 'test' }),
    openPool(db.loginUrl('worker'), pino({ level: 'silent' })),
  ];
  for (const pool of pools) {
    expect((await pool.query(ask)).rows).toEqual([{ limit: '30s' }]);
    await pool.end();
  }
});

test.each(['EAI_AGAIN', 'EHOSTUNREACH', 'ENOTFOUND', 'ECONNREFUSED'])(
  'a database that cannot be reached (%s) is a 503',
  (code) => {
    const error = Object.assign(new Error(`connect ${code}`), { code });
    expect(fromDatabase(error, new Map())).toMatchObject({ status: 503, code: 'service_unavailable' });
  },
);
