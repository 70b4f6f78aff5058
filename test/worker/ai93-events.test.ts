import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { event as eventShape } from '../../src/contracts/ai93/outputs.ts';
import { verifyEalSignature } from '../../src/webhooks/signing.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { example, expectHolds } from '../contracts/ai93/example.ts';
import { newLead, startWorld, type World } from '../contracts/ai93/world.ts';
import { cleanUp } from '../start/process.ts';
import type { Caller } from '../support/api.ts';
import { AI93_EVENTS, asRequest, bodyOf, type Subscriber, subscribe } from './ai93-fixtures.ts';
import { verifyAi93 } from './ai93-verifier.ts';
import { everythingSent, startTestWorker } from './fixtures.ts';

// From a change over HTTP to what subscribers get: a workspace, its businesses, a stranger, and a client of Expert AI Labs.

let world: World;
let worker: Worker;
let north: Caller;
let eal: Caller;
const subscribers: Record<string, Subscriber> = {};

beforeAll(async () => {
  world = await startWorld({ withPostgrest: true });
  const { db } = world.api;
  north = world.north;
  eal = await world.api.key(north.organizationId);
  // what is told here is told of a request's own change: leads that are scored after it are changes, too
  worker = await startTestWorker(db, { tasks: { kinds: [] } });
  subscribers.workspace = await subscribe(db, world.workspace.organizationId);
  subscribers.top = await subscribe(db, world.workspace.organizationId, { lock: true });
  subscribers.north = await subscribe(db, north.organizationId, { lock: true });
  // a business is locked to itself without being told
  subscribers.south = await subscribe(db, world.south.organizationId);
  subscribers.stranger = await subscribe(db, world.stranger.organizationId);
  subscribers.eal = await subscribe(db, north.organizationId, {
    contract: 'eal',
    events: ['lead.created', 'lead.updated'],
  });
});
afterAll(async () => {
  await worker?.stop();
  for (const { receiver } of Object.values(subscribers)) await receiver.close();
  await cleanUp();
  await world?.api.stop();
});
beforeEach(forget);

async function forget(): Promise<void> {
  await everythingSent(world.api.db);
  for (const { receiver } of Object.values(subscribers)) receiver.requests.length = 0;
}

/** What each subscriber has got since, by type, once nothing is left to be sent. Every delivery is verified on the way. */
async function heard(): Promise<Record<string, string[]>> {
  await everythingSent(world.api.db);
  const entries: [string, string[]][] = [];
  for (const [name, { receiver, secret }] of Object.entries(subscribers)) {
    for (const request of receiver.requests) {
      if (name === 'eal') {
        const header = request.headers['x-eal-signature'] as string;
        expect(verifyEalSignature({ header, body: request.rawBody, secrets: [secret] })).toBe(true);
        expect(Object.keys(request.headers).filter((header) => header.startsWith('x-ai93'))).toEqual([]);
      } else {
        expect(await verifyAi93(asRequest(request), secret)).toBe(true);
        expect(Object.keys(request.headers).filter((header) => header.startsWith('x-eal'))).toEqual([]);
        expect(eventShape.parse(bodyOf(request))).toEqual(bodyOf(request));
      }
    }
    const types = receiver.requests.map((request) => bodyOf(request).type).toSorted();
    if (types.length > 0) entries.push([name, types]);
  }
  return Object.fromEntries(entries);
}

const both = (...types: string[]) => ({ workspace: types, north: types });

test('a delivery has the document’s headers, and its body the document’s fields', async () => {
  const lead = await newLead(north);
  await heard();
  const [request] = subscribers.north?.receiver.requests ?? [];
  const body = bodyOf(request as never);
  expectHolds({ ...body, data: {} }, example('event'));
  expect(body).toEqual({
    id: expect.stringMatching(/^evt_[0-9a-f]{16}$/),
    type: 'lead.created',
    createdAt: expect.any(String),
    consumerWorkspace: 'krew',
    data: lead,
  });
  expect(request).toMatchObject({
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'AI93Platform/1.0',
      'x-ai93-event': 'lead.created',
      'x-ai93-event-id': body.id,
      'x-ai93-attempt': '1',
      'x-ai93-signature': expect.stringMatching(/^sha256=[0-9a-f]{64}$/),
      'x-ai93-timestamp': expect.stringMatching(/^\d{10}$/),
    },
  });
});

