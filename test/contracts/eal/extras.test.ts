import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eal } from '../../../src/contracts/eal/index.ts';
import { type Api, type Caller, expectError, startApi } from '../../support/api.ts';
import { createKey, type Reply } from '../../support/gateway.ts';

// What the document does not have and users of such APIs expect, in the document's shapes.

let api: Api;
let one: Caller;

function expectAnswer(reply: Reply, id: string): void {
  const route = eal.routes.find((each) => each.operation.id === id);
  expect({ status: reply.status, body: reply.body }).toMatchObject({ status: route?.status ?? 200 });
  expect(route?.output?.safeParse(reply.body).error?.issues).toBeUndefined();
}

beforeAll(async () => {
  api = await startApi();
  one = await api.organization();
});
afterAll(() => api.stop());

describe('webhooks', () => {
  let serial = 0;
  const register = async (more: object = {}) =>
    (
      await one.post('/webhooks', {
        url: `https://hooks.example.com/${serial++}`,
        events: ['lead.created', 'lead.updated'],
        ...more,
      })
    ).body;

  /** An event for a webhook, with the attempts that were made to deliver it; the ids of the attempts as the API shows them. */
  async function deliveryOf(webhook: { id: string }, state: string, statuses: string[]): Promise<string[]> {
    const event = randomUUID();
    await api.db.admin.query(
      `insert into app.events (organization_id, id, public_id, type, snapshot, change_id, occurred_at)
       values ($1, $2, 'evt_0123456789abcdef', 'lead.created', '{}', $2, now())`,
      [one.organizationId, event],
    );
    await api.db.admin.query(
      'insert into app.deliveries (organization_id, id, endpoint_id, event_id, state, attempts) values ($1, $2, $3, $2, $4, $5)',
      [one.organizationId, event, webhook.id, state, statuses.length],
    );
    const ids: string[] = [];
    for (const [index, status] of statuses.entries()) {
      const { rows } = await api.db.admin.query(
        `insert into app.delivery_attempts (organization_id, delivery_id, endpoint_id, event_type, attempt, status, response_status, latency_ms,
                                            response_body, error, attempted_at)
         values ($1, $2, $3, 'lead.created', $4::integer, $5, $6, 30, 'busy', $7, now() + $4::integer * interval '1 second') returning app.typeid('whd', id) as id`,
        [
          one.organizationId,
          event,
          webhook.id,
          index + 1,
          status,
          status === 'delivered' ? 200 : null,
          status === 'delivered' ? null : 'timeout',
        ],
      );
      ids.push(rows[0].id);
    }
    return ids;
  }
  const stateOf = async (webhook: { id: string }): Promise<string[]> =>
    (
      await api.db.admin.query(
        'select state, enqueue from app.deliveries where endpoint_id = $1 order by created_at, id',
        [webhook.id],
      )
    ).rows.map((row) => `${row.state}${row.enqueue ? ', to be queued' : ''}`);

  test('PATCH /webhooks/{id} changes address, events, description, schedule and whether it is enabled', async () => {
    const webhook = await register();
    const changes = {
      url: 'https://hooks.example.com/moved',
      events: ['lead.updated'],
      description: 'Moved',
      enabled: false,
      retry_schedule: ['1m', '5m', '2h', '1d'],
    };
    const reply = await one.patch(`/webhooks/${webhook.id}`, changes);
    expectAnswer(reply, 'webhooks.update');
    expect(reply.body).toMatchObject({ id: webhook.id, ...changes });
    expect((await one.get(`/webhooks/${webhook.id}`)).body).toEqual(reply.body);
    const back = await one.patch(`/webhooks/${webhook.id}`, { description: null, retry_schedule: null, enabled: true });
    expect(back.body).toMatchObject({ description: null, enabled: true, events: ['lead.updated'] });
    expect(back.body).not.toHaveProperty('retry_schedule');
  });

  test('PATCH /webhooks/{id} does not take the address of another', async () => {
    const [first, second] = [await register(), await register()];
    expectError(await one.patch(`/webhooks/${second.id}`, { url: first.url }), 409, 'conflict', { field: 'url' });
  });

  test('POST /webhooks/{id}/test sends a subscribed event, the first unless told', async () => {
    const webhook = await register();
    const reply = await one.post(`/webhooks/${webhook.id}/test`);
    expectAnswer(reply, 'webhooks.test');
    expect(reply.body).toMatchObject({ event: 'lead.created', status: 'pending' });
    const other = await one.post(`/webhooks/${webhook.id}/test`, { event: 'lead.updated' });
    expect(other.body).toMatchObject({ event: 'lead.updated', status: 'pending' });
    expect(await stateOf(webhook)).toEqual(['pending, to be queued', 'pending, to be queued']);
  });

  test('POST …/deliveries/{delivery_id}/retry sends an event again', async () => {
    const webhook = await register();
    const [attempt] = await deliveryOf(webhook, 'dead_letter', ['failed', 'dead_letter']);
    const reply = await one.post(`/webhooks/${webhook.id}/deliveries/${attempt}/retry`);
    expectAnswer(reply, 'webhooks.deliveries.retry');
    expect(reply.body).toEqual({ id: attempt, status: 'pending' });
    expect(await stateOf(webhook)).toEqual(['pending, to be queued']);
    const other = await register();
    expectError(await one.post(`/webhooks/${other.id}/deliveries/${attempt}/retry`), 404, 'not_found');
  });

  test('GET …/deliveries/{delivery_id} tells what came back', async () => {
    const webhook = await register();
    const [failed, delivered] = await deliveryOf(webhook, 'delivered', ['failed', 'delivered']);
    const reply = await one.get(`/webhooks/${webhook.id}/deliveries/${failed}`);
    expectAnswer(reply, 'webhooks.deliveries.get');
    expect(reply.body).toEqual({
      id: failed,
      event: 'lead.created',
      event_id: 'evt_0123456789abcdef',
      status: 'failed',
      response_status: null,
      latency_ms: 30,
      attempt: 1,
      delivered_at: expect.any(String),
      next_attempt_at: null,
      error: 'timeout',
      response_body: 'busy',
    });
    const list = await one.get(`/webhooks/${webhook.id}/deliveries`);
    expect(list.body.data.map((each: { id: string }) => each.id)).toEqual([delivered, failed]);
    const filtered = await one.get(`/webhooks/${webhook.id}/deliveries?status=failed&event=lead.created`);
    expect(filtered.body.data).toMatchObject([{ id: failed }]);
    expect((await one.get(`/webhooks/${webhook.id}/deliveries?event=lead.updated`)).body.data).toEqual([]);
    const other = await register();
    expectError(await one.get(`/webhooks/${other.id}/deliveries/${failed}`), 404, 'not_found');
  });

  test('GET …/deliveries shows the last 100, and the rest by cursor', async () => {
    const webhook = await register();
    await api.db.admin.query(
      `with event as (
         insert into app.events (organization_id, public_id, type, snapshot, change_id, occurred_at)
         values ($1, 'evt_0123456789abcdef', 'lead.created', '{}', uuidv7(), now()) returning id),
       delivery as (
         insert into app.deliveries (organization_id, endpoint_id, event_id, state) select $1, $2, id, 'dead_letter' from event returning id)
       insert into app.delivery_attempts (organization_id, delivery_id, endpoint_id, event_type, attempt, status, latency_ms, attempted_at)
       select $1, delivery.id, $2, 'lead.created', n, 'failed', 1, '2026-04-27'::timestamptz + n / 3 * interval '1 ms'
         from delivery, generate_series(1, 130) as n`,
      [one.organizationId, webhook.id],
    );
    const first = (await one.get(`/webhooks/${webhook.id}/deliveries`)).body;
    const rest = (await one.get(`/webhooks/${webhook.id}/deliveries?cursor=${first.next_cursor}`)).body;
    expect(first.data).toHaveLength(100);
    expect(rest).toMatchObject({ next_cursor: null });
    expect(new Set([...first.data, ...rest.data].map((each) => each.id)).size).toBe(130);
  });

  test('POST /webhooks/{id}/recover sends again what was not received since a time', async () => {
    const webhook = await register();
    await deliveryOf(webhook, 'dead_letter', ['dead_letter']);
    await deliveryOf(webhook, 'delivered', ['delivered']);
    await deliveryOf(webhook, 'held', []);
    const future = await one.post(`/webhooks/${webhook.id}/recover`, { since: '2999-01-01' });
    expect(future.body).toEqual({ id: webhook.id, recovered: 0 });
    const reply = await one.post(`/webhooks/${webhook.id}/recover`, { since: '2026-01-01T00:00:00Z' });
    expectAnswer(reply, 'webhooks.recover');
    expect(reply.body).toEqual({ id: webhook.id, recovered: 2 });
    expect((await stateOf(webhook)).sort()).toEqual(['delivered', 'pending, to be queued', 'pending, to be queued']);
  });

  test('what is disabled is not tested, retried or recovered, and says so', async () => {
    const webhook = await register();
    const [attempt] = await deliveryOf(webhook, 'dead_letter', ['dead_letter']);
    await one.patch(`/webhooks/${webhook.id}`, { enabled: false });
    expectError(await one.post(`/webhooks/${webhook.id}/test`), 409, 'conflict');
    expectError(await one.post(`/webhooks/${webhook.id}/recover`, { since: '2026-01-01' }), 409, 'conflict');
    expectError(await one.post(`/webhooks/${webhook.id}/deliveries/${attempt}/retry`), 409, 'conflict');
  });

  test('a deleted webhook resumes when its address registers again, with a new secret', async () => {
    const webhook = await register();
    await deliveryOf(webhook, 'pending', []);
    await one.delete(`/webhooks/${webhook.id}`);
    expect(await stateOf(webhook)).toEqual(['held']);
    const again = await one.post('/webhooks', { url: webhook.url, events: ['lead.created'] });
    expectAnswer(again, 'webhooks.create');
    expect(again.body.signing_secret).not.toBe(webhook.signing_secret);
    expect(await stateOf(again.body)).toEqual(['pending, to be queued']);
  });
});

