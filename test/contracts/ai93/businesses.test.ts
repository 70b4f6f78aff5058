import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Caller, expectFlatError, inParallel } from '../../support/api.ts';
import { createKey, createOrganization } from '../../support/gateway.ts';
import { auditOf, expectAnswer, namesOf, newLead, startWorld, type World } from './world.ts';

// A key is locked to one business, or sees all of its workspace; where it does not reach there is nothing.

let world: World;
let workspace: Caller;
let north: Caller;
let south: Caller;
let stranger: Caller;

beforeAll(async () => {
  world = await startWorld();
  ({ workspace, north, south, stranger } = world);
  for (const [caller, displayName] of [
    [north, 'of the north'],
    [south, 'of the south'],
    [stranger, 'of a stranger'],
    [workspace, 'of the workspace'],
  ] as const) {
    await newLead(caller, { displayName });
  }
});
afterAll(() => world.api.stop());

describe('a list', () => {
  test('of a locked key holds its business’ leads, and of a workspace key every business’', async () => {
    expect(namesOf(await north.get('/leads'))).toEqual(['of the north']);
    expect(namesOf(await south.get('/leads'))).toEqual(['of the south']);
    expect(namesOf(await workspace.get('/leads'))).toEqual(['of the workspace', 'of the south', 'of the north']);
    expect(namesOf(await stranger.get('/leads'))).toEqual(['of a stranger']);
  });

  test('can be of one business that the key reaches', async () => {
    const at = (caller: Caller, business: Caller) => caller.get(`/leads?businessId=${world.biz(business)}`);
    expect(namesOf(await at(workspace, north))).toEqual(['of the north']);
    expect(namesOf(await at(workspace, workspace))).toEqual(['of the workspace']);
    expect(namesOf(await at(north, north))).toEqual(['of the north']);
    for (const [caller, business] of [
      [north, south],
      [north, workspace],
      [workspace, stranger],
      [stranger, north],
    ] as const) {
      expectFlatError(await at(caller, business), 404, 'not_found');
      expectFlatError(await caller.get(`/leads.csv?businessId=${world.biz(business)}`), 404, 'not_found');
    }
  });

  test.each(['', 'biz_', 'biz_123', 'ld_01kqs7qkw8f9vb3x2m6n4p5q7r', 'BIZ_01KQS7QKW8F9VB3X2M6N4P5Q7R', "biz_' or 1=1"])(
    'refuses the business %j',
    async (id) => {
      const reply = await workspace.get(`/leads?businessId=${encodeURIComponent(id)}`);
      expectFlatError(reply, 400, 'invalid_request', /businessId/);
    },
  );

  test('refuses a business that is named twice', async () => {
    const id = world.biz(north);
    expectFlatError(await workspace.get(`/leads?businessId=${id}&businessId=${id}`), 400, 'invalid_request');
  });

  test('of a business that has none yet is empty', async () => {
    const empty = await createOrganization(world.api.db, 'New', workspace.organizationId);
    const key = await world.api.ai93(empty);
    expect(expectAnswer(await key.get('/leads'), 'leads.list').body).toEqual({ leads: [], count: 0 });
  });
});

describe('a new lead', () => {
  test('of a locked key is its business’, whether businessId is omitted, null or matches', async () => {
    for (const more of [{}, { businessId: null }, { businessId: world.biz(north) }]) {
      expect((await newLead(north, more)).businessId).toBe(world.biz(north));
    }
  });

  test('of a workspace key is the named business’, or the workspace’s own', async () => {
    expect((await newLead(workspace, { businessId: world.biz(south) })).businessId).toBe(world.biz(south));
    expect((await newLead(workspace)).businessId).toBe(world.biz(workspace));
  });

  test('is refused for a business out of reach, with 404, and nothing is made', async () => {
    for (const [caller, business] of [
      [north, south],
      [north, workspace],
      [workspace, stranger],
      [stranger, south],
    ] as const) {
      const before = [await auditOf(world.api, caller), await auditOf(world.api, business)];
      const body = { source: 'manual', displayName: 'Misplaced', businessId: world.biz(business) };
      expectFlatError(await caller.post('/leads', body), 404, 'not_found', /business/i);
      expect([await auditOf(world.api, caller), await auditOf(world.api, business)]).toEqual(before);
    }
  });

  test.each([{}, [], 5, true, '', 'north'])('refuses the business %j', async (businessId) => {
    const reply = await workspace.post('/leads', { source: 'manual', displayName: 'x', businessId });
    expectFlatError(reply, 400, 'invalid_request', /businessId/);
  });

  test('of a business is audited and announced as that business’, by the workspace’s key', async () => {
    const { id } = await newLead(workspace, { businessId: world.biz(north) });
    const { rows } = await world.api.db.admin.query(
      `select organization_id, payload ->> 'key_id' as key from audit.platform_events
        where action = 'lead.created' and payload ->> 'lead_id' = app.typeid_uuid('ld', $1)::text`,
      [id],
    );
    expect(rows).toEqual([{ organization_id: north.organizationId, key: workspace.keyId }]);
  });
});

