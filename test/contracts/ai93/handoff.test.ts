import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Caller, expectFlatError, inParallel } from '../../support/api.ts';
import type { Reply } from '../../support/gateway.ts';
import { auditOf, expectAnswer, newLead, outboxSize, startWorld, type World } from './world.ts';

let world: World;
let north: Caller;

beforeAll(async () => {
  world = await startWorld();
  ({ north } = world);
});
afterAll(() => world.api.stop());

const handOff = async (id: string, body: object, caller = north): Promise<Reply['body']> =>
  expectAnswer(await caller.post(`/leads/${id}/handoff`, body), 'leads.handoff').body.lead;
const history = async (id: string): Promise<{ destination: string; metadata: unknown }[]> =>
  expectAnswer(await north.get(`/leads/${id}/handoffs`), 'leads.handoffs.list').body.handoffs.map(
    ({ destination, metadata }: { destination: string; metadata: unknown }) => ({ destination, metadata }),
  );

/** What a change leaves behind: audit entries and events. */
const traces = async () => [await auditOf(world.api, north), await outboxSize(world.api)];

test('a hand-off sets time, destination and metadata, and leaves one entry and one event', async () => {
  const made = await newLead(north);
  const [audit, outbox] = (await traces()) as [string[], number];
  const lead = await handOff(made.id, { destination: 'krew', metadata: { krewLeadId: 'kl_xyz' } });
  expect(lead).toEqual({
    ...made,
    handedOffAt: expect.any(String),
    handoffDestination: 'krew',
    handoffMetadata: { krewLeadId: 'kl_xyz' },
    updatedAt: expect.any(String),
  });
  expect(lead.updatedAt > made.updatedAt).toBe(true);
  expect((await north.get(`/leads/${made.id}`)).body).toEqual({ lead });
  expect(await traces()).toEqual([[...audit, 'lead.updated'], outbox + 1]);
});

describe('the same hand-off again changes nothing', () => {
  test.each([
    ['without metadata', { destination: 'krew' }, { destination: 'krew' }],
    ['with null for none', { destination: 'krew' }, { destination: 'krew', metadata: null }],
    [
      'with the fields in another order',
      { destination: 'krew', metadata: { a: 1, b: { c: [1, 2] } } },
      { metadata: { b: { c: [1, 2] }, a: 1 }, destination: 'krew' },
    ],
    ['with an empty object', { destination: 'krew', metadata: {} }, { destination: 'krew', metadata: {} }],
    [
      'of Unicode',
      { destination: 'Größe ☃', metadata: { é: '😀' } },
      { destination: 'Größe ☃', metadata: { é: '😀' } },
    ],
  ])('%s', async (_what, body, again) => {
    const { id } = await newLead(north);
    const first = await handOff(id, body);
    const before = await traces();
    expect(await handOff(id, again)).toEqual(first);
    expect(await handOff(id, again, world.workspace)).toEqual(first);
    expect(await traces()).toEqual(before);
    expect(await history(id)).toHaveLength(1);
  });

  test('also when two ask at the same time', async () => {
    const { id } = await newLead(north);
    const before = (await auditOf(world.api, north)).length;
    const replies = await inParallel(Array.from({ length: 8 }), () => handOff(id, { destination: 'krew' }));
    expect(new Set(replies.map((lead) => JSON.stringify(lead))).size).toBe(1);
    expect((await auditOf(world.api, north)).length).toBe(before + 1);
    expect(await history(id)).toEqual([{ destination: 'krew', metadata: null }]);
  });

  test('and leaves what happened to the lead meanwhile', async () => {
    const { id } = await newLead(north);
    await handOff(id, { destination: 'krew' });
    const changed = (await north.patch(`/leads/${id}`, { status: 'qualified', notes: 'spoke' })).body.lead;
    expect(await handOff(id, { destination: 'krew' })).toEqual(changed);
  });
});

