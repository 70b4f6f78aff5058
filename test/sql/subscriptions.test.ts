import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { event as eventShape } from '../../src/contracts/ai93/outputs.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { announced, subscribe } from './announced.ts';
import { addLead, claimsOf, failure, makeOrganization, relay } from './fixtures.ts';

// Who subscribes hears of what it may know: a workspace of all its businesses, a business of itself, each in its contract's shape.

let db: TestDatabase;
let top: string;
let north: string;
let stranger: string;
const endpoints: Record<string, string> = {};

const heard = async (): Promise<string[]> =>
  (await announced(db, endpoints)).map(({ endpoint, type }) => `${endpoint} ${type}`).toSorted();

beforeAll(async () => {
  db = await createDatabase();
  top = await makeOrganization(db, 'Krew');
  north = await makeOrganization(db, 'North', top);
  stranger = await makeOrganization(db, 'Stranger');
  endpoints.all = await subscribe(db, top, { reach: 'workspace' });
  endpoints.top = await subscribe(db, top);
  endpoints.north = await subscribe(db, north);
  endpoints.converted = await subscribe(db, north, { events: ['lead.converted'] });
  endpoints.stranger = await subscribe(db, stranger, { reach: 'workspace' });
  endpoints.eal = await subscribe(db, north, { contract: 'eal', events: ['lead.created', 'lead.updated'] });
});
afterAll(() => db.drop());
beforeEach(() => relay(db));

test('a subscription of a workspace gets every business’ events and its own, a locked one its own, none a stranger’s', async () => {
  await addLead(db, north);
  expect(await heard()).toEqual(['all lead.created', 'eal lead.created', 'north lead.created']);
  await addLead(db, top);
  expect(await heard()).toEqual(['all lead.created', 'top lead.created']);
  await addLead(db, stranger);
  expect(await heard()).toEqual(['stranger lead.created']);
  await addLead(db, await makeOrganization(db, 'A new business', top));
  expect(await heard()).toEqual(['all lead.created']);
  await addLead(db, await makeOrganization(db, 'Below a business', north));
  expect(await heard()).toEqual([]);
});

test('a subscription gets the events it names, each contract its own', async () => {
  const id = await addLead(db, north);
  await relay(db);
  await db.admin.query("update app.leads set pipeline_stage = 'won', notes = 'x' where id = $1", [id]);
  expect(await heard()).toEqual([
    'all lead.converted',
    'all lead.status_changed',
    'converted lead.converted',
    'eal lead.updated',
    'north lead.converted',
    'north lead.status_changed',
  ]);
});

test('a subscription gets a body in its contract’s shape, with one id for the change however many hear of it', async () => {
  const id = await addLead(db, north, 'Jane Doe');
  await db.admin.query(
    'update app.leads set context = \'{"url": "https://example.com"}\', tags = \'{a}\' where id = $1',
    [id],
  );
  await relay(db);
  await db.admin.query("update app.leads set pipeline_stage = 'won' where id = $1", [id]);
  const all = (await announced(db, endpoints)).filter(({ type }) => type === 'lead.converted');
  expect(all.map(({ endpoint }) => endpoint).toSorted()).toEqual(['all', 'converted', 'north']);
  expect(new Set(all.map(({ public_id }) => public_id)).size).toBe(1);
  const { rows } = await db.admin.query('select ai93.lead(l) as lead from app.leads as l where id = $1', [id]);
  for (const { body, public_id } of all) {
    expect(eventShape.parse(body)).toEqual(body);
    // sent to the workspace or to the business, it is the workspace's name
    expect(body).toMatchObject({
      id: public_id,
      type: 'lead.converted',
      consumerWorkspace: 'krew',
      data: rows[0].lead,
    });
  }
});

test('a subscription that is paused has its events kept', async () => {
  const pause = (enabled: boolean) =>
    db.as('tenant', claimsOf(top), 'select app.update_webhook($1, $2)', [endpoints.all, JSON.stringify({ enabled })]);
  await pause(false);
  await relay(db);
  await addLead(db, north);
  expect(await heard()).toEqual(['eal lead.created', 'north lead.created']);
  await pause(true);
  const recovered = await db.as(
    'tenant',
    claimsOf(top),
    "select app.recover_webhook($1, now() - interval '1 hour') as n",
    [endpoints.all],
  );
  expect(recovered).toEqual([{ n: '1' }]);
  expect((await heard()).filter((one) => one.startsWith('all'))).toEqual(['all lead.created']);
});

test('a subscription of a business that leaves the workspace hears of it no more', async () => {
  const business = await makeOrganization(db, 'Leaving', top);
  await db.admin.query('update app.organizations set parent_organization_id = $2 where id = $1', [business, stranger]);
  await relay(db);
  await addLead(db, business);
  expect(await heard()).toEqual(['stranger lead.created']);
});

test('a subscription names only events of its contract', async () => {
  for (const [contract, event] of [
    ['ai93', 'lead.updated'],
    ['ai93', 'lead.deleted'],
    ['eal', 'lead.converted'],
  ] as const) {
    expect(await failure(subscribe(db, north, { contract, events: [event] }))).toMatchObject({
      code: 'PT400',
      detail: { field: 'events' },
    });
  }
});

test('a subscription of a workspace that comes back as a locked one gets nothing of what its businesses did meanwhile', async () => {
  const id = await subscribe(db, top, { reach: 'workspace' });
  const claims = claimsOf(top);
  await db.as('tenant', claims, 'select app.delete_webhook($1)', [id]);
  await addLead(db, north);
  const own = await addLead(db, top);
  await relay(db);
  const [again] = await db.as(
    'tenant',
    claims,
    `select made.created, (made.endpoint).id, (made.endpoint).reach
       from app.webhook_endpoints as e, app.register_webhook(e.contract, e.url, e.events, null, null, uuidv7(), 'x', 'whsec_test') as made
      where e.id = $1`,
    [id],
  );
  expect(again).toEqual({ created: true, id, reach: 'organization' });
  const sent = (await announced(db, { id })).filter(({ endpoint }) => endpoint === 'id');
  const { rows } = await db.admin.query("select app.typeid('ld', $1) as id", [own]);
  expect(sent.map(({ body }) => body.data.id)).toEqual([rows[0].id]);
});
