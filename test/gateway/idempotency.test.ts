import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eal } from '../../src/contracts/eal/index.ts';
import { createEncryption } from '../../src/security/encryption.ts';
import { type Api, type Caller, expectError, inParallel, startApi, until } from '../support/api.ts';
import { addPushed } from '../support/crm.ts';
import { TEST_ENCRYPTION_KEY } from '../support/database.ts';
import { META_SECRETS } from './family.ts';

let api: Api;
let one: Caller;

beforeAll(async () => {
  api = await startApi({ databasePoolSize: 8 });
  one = await api.organization();
});
afterAll(() => api.stop());

const lead = (name: string) => ({ email: `${name}@example.com` });
const under = (key: string) => ({ 'idempotency-key': key });
const leadsOf = async (email: string): Promise<number> =>
  (await api.db.admin.query('select from app.leads where email = $1', [email])).rowCount ?? 0;

test('a request that is repeated under its key is answered as before, and done once', async () => {
  const first = await one.post('/leads', lead('once'), under('a-1'));
  const again = await one.post('/leads', lead('once'), under('a-1'));
  expect(first.status).toBe(201);
  expect(first.headers.has('idempotent-replayed')).toBe(false);
  expect([again.status, again.text]).toEqual([201, first.text]);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(await leadsOf('once@example.com')).toBe(1);
  const { rowCount } = await api.db.admin.query("select from audit.platform_events where payload ->> 'lead_id' = $1", [
    first.body.id,
  ]);
  expect(rowCount).toBe(1);
});

test('without a key, or with another, it is another request', async () => {
  for (const headers of [{}, {}, under('b-1'), under('b-2')]) await one.post('/leads', lead('often'), headers);
  expect(await leadsOf('often@example.com')).toBe(4);
});

test('a key in quotes, as the draft writes it, is the same key', async () => {
  const first = await one.post('/leads', lead('quoted'), under('"c-1"'));
  expect((await one.post('/leads', lead('quoted'), under('c-1'))).text).toBe(first.text);
});

test('every POST of the contract takes a key, and repeats the very answer, secrets too', async () => {
  const child = await api.organization({ parent: one.organizationId });
  const { body: webhook } = await one.post('/webhooks', {
    url: 'https://hooks.example.com/0',
    events: ['lead.created'],
  });
  const { body: scored } = await one.post('/leads', lead('scored'));
  const { body: pushed } = await one.post('/leads', lead('pushed'));
  await addPushed(api.db, one.organizationId, pushed.id);
  const { body: key } = await one.post('/api-keys', { name: 'To rotate', scopes: ['read'] });
  const { body: test } = await one.post(`/webhooks/${webhook.id}/test`);
  const { rows } = await api.db.admin.query(
    `insert into app.delivery_attempts (organization_id, delivery_id, endpoint_id, event_type, attempt, status, latency_ms, attempted_at)
     select organization_id, id, endpoint_id, 'lead.created', 1, 'dead_letter', 1, now() from app.deliveries where endpoint_id = $1
     returning app.typeid('whd', id) as id`,
    [webhook.id],
  );
  expect(test.status).toBe('pending');
  // where nobody listens
  const settings = { api_url: 'http://127.0.0.1:9' };
  expect((await one.put('/connectors/meta-lead-ads', { settings, secrets: META_SECRETS })).status).toBe(201);
  const requests: Record<string, [caller: Caller, path: string, body: object]> = {
    '/leads': [one, '/leads', lead('every')],
    '/leads/{id}/score': [one, `/leads/${scored.id}/score`, {}],
    '/leads/{id}/push-to-crm': [one, `/leads/${pushed.id}/push-to-crm`, {}],
    '/leads/upsert': [one, '/leads/upsert', { phone: '+1 404 555 0173' }],
    '/leads/{id}/handoff': [one, `/leads/${scored.id}/handoff`, { destination: 'jobnimbus' }],
    '/leads/{id}/replies': [one, `/leads/${scored.id}/replies`, { message: 'Yes.' }],
    '/calls': [one, '/calls', { caller_number: '+14045550173' }],
    '/organizations': [one, '/organizations', { name: 'Child', primary_admin_email: 'a@example.com' }],
    '/organizations/{id}/grants': [
      child,
      `/organizations/${child.organizationId}/grants`,
      { parent_organization_id: one.organizationId, scopes: ['leads.read'] },
    ],
    '/webhooks': [one, '/webhooks', { url: 'https://hooks.example.com/1', events: ['lead.created'] }],
    '/webhooks/{id}/rotate-secret': [one, `/webhooks/${webhook.id}/rotate-secret`, {}],
    '/webhooks/{id}/test': [one, `/webhooks/${webhook.id}/test`, {}],
    '/webhooks/{id}/recover': [one, `/webhooks/${webhook.id}/recover`, { since: '2026-01-01' }],
    '/webhooks/{id}/deliveries/{delivery_id}/retry': [
      one,
      `/webhooks/${webhook.id}/deliveries/${rows[0].id}/retry`,
      {},
    ],
    '/connectors/{vendor}/test': [one, '/connectors/meta-lead-ads/test', {}],
    '/connectors/{vendor}/rotate-token': [one, '/connectors/meta-lead-ads/rotate-token', {}],
    '/connectors/{vendor}/retry': [one, '/connectors/meta-lead-ads/retry', {}],
    '/api-keys': [one, '/api-keys', { name: 'A', scopes: ['read'] }],
    '/api-keys/{id}/rotate': [one, `/api-keys/${key.id}/rotate`, {}],
  };
  const posts = eal.routes.filter((route) => route.method === 'POST');
  expect(Object.keys(requests).sort()).toEqual(posts.map((route) => route.path).sort());
  for (const [template, [caller, path, body]] of Object.entries(requests)) {
    const first = await caller.post(path, body, under(`every${template}`));
    const again = await caller.post(path, body, under(`every${template}`));
    expect(first.status, template).toBeLessThan(300);
    expect([again.status, again.text], template).toEqual([first.status, first.text]);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  }
});