describe('each way of a lead is told of, to who subscribes, once', () => {
  let lead: { id: string };
  beforeEach(async () => {
    lead = await newLead(north);
    await forget();
  });
  const rest = (method: string, path: string, body: object) =>
    world.api.raw(method, `/rest/v1${path}`, { key: eal.key, body });
  const uuidOf = async () =>
    (await world.api.db.admin.query("select app.typeid_uuid('ld', $1) as id", [lead.id])).rows[0].id as string;

  test('status, by PATCH: the data is what GET returns', async () => {
    await north.patch(`/leads/${lead.id}`, { status: 'contacted' });
    expect(await heard()).toEqual({ ...both('lead.status_changed'), eal: ['lead.updated'] });
    const [request] = subscribers.workspace?.receiver.requests ?? [];
    expect(bodyOf(request as never).data).toEqual((await north.get(`/leads/${lead.id}`)).body.lead);
  });

  test('converted, by PATCH of Expert AI Labs: each contract in its own shape', async () => {
    await eal.patch(`/leads/${await uuidOf()}`, { pipeline_stage: 'won' });
    expect(await heard()).toEqual({ ...both('lead.converted', 'lead.status_changed'), eal: ['lead.updated'] });
    const converted = subscribers.north?.receiver.requests.find(
      ({ headers }) => headers['x-ai93-event'] === 'lead.converted',
    );
    expect(bodyOf(converted as never).data).toMatchObject({ id: lead.id, status: 'converted' });
    const [updated] = subscribers.eal?.receiver.requests ?? [];
    expect(bodyOf(updated as never).data).toMatchObject({ id: await uuidOf(), pipeline_stage: 'won' });
  });

  test('converted, in psql and through PostgREST', async () => {
    await rest('PATCH', `/leads?id=eq.${await uuidOf()}`, { pipeline_stage: 'won' });
    expect(await heard()).toEqual({ ...both('lead.converted', 'lead.status_changed'), eal: ['lead.updated'] });
    await forget();
    await world.api.db.admin.query("update app.leads set pipeline_stage = 'lost' where id = $1", [await uuidOf()]);
    expect(await heard()).toEqual({ ...both('lead.status_changed'), eal: ['lead.updated'] });
  });

  test('a reply', async () => {
    await north.post(`/leads/${lead.id}/replies`, { message: 'Yes' });
    expect(await heard()).toEqual({ ...both('lead.replied', 'lead.status_changed'), eal: ['lead.updated'] });
  });

  test('a hand-off, and not the same again', async () => {
    const handOff = () => world.workspace.post(`/leads/${lead.id}/handoff`, example('leads.handoff.request'));
    await handOff();
    expect(await heard()).toEqual({ ...both('lead.handed_off'), eal: ['lead.updated'] });
    const [request] = subscribers.north?.receiver.requests ?? [];
    expect(bodyOf(request as never).data).toMatchObject({
      handoffDestination: 'krew',
      handedOffAt: expect.any(String),
    });
    await forget();
    await handOff();
    expect(await heard()).toEqual({});
  });

  test('and of nothing else', async () => {
    await north.patch(`/leads/${lead.id}`, { notes: 'a note', tags: ['a'], status: 'new' });
    expect(await heard()).toEqual({ eal: ['lead.updated'] });
    await eal.patch(`/leads/${await uuidOf()}`, { lead_score: 99 });
    expect((await heard()).workspace).toBeUndefined();
  });
});

test('whose lead it is decides who hears of it, whichever contract and key made it', async () => {
  const made = { lead: 'lead.created' };
  await eal.post('/leads', { name: 'Through Expert AI Labs', email: 'a@example.com' });
  expect(await heard()).toEqual({ ...both(made.lead), eal: [made.lead] });
  await forget();
  await newLead(world.workspace, { businessId: world.biz(world.south) });
  expect(await heard()).toEqual({ workspace: [made.lead], south: [made.lead] });
  await forget();
  await newLead(world.workspace);
  expect(await heard()).toEqual({ workspace: [made.lead], top: [made.lead] });
  await forget();
  await newLead(world.stranger);
  expect(await heard()).toEqual({ stranger: [made.lead] });
  const [request] = subscribers.stranger?.receiver.requests ?? [];
  expect(bodyOf(request as never).consumerWorkspace).toBe('somebody-else');
});

test('the five are all there are', () => {
  expect(AI93_EVENTS).toEqual(eventShape.shape.type.options);
});
