import { createHash } from 'node:crypto';
import net from 'node:net';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contracts } from '../../src/contracts/registry.ts';
import { type Api, type Caller, expectError, expectErrorOf, startApi, until } from '../support/api.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { createKey } from '../support/gateway.ts';

// Two gateway processes on one database, as in production.

let db: TestDatabase;
let a: Api;
let b: Api;
let one: Caller;

beforeAll(async () => {
  db = await createDatabase();
  a = await startApi({ withPostgrest: true }, db);
  b = await startApi({}, db);
  one = await a.organization();
});
afterAll(async () => {
  await Promise.all([a.stop(), b.stop()]);
  await db.drop();
});

const onB = (key: string): Caller => b.as(key);
const newKey = async (scopes = ['read']): Promise<{ id: string; key: string }> =>
  (await one.post('/api-keys', { name: 'For a while', scopes })).body;
const listeners = async (): Promise<{ pid: number }[]> =>
  (
    await db.admin.query(
      "select pid from pg_stat_activity where datname = $1 and application_name = 'trunkline gateway keys' and query ilike 'listen%'",
      [db.name],
    )
  ).rows;

test('the database holds the hash of a key, and nothing it could be told from', async () => {
  const { key } = await newKey();
  const { rows } = await db.admin.query('select * from app.api_keys where key_hash = $1', [
    createHash('sha256').update(key).digest(),
  ]);
  expect(rows).toHaveLength(1);
  const dump = await db.admin.query(
    "select table_schema || '.' || table_name as name from information_schema.tables where table_schema in ('app', 'audit', 'private') and table_type = 'BASE TABLE'",
  );
  for (const { name } of dump.rows) {
    const found = await db.admin.query(
      `select count(*)::int as n from ${name} as r where r::text like '%' || $1 || '%'`,
      [key.slice(15)],
    );
    expect(found.rows[0].n, name).toBe(0);
  }
});

describe('a revoked key', () => {
  test('is refused by every process at the very next request', async () => {
    for (let round = 0; round < 50; round++) {
      const { id, key } = await newKey();
      const path = round % 2 === 0 ? '/leads' : '/health';
      expect((await onB(key).get(path)).status).toBe(200);
      expect((await one.delete(`/api-keys/${id}`)).status).toBe(200);
      expectError(await onB(key).get(path), 401, 'unauthorized');
    }
  });

  // a workspace key runs as a role of its own, and not every route of AI93 reads a row
  const kinds = (contract: string): ('organization' | 'workspace')[] =>
    contract === 'ai93' ? ['organization', 'workspace'] : ['organization'];

  test.each(
    contracts.flatMap(({ name, routes }) =>
      kinds(name).flatMap((reach) =>
        routes.map((route) => [`${name} ${route.method} ${route.path}`, reach, name, route] as const),
      ),
    ),
  )(
    'is refused by %s (a key of its %s), also when a process did not hear of it',
    async (label, reach, contract, route) => {
      const own = await b.organization();
      const fresh = contract === 'eal' ? own : await b.ai93(own.organizationId, { reach });
      expect((await onB(fresh.key).get('/health')).status).toBe(200);
      // the notice is lost: what B remembers of the key stays in its memory
      const quiet = await db.admin.connect();
      await quiet.query("set session_replication_role = 'replica'");
      await quiet.query('update app.api_keys set revoked_at = now() where id = $1', [fresh.keyId]);
      await quiet.query("set session_replication_role = 'origin'");
      quiet.release();

      const bodies: Record<string, object> = {
        'eal POST /leads': { email: 'a@example.com' },
        'eal POST /organizations': { name: 'A', primary_admin_email: 'a@example.com' },
        'eal POST /webhooks': { url: 'https://hooks.example.com/', events: ['lead.created'] },
        'eal POST /api-keys': { name: 'A', scopes: ['read'] },
        'eal PATCH /leads/{id}': { name: 'A' },
        'eal POST /leads/upsert': { email: 'a@example.com' },
        'eal POST /leads/{id}/handoff': { destination: 'A' },
        'eal POST /leads/{id}/replies': { message: 'A' },
        'eal PATCH /organizations/{id}': { name: 'A' },
        'eal PATCH /organizations/me/dispatch-settings': { auto_dispatch: false },
        'eal PATCH /calls/{id}': { classification: 'water' },
        'eal POST /calls': { caller_number: '+14045550173' },
        'eal POST /organizations/{id}/grants': { parent_organization_id: fresh.organizationId, scopes: ['leads.read'] },
        'ai93 POST /leads': { source: 'manual', displayName: 'A' },
        'ai93 PATCH /leads/{id}': { notes: 'A' },
        'ai93 POST /leads/{id}/handoff': { destination: 'A' },
        'ai93 POST /leads/{id}/replies': { message: 'A' },
        'eal PATCH /webhooks/{id}': { enabled: true },
        'eal POST /webhooks/{id}/recover': { since: '2026-01-01' },
      };
      const body = route.method === 'GET' ? undefined : (bodies[label] ?? {});
      const path = route.path
        .replaceAll(/\{id\}|\{grant_id\}/g, fresh.organizationId)
        .replace('{vendor}', 'meta-lead-ads')
        .replace('{delivery_id}', `whd_${'0'.repeat(26)}`);
      const reply = await b.send(route.method, path, { key: fresh.key, body });
      expectErrorOf(contract, reply, 401, 'unauthorized');
    },
  );

  test('is worth nothing as the JWT that was made for it a moment ago', async () => {
    const made = await createKey(db, one.organizationId, { scopes: ['read'] });
    const jwt = await new SignJWT({
      role: 'tenant',
      organization_id: one.organizationId,
      key_id: made.keyId,
      scopes: ['leads.read'],
    })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('60s')
      .sign(new TextEncoder().encode('a secret of thirty-two characters'));
    const ask = () => fetch(`${a.postgrestUrl}/leads?select=id`, { headers: { authorization: `Bearer ${jwt}` } });
    await one.post('/leads', { email: 'sarah@example.com' });
    expect((await ask()).status).toBe(200);
    await one.delete(`/api-keys/${made.keyId}`);
    expect((await ask()).status).toBe(401);
    const door = await a.raw('GET', '/rest/v1/leads', { key: made.key });
    expect(door.status).toBe(401);
  });
});