describe('a single lead', () => {
  const uses: [string, (caller: Caller, id: string) => ReturnType<Caller['get']>][] = [
    ['read', (caller, id) => caller.get(`/leads/${id}`)],
    ['changed', (caller, id) => caller.patch(`/leads/${id}`, { status: 'contacted' })],
    ['handed off', (caller, id) => caller.post(`/leads/${id}/handoff`, { destination: 'krew' })],
    ['replied to', (caller, id) => caller.post(`/leads/${id}/replies`, { message: 'Yes' })],
    ['asked for its hand-offs', (caller, id) => caller.get(`/leads/${id}/handoffs`)],
    ['asked for its replies', (caller, id) => caller.get(`/leads/${id}/replies`)],
  ];

  test.each(uses)('can be %s within the workspace, and is 404 outside of it', async (_what, use) => {
    const lead = await newLead(north);
    const before = await auditOf(world.api, north);
    for (const caller of [south, stranger]) {
      expectFlatError(await use(caller, lead.id), 404, 'not_found', 'No such lead.');
    }
    expect((await north.get(`/leads/${lead.id}`)).body.lead).toEqual(lead);
    expect(await auditOf(world.api, north)).toEqual(before);
    expect((await use(workspace, lead.id)).status).toBeLessThan(300);
  });

  test.each(uses)('that does not exist cannot be %s', async (_what, use) => {
    const ids = ['ld_', 'ld_abc', `ld_${'0'.repeat(26)}`, `ld_${'z'.repeat(26)}`, world.biz(north), '%27', 'ld%00'];
    for (const id of [...ids, north.organizationId]) {
      const reply = await use(workspace, id);
      expect([400, 404], id).toContain(reply.status);
      expectFlatError(reply, reply.status, reply.status === 404 ? 'not_found' : 'invalid_request');
    }
  });
});

test('two keys of one organization, one of each contract, see the same leads under their own ids', async () => {
  const { key } = await createKey(world.api.db, south.organizationId);
  const eal = world.api.as(key);
  const made = await eal.post('/leads', {
    name: 'Through Expert AI Labs',
    email: 'eal@example.com',
    source: 'website',
  });
  const [listed] = expectAnswer(await south.get('/leads?limit=1'), 'leads.list').body.leads;
  const { rows } = await world.api.db.admin.query("select app.typeid('ld', $1) as id", [made.body.id]);
  expect(listed).toMatchObject({
    id: rows[0].id,
    displayName: 'Through Expert AI Labs',
    source: 'website',
    status: 'new',
  });

  const { id } = await newLead(south, { email: 'ai93@example.com' });
  const newest = (await eal.get('/leads?limit=1')).body.data[0];
  expect(newest).toMatchObject({ name: 'Jane Doe', email: 'ai93@example.com', source: 'manual' });
  expect((await world.api.db.admin.query("select app.typeid('ld', $1) as id", [newest.id])).rows[0].id).toBe(id);

  // won over there is converted here, and the other way round
  await eal.patch(`/leads/${newest.id}`, { pipeline_stage: 'won' });
  expect((await south.get(`/leads/${id}`)).body.lead.status).toBe('converted');
  await south.patch(`/leads/${id}`, { status: 'lost' });
  expect((await eal.get(`/leads/${newest.id}`)).body.pipeline_stage).toBe('lost');
});

test('a workspace key does not open Expert AI Labs’ way to its children', async () => {
  const eal = await world.api.key(workspace.organizationId);
  const names = (await eal.get('/leads')).body.data.map(({ name }: { name: string }) => name);
  expect(names).not.toContain('of the north');
  expect((await eal.get(`/leads?organization_id=${north.organizationId}`)).status).toBe(404);
});

test('a key that is revoked stops at once, also in the middle of many requests', async () => {
  const doomed = await world.api.ai93(workspace.organizationId, { reach: 'workspace' });
  await inParallel(Array.from({ length: 16 }), () => doomed.get('/leads'));
  await world.api.db.admin.query('update app.api_keys set revoked_at = now() where id = $1', [doomed.keyId]);
  for (const reply of await inParallel(Array.from({ length: 16 }), () => doomed.get('/leads'))) {
    expectFlatError(reply, 401, 'unauthorized');
  }
});