test('an answer that holds a secret is kept encrypted', async () => {
  const reply = await one.post('/api-keys', { name: 'Hidden', scopes: ['read'] }, under('hidden'));
  const { rows } = await api.db.admin.query("select answer from app.idempotency_keys where idempotency_key = 'hidden'");
  expect(rows[0].answer.toString('latin1')).not.toContain(reply.body.key.slice(9, 30));
  expect(rows[0].answer.toString('latin1')).not.toContain('Hidden');
  const opened = createEncryption(TEST_ENCRYPTION_KEY).decrypt(rows[0].answer, 'idempotency:hidden').toString();
  expect(opened).toBe(reply.text);
});

test('a key that comes with another request is refused', async () => {
  await one.post('/leads', lead('first'), under('reused'));
  for (const [path, body] of [
    ['/leads', lead('second')],
    ['/leads', { ...lead('first'), name: 'More' }],
    ['/api-keys', { name: 'A', scopes: ['read'] }],
  ] as const) {
    expectError(await one.post(path, body, under('reused')), 422, 'unprocessable', { field: 'Idempotency-Key' });
  }
  expect(await leadsOf('second@example.com')).toBe(0);
});

test('while a request is under way, the same is refused', async () => {
  // holds the organization, which a new lead refers to
  const holder: pg.PoolClient = await api.db.admin.connect();
  await holder.query('begin');
  await holder.query('select from app.organizations where id = $1 for update', [one.organizationId]);
  const first = one.post('/leads', lead('flight'), under('flight'));
  await until(
    async () =>
      ((
        await holder.query(
          "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
      ).rowCount ?? 0) > 0,
  );
  expectError(await one.post('/leads', lead('flight'), under('flight')), 409, 'conflict', { field: 'Idempotency-Key' });
  await holder.query('commit');
  holder.release();
  expect((await first).status).toBe(201);
  expect((await one.post('/leads', lead('flight'), under('flight'))).text).toBe((await first).text);
});

test('a request that failed may be sent again under its key', async () => {
  expectError(await one.post('/leads', { name: 'alone' }, under('failed')), 400, 'invalid_request');
  expect((await one.post('/leads', lead('failed'), under('failed'))).status).toBe(201);
  const rotate = '/api-keys/00000000-0000-4000-8000-000000000000/rotate';
  for (let n = 0; n < 2; n++) expectError(await one.post(rotate, {}, under('missing')), 404, 'not_found');
  expect((await one.post('/leads', lead('missing'), under('missing'))).status).toBe(201);
});

test('of twenty equal requests at once, one is done', async () => {
  const replies = await inParallel(
    Array.from({ length: 20 }),
    () => one.post('/leads', lead('twenty'), under('twenty')),
    20,
  );
  expect(await leadsOf('twenty@example.com')).toBe(1);
  const done = replies.filter((reply) => reply.status === 201);
  expect(done.length).toBeGreaterThanOrEqual(1);
  expect(new Set(done.map((reply) => reply.text)).size).toBe(1);
  expect(replies.filter((reply) => reply.status !== 201 && reply.status !== 409)).toEqual([]);
});

test('another API key’s, and another organization’s, keys are their own', async () => {
  const other = await api.organization();
  const second = await api.key(one.organizationId);
  const replies = [];
  for (const caller of [one, second, other]) replies.push(await caller.post('/leads', lead('own'), under('own')));
  expect(new Set(replies.map((reply) => reply.body.id)).size).toBe(3);
  expect(await leadsOf('own@example.com')).toBe(3);
});

test('a key that has expired is new', async () => {
  const first = await one.post('/leads', lead('late'), under('late'));
  await api.db.admin.query("update app.idempotency_keys set expires_at = now() where idempotency_key = 'late'");
  const again = await one.post('/leads', { ...lead('late'), name: 'Another' }, under('late'));
  expect(again.status).toBe(201);
  expect(again.body.id).not.toBe(first.body.id);
  expect((await one.post('/leads', { ...lead('late'), name: 'Another' }, under('late'))).text).toBe(again.text);
});

test('a malformed key is refused, and one with another method is ignored', async () => {
  for (const key of ['', ' ', 'a b', 'ä', 'a'.repeat(256)]) {
    const reply = await one.post('/leads', lead('malformed'), under(key));
    expectError(reply, 400, 'invalid_request', { field: 'Idempotency-Key' });
  }
  expect(await leadsOf('malformed@example.com')).toBe(0);
  const { body } = await one.post('/leads', lead('patched'));
  for (const name of ['A', 'B']) {
    expect((await one.patch(`/leads/${body.id}`, { name }, under('patch'))).body.name).toBe(name);
  }
});

test('a replay does not outlive the key that it was made with', async () => {
  const { body: key } = await one.post('/api-keys', { name: 'A', scopes: ['write'] });
  expect((await api.as(key.key).post('/leads', lead('revoked'), under('revoked'))).status).toBe(201);
  await one.delete(`/api-keys/${key.id}`);
  expectError(await api.as(key.key).post('/leads', lead('revoked'), under('revoked')), 401, 'unauthorized');
});