describe('anything else is a new hand-off, and the history keeps all', () => {
  test('another destination, other metadata, none, and back again', async () => {
    const { id } = await newLead(north);
    const handoffs = [
      { destination: 'krew', metadata: { n: 1 } },
      { destination: 'crm', metadata: { n: 1 } },
      { destination: 'crm', metadata: { n: 2 } },
      { destination: 'crm', metadata: null },
      { destination: 'crm', metadata: {} },
      { destination: 'krew', metadata: { n: 1 } },
      { destination: 'Krew', metadata: { n: 1 } },
    ];
    const times: string[] = [];
    for (const body of handoffs) {
      const before = await outboxSize(world.api);
      times.push((await handOff(id, body)).handedOffAt);
      expect(await outboxSize(world.api)).toBe(before + 1);
    }
    expect(await history(id)).toEqual(handoffs.toReversed());
    // in one millisecond or not, each is later than the one before
    expect(new Set(times).size).toBe(times.length);
    expect(times.toSorted()).toEqual(times);
    const { body } = await north.get(`/leads/${id}/handoffs`);
    expect(body.handoffs.map((one: { handedOffAt: string }) => one.handedOffAt)).toEqual(times.toReversed());
  });

  test('different ones at the same time are each kept once', async () => {
    const { id } = await newLead(north);
    const names = Array.from({ length: 6 }, (_, n) => `system ${n}`);
    await inParallel(names, (destination) => handOff(id, { destination }));
    expect((await history(id)).map((one) => one.destination).toSorted()).toEqual(names);
  });

  test('a lead that was never handed off has none', async () => {
    const { id } = await newLead(north);
    expect((await north.get(`/leads/${id}/handoffs`)).body).toEqual({ handoffs: [], count: 0 });
  });
});

describe('a hand-off is refused', () => {
  test.each([
    ['without a destination', {}, /destination/],
    ['with an empty one', { destination: '' }, /destination: must not be blank/],
    ['with a blank one', { destination: ' \n' }, /destination: must not be blank/],
    ['with null', { destination: null }, /destination/],
    ['with a number', { destination: 5 }, /destination/],
    ['with too long a one', { destination: 'x'.repeat(201) }, /destination: must have at most 200/],
    ['with a text as metadata', { destination: 'krew', metadata: 'kl_xyz' }, /metadata: must be an object/],
    ['with a list as metadata', { destination: 'krew', metadata: [] }, /metadata: must be an object/],
    ['with a number as metadata', { destination: 'krew', metadata: 0 }, /metadata: must be an object/],
    ['with half a surrogate pair', { destination: 'krew', metadata: { a: '\ud800' } }, /metadata/],
    ['with an unknown field', { destination: 'krew', note: 'x' }, /Unknown field: note/],
    ['with an id in the body', { destination: 'krew', id: 'ld_abc' }, /Unknown field: id/],
  ])('%s', async (_what, body, message) => {
    const { id } = await newLead(north);
    const before = await traces();
    expectFlatError(await north.post(`/leads/${id}/handoff`, body), 400, 'invalid_request', message);
    expect(await traces()).toEqual(before);
  });

  test('to who may read and write leads, and only that', async () => {
    const { id } = await newLead(north);
    const scopes = ['leads:read', 'leads:write', 'sources:read'];
    for (const reach of ['organization', 'workspace'] as const) {
      const owner = reach === 'workspace' ? world.workspace : north;
      const caller = await world.api.ai93(owner.organizationId, { scopes, reach });
      const reply = await caller.post(`/leads/${id}/handoff`, { destination: 'krew' });
      expectFlatError(reply, 403, 'missing_scope', 'API key lacks required scope: leads:handoff');
    }
  });
});

test('a key that may only hand off does that, and reads nothing else', async () => {
  const { id } = await newLead(north);
  for (const reach of ['organization', 'workspace'] as const) {
    const owner = reach === 'workspace' ? world.workspace : north;
    const caller = await world.api.ai93(owner.organizationId, { scopes: ['leads:handoff'], reach });
    expect((await handOff(id, { destination: reach }, caller)).handoffDestination).toBe(reach);
    for (const path of ['/leads', `/leads/${id}`, `/leads/${id}/handoffs`, '/leads.csv']) {
      expectFlatError(await caller.get(path), 403, 'missing_scope');
    }
  }
});

test('a hand-off sent again under an idempotency key is answered from what was kept', async () => {
  for (const caller of [north, world.workspace]) {
    const { id } = await newLead(caller);
    const send = (destination: string) =>
      caller.post(`/leads/${id}/handoff`, { destination }, { 'idempotency-key': `handoff-${id}` });
    const first = await send('krew');
    await handOff(id, { destination: 'crm' }, caller);
    const again = await send('krew');
    expect([again.status, again.body, again.headers.get('idempotent-replayed')]).toEqual([200, first.body, 'true']);
    expect((await caller.get(`/leads/${id}`)).body.lead.handoffDestination).toBe('crm');
    expectFlatError(await send('other'), 422, 'unprocessable');
  }
});