describe('grants', () => {
  test('DELETE /organizations/{id}/grants/{grant_id} ends a grant at once, once', async () => {
    const parent = await api.organization();
    const child = await api.organization({ parent: parent.organizationId });
    const grants = `/organizations/${child.organizationId}/grants`;
    const { body: grant } = await child.post(grants, {
      parent_organization_id: parent.organizationId,
      scopes: ['leads.read'],
    });
    expect(grant.expires_at).toBeNull();
    expect((await parent.get(`/leads?organization_id=${child.organizationId}`)).status).toBe(200);
    const reply = await child.delete(`${grants}/${grant.grant_id}`);
    expectAnswer(reply, 'organizations.grants.revoke');
    expect(reply.body).toEqual({ grant_id: grant.grant_id, revoked: true });
    expect((await parent.get(`/leads?organization_id=${child.organizationId}`)).status).toBe(404);
    expectError(await child.delete(`${grants}/${grant.grant_id}`), 404, 'not_found');
  });
});

describe('API keys', () => {
  test('POST /api-keys makes a key that works, and shows it once', async () => {
    const reply = await one.post('/api-keys', {
      name: 'Zapier',
      scopes: ['write', 'read', 'write'],
      environment: 'test',
      expires_at: '2999-04-27T00:00:00Z',
    });
    expectAnswer(reply, 'api_keys.create');
    const { key, id, _warning, ...shown } = reply.body;
    expect(key).toMatch(/^eal_test_[0-9A-Za-z]{38}$/);
    expect(shown).toEqual({
      name: 'Zapier',
      key_prefix: key.slice(0, 15),
      environment: 'test',
      scopes: ['write', 'read'],
      last_used_at: null,
      expires_at: '2999-04-27T00:00:00.000Z',
      revoked_at: null,
      created_at: expect.any(String),
    });
    expect((await api.as(key).get('/health')).body).toMatchObject({ environment: 'test', scopes: ['write', 'read'] });
    const list = await one.get('/api-keys');
    expectAnswer(list, 'api_keys.list');
    expect(list.body.data.find((each: { id: string }) => each.id === id)).toEqual({ id, ...shown });
    expect(list.text).not.toContain(key);
  });

  test('POST /api-keys/{id}/rotate replaces a key, and lets the old one work for a while', async () => {
    const { body: old } = await one.post('/api-keys', { name: 'Old', scopes: ['read'] });
    const reply = await one.post(`/api-keys/${old.id}/rotate`, { overlap_hours: 2 });
    expectAnswer(reply, 'api_keys.rotate');
    expect(reply.body).toMatchObject({ name: 'Old', scopes: ['read'], environment: 'live', expires_at: null });
    expect(reply.body.key).not.toBe(old.key);
    for (const { key } of [old, reply.body]) expect((await api.as(key).get('/leads')).status).toBe(200);
    const listed = (await one.get('/api-keys')).body.data.find((each: { id: string }) => each.id === old.id);
    expect(Math.round((Date.parse(listed.expires_at) - Date.now()) / 60_000)).toBe(120);
  });

  test('POST /api-keys/{id}/rotate without overlap stops the old key at once', async () => {
    const { body: old } = await one.post('/api-keys', { name: 'Old', scopes: ['read'] });
    const { body: made } = await one.post(`/api-keys/${old.id}/rotate`, { overlap_hours: 0 });
    expectError(await api.as(old.key).get('/leads'), 401, 'unauthorized');
    expect((await api.as(made.key).get('/leads')).status).toBe(200);
    expectError(await one.post(`/api-keys/${old.id}/rotate`), 404, 'not_found');
  });

  test('DELETE /api-keys/{id} stops a key at once, once', async () => {
    const { body: made } = await one.post('/api-keys', { name: 'Gone', scopes: ['read'] });
    expect((await api.as(made.key).get('/leads')).status).toBe(200);
    const reply = await one.delete(`/api-keys/${made.id}`);
    expectAnswer(reply, 'api_keys.revoke');
    expect(reply.body).toEqual({ id: made.id, revoked: true });
    expectError(await api.as(made.key).get('/leads'), 401, 'unauthorized');
    expectError(await one.delete(`/api-keys/${made.id}`), 404, 'not_found');
    const listed = (await one.get('/api-keys')).body.data.find((each: { id: string }) => each.id === made.id);
    expect(listed.revoked_at).not.toBeNull();
  });

  test('the keys of another contract are neither listed, rotated nor revoked', async () => {
    const { keyId } = await createKey(api.db, one.organizationId, { contract: 'ai93', scopes: ['leads:read'] });
    expect((await one.get('/api-keys?limit=200')).text).not.toContain(keyId);
    expectError(await one.post(`/api-keys/${keyId}/rotate`), 404, 'not_found');
    expectError(await one.delete(`/api-keys/${keyId}`), 404, 'not_found');
  });

  test('rotating keeps the environment and limits of the key that is replaced', async () => {
    const { body: old } = await one.post('/api-keys', { name: 'Test', scopes: ['read'], environment: 'test' });
    await api.db.admin.query('update app.api_keys set rate_per_minute = 7, rate_burst = 9 where id = $1', [old.id]);
    const { body: made } = await one.post(`/api-keys/${old.id}/rotate`);
    expect(made.environment).toBe('test');
    expect(made.key).toMatch(/^eal_test_/);
    expect((await api.as(made.key).get('/health')).headers.get('ratelimit-policy')).toContain('q=7;w=60');
  });
});