describe('a key', () => {
  test('ends when it expires, also while a process remembers it', async () => {
    const { id, key } = await newKey();
    expect((await onB(key).get('/leads')).status).toBe(200);
    await db.admin.query("update app.api_keys set expires_at = now() + interval '300 ms' where id = $1", [id]);
    await until(async () => (await onB(key).get('/leads')).status === 401);
    expectError(await onB(key).get('/leads'), 401, 'unauthorized');
    expect(
      (await db.admin.query('select from app.api_keys where id = $1 and expires_at <= now()', [id])).rowCount,
    ).toBe(1);
  });

  test('that is rotated goes on during the overlap, and not after it, on both processes', async () => {
    const { id, key } = await newKey();
    const { body: made } = await one.post(`/api-keys/${id}/rotate`, { overlap_hours: 1 });
    for (const api of [a, b]) {
      for (const each of [key, made.key]) expect((await api.as(each).get('/leads')).status).toBe(200);
    }
    await db.admin.query('update app.api_keys set expires_at = now() where id = $1', [id]);
    for (const api of [a, b]) {
      expectError(await api.as(key).get('/leads'), 401, 'unauthorized');
      expect((await api.as(made.key).get('/leads')).status).toBe(200);
    }
  });

  test('gets and loses scopes at once', async () => {
    const { id, key } = await newKey(['read']);
    expectError(await onB(key).post('/leads', { email: 'a@example.com' }), 403, 'forbidden');
    await db.admin.query("update app.api_keys set scopes = '{write}' where id = $1", [id]);
    await until(async () => (await onB(key).post('/leads', { email: 'a@example.com' })).status === 201);
    await db.admin.query("update app.api_keys set scopes = '{read}' where id = $1", [id]);
    await until(async () => (await onB(key).post('/leads', { email: 'a@example.com' })).status === 403);
  });

  test('is seen to have been used, though no request writes that', async () => {
    const own = await startApi({}, db);
    const { id, key } = await newKey();
    const lastUse = async () =>
      (await db.admin.query('select last_used_at from app.api_keys where id = $1', [id])).rows[0].last_used_at;
    for (let n = 0; n < 20; n++) expect((await own.as(key).get('/leads?limit=1')).status).toBe(200);
    expect(await lastUse()).toBeNull();
    const before = (
      await db.admin.query("select count(*)::int as n from audit.platform_events where payload ->> 'api_key_id' = $1", [
        id,
      ])
    ).rows[0].n;
    await own.stop();
    expect(Math.abs((await lastUse()).getTime() - Date.now())).toBeLessThan(60_000);
    const after = (
      await db.admin.query("select count(*)::int as n from audit.platform_events where payload ->> 'api_key_id' = $1", [
        id,
      ])
    ).rows[0].n;
    expect(after).toBe(before);
  });
});

