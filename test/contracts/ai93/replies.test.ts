import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Caller, expectFlatError, inParallel } from '../../support/api.ts';
import type { Reply } from '../../support/gateway.ts';
import { auditOf, expectAnswer, newLead, startWorld, type World } from './world.ts';

let world: World;
let north: Caller;

beforeAll(async () => {
  world = await startWorld();
  ({ north } = world);
});
afterAll(() => world.api.stop());

const leadOf = async (id: string): Promise<Reply['body']> =>
  expectAnswer(await north.get(`/leads/${id}`), 'leads.get').body.lead;
const record = async (id: string, body: object, caller = north): Promise<Reply['body']> =>
  expectAnswer(await caller.post(`/leads/${id}/replies`, body), 'leads.replies.create').body.reply;

test('a reply is kept as it was said, counts on its lead, and moves it', async () => {
  const { id } = await newLead(north);
  const reply = await record(id, {
    message: 'Yes, please ☎\n2nd line',
    channel: 'email',
    receivedAt: '2026-05-04T15:40:00+02:00',
  });
  expect(reply).toEqual({
    id: reply.id,
    leadId: id,
    message: 'Yes, please ☎\n2nd line',
    channel: 'email',
    receivedAt: '2026-05-04T13:40:00.000Z',
  });
  expect(await leadOf(id)).toMatchObject({
    status: 'replied',
    replyCount: 1,
    lastReplyAt: '2026-05-04T13:40:00.000Z',
  });
  expect((await auditOf(world.api, north)).slice(-3)).toEqual(['lead.created', 'lead_reply.created', 'lead.updated']);
});

test.each([
  ['new', 'replied'],
  ['contacted', 'replied'],
  ['replied', 'replied'],
  ['qualified', 'qualified'],
  ['converted', 'converted'],
  ['lost', 'lost'],
])('a lead that is %s is %s after a reply', async (before, after) => {
  const { id } = await newLead(north);
  if (before !== 'new') await north.patch(`/leads/${id}`, { status: before });
  await record(id, { message: 'Hello' });
  expect((await leadOf(id)).status).toBe(after);
});

test('replies are listed newest first, and one that is recorded late does not turn time back', async () => {
  const { id } = await newLead(north);
  for (const day of ['02', '03', '01']) await record(id, { message: day, receivedAt: `2026-05-${day}` });
  const { replies, count } = expectAnswer(await north.get(`/leads/${id}/replies`), 'leads.replies.list').body;
  expect([replies.map(({ message }: { message: string }) => message), count]).toEqual([['03', '02', '01'], 3]);
  expect(await leadOf(id)).toMatchObject({ replyCount: 3, lastReplyAt: '2026-05-03T00:00:00.000Z' });
});

test('replies that come at the same time all count', async () => {
  const { id } = await newLead(north);
  await inParallel(Array.from({ length: 8 }), (_, n) => record(id, { message: `reply ${n}` }));
  expect((await leadOf(id)).replyCount).toBe(8);
});

test('a workspace key records replies of its businesses’ leads', async () => {
  const { id } = await newLead(north);
  await record(id, { message: 'By the workspace' }, world.workspace);
  const { body } = await world.workspace.get(`/leads/${id}/replies`);
  expect(body).toMatchObject({ replies: [{ message: 'By the workspace', channel: null }], count: 1 });
});

describe('a reply is refused', () => {
  test.each([
    ['without a message', {}, /message/],
    ['with a blank one', { message: ' \t' }, /message: must not be blank/],
    ['with a number', { message: 5 }, /message/],
    ['with too long a one', { message: 'x'.repeat(10_001) }, /message: must have at most 10000/],
    ['with a blank channel', { message: 'x', channel: '' }, /channel/],
    ['with a time that is none', { message: 'x', receivedAt: 'today' }, /receivedAt/],
    ['with an unknown field', { message: 'x', subject: 'y' }, /Unknown field: subject/],
  ])('%s', async (_what, body, message) => {
    const { id } = await newLead(north);
    expectFlatError(await north.post(`/leads/${id}/replies`, body), 400, 'invalid_request', message);
    expect((await leadOf(id)).replyCount).toBe(0);
  });

  test.each([['leads:read'], ['leads:handoff'], ['sources:read']])('to the scope %s', async (scope) => {
    const { id } = await newLead(north);
    const caller = await world.api.ai93(north.organizationId, { scopes: [scope] });
    const reply = await caller.post(`/leads/${id}/replies`, { message: 'x' });
    expectFlatError(reply, 403, 'missing_scope', 'API key lacks required scope: leads:write');
  });
});

test('keys that may only write record a reply, and read none', async () => {
  const { id } = await newLead(north);
  for (const reach of ['organization', 'workspace'] as const) {
    const owner = reach === 'workspace' ? world.workspace : north;
    const writer = await world.api.ai93(owner.organizationId, { scopes: ['leads:write'], reach });
    await record(id, { message: 'x' }, writer);
    expectFlatError(await writer.get(`/leads/${id}/replies`), 403, 'missing_scope');
  }
});

describe('a change by PATCH', () => {
  test('takes status, tags and notes, each by itself', async () => {
    const made = await newLead(north, { tags: ['a'], notes: 'before' });
    const patch = async (body: object) =>
      expectAnswer(await north.patch(`/leads/${made.id}`, body), 'leads.update').body.lead;
    expect(await patch({ status: 'converted' })).toMatchObject({ status: 'converted', tags: ['a'], notes: 'before' });
    expect(await patch({ tags: [' b ', 'c', 'b'] })).toMatchObject({ status: 'converted', tags: ['b', 'c'] });
    expect(await patch({ notes: null, tags: [] })).toMatchObject({ notes: null, tags: [] });
    expect(await patch({ notes: '☃' })).toEqual(await leadOf(made.id));
  });

  test('to what is so already changes nothing', async () => {
    const made = await newLead(north, { tags: ['a'], notes: 'n' });
    const before = await auditOf(world.api, north);
    const reply = await north.patch(`/leads/${made.id}`, { status: 'new', tags: ['a'], notes: 'n' });
    expect(reply.body).toEqual({ lead: made });
    expect(await auditOf(world.api, north)).toEqual(before);
  });

  test.each([
    [{}, /Nothing to update/],
    [{ status: 'won' }, /status/],
    [{ status: null }, /status/],
    [{ tags: 'a' }, /tags/],
    [{ tags: [''] }, /tags/],
    [{ tags: ['a,b'] }, /tags/],
    [{ tags: [null] }, /tags/],
    [{ tags: Array.from({ length: 101 }, (_, n) => `t${n}`) }, /tags/],
    [{ notes: 5 }, /notes/],
    [{ notes: 'x'.repeat(10_001) }, /notes/],
    [{ displayName: 'x' }, /Unknown field: displayName/],
    [{ handedOffAt: '2026-01-01' }, /Unknown field: handedOffAt/],
  ])('of %j is refused', async (body, message) => {
    const { id } = await newLead(north);
    expectFlatError(await north.patch(`/leads/${id}`, body), 400, 'invalid_request', message);
  });
});