test('when the connection that listens is cut, keys are right all the same, and it comes back', async () => {
  await until(async () => (await listeners()).length === 2);
  const { id, key } = await newKey();
  expect((await onB(key).get('/health')).status).toBe(200);
  const before = await listeners();
  await db.admin.query('select pg_terminate_backend(pid) from unnest($1::int[]) as pid', [
    before.map((one) => one.pid),
  ]);
  expect((await one.delete(`/api-keys/${id}`)).status).toBe(200);
  expectError(await onB(key).get('/health'), 401, 'unauthorized');
  const other = await newKey();
  expect((await onB(other.key).get('/leads')).status).toBe(200);

  await until(async () => {
    const now = await listeners();
    return now.length === 2 && now.every((one) => !before.some((old) => old.pid === one.pid));
  });
  expect((await onB(other.key).get('/leads')).status).toBe(200);
  await one.delete(`/api-keys/${other.id}`);
  expectError(await onB(other.key).get('/leads'), 401, 'unauthorized');
});

test('when every connection is cut, the next requests are answered, and none with a 500', async () => {
  const statuses: number[] = [];
  for (let round = 0; round < 5; round++) {
    await db.admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and usename = 'gateway'",
      [db.name],
    );
    const replies = await Promise.all(Array.from({ length: 6 }, () => onB(one.key).get('/leads?limit=1')));
    statuses.push(...replies.map((reply) => reply.status));
  }
  expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
  await until(async () => (await onB(one.key).get('/leads?limit=1')).status === 200);
});

test('a database that cannot be reached is a 503, in the shape of the contract', async () => {
  const door = await startDoor(db.loginUrl('gateway'));
  const api = await startApi({ databaseUrl: door.url }, db);
  const caller = await api.organization();
  expect((await caller.get('/leads')).status).toBe(200);
  await door.close();
  for (const who of [caller, api.as((await newKey()).key)]) {
    const reply = await who.get('/leads');
    expectError(reply, 503, 'service_unavailable');
    expect(reply.headers.get('retry-after')).toBe('5');
    expectError(await who.get('/audit-log/export.csv'), 503, 'service_unavailable');
    expectError(
      await who.post('/leads', { email: 'a@example.com' }, { 'idempotency-key': 'x' }),
      503,
      'service_unavailable',
    );
  }
  expect((await api.raw('GET', '/livez')).status).toBe(200);
  expect(await api.raw('GET', '/readyz')).toMatchObject({
    status: 503,
    body: { status: 'unavailable', checks: { database: 'failed' } },
  });
  await door.open();
  await until(async () => (await caller.get('/leads')).status === 200);
  expect((await api.raw('GET', '/readyz')).body).toEqual({ status: 'ok', checks: { database: 'ok' } });
  await api.stop();
  await door.close();
});

/** A way to the database that can be shut. */
async function startDoor(target: string): Promise<{ url: string; open(): Promise<void>; close(): Promise<void> }> {
  const to = new URL(target);
  const sockets = new Set<net.Socket>();
  const make = () =>
    net.createServer((socket) => {
      const onward = net.connect(Number(to.port || 5432), to.hostname);
      for (const each of [socket, onward]) {
        sockets.add(each);
        each.on('error', () => {});
        each.on('close', () => {
          socket.destroy();
          onward.destroy();
        });
      }
      socket.pipe(onward).pipe(socket);
    });
  let server = make();
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as net.AddressInfo;
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return {
    url: url.href,
    open: () => {
      server = make();
      return listen(port);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
        sockets.clear();
      }),
  };
}
