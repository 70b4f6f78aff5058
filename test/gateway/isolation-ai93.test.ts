import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, type Caller, expectFlatError, startApi } from '../support/api.ts';
import { createOrganization } from '../support/gateway.ts';
import { furnishBusiness } from './family.ts';

// Two workspaces of two businesses each: whom a locked key and a workspace key of AI93 reach, by every way there is.

interface Business {
  organizationId: string;
  /** biz_… */
  id: string;
  lead: string;
  locked: Caller;
}
interface Workspace {
  organizationId: string;
  id: string;
  key: Caller;
  one: Business;
  two: Business;
}

let api: Api;
let ours: Workspace;
let theirs: Workspace;

const typeId = async (organizationId: string): Promise<string> =>
  (await api.db.admin.query("select app.typeid('biz', $1) as id", [organizationId])).rows[0].id;

async function business(workspace: string): Promise<Business> {
  const organizationId = await createOrganization(api.db, 'Business', workspace);
  const has = await furnishBusiness(api, organizationId);
  return {
    organizationId,
    id: has.business as string,
    lead: has.leads as string,
    locked: await api.ai93(organizationId),
  };
}

async function workspace(): Promise<Workspace> {
  const organizationId = await createOrganization(api.db, 'Workspace');
  const [one, two] = [await business(organizationId), await business(organizationId)];
  const key = await api.ai93(organizationId, { reach: 'workspace' });
  return { organizationId, id: await typeId(organizationId), key, one, two };
}

beforeAll(async () => {
  api = await startApi();
  [ours, theirs] = [await workspace(), await workspace()];
});
afterAll(() => api.stop());

/** Every list, plain and by words and tags (which go another way): the businesses in its answer. */
const LISTS = ['/leads', '/leads?q=secret', '/leads?tag=secret', '/leads?q=storm', '/scrapers/runs'];
const businessesIn = (text: string): string[] => [...new Set(text.match(/biz_\w{26}/g))].sort();
const by = (list: string, id: string): string => `${list}${list.includes('?') ? '&' : '?'}businessId=${id}`;
const plain = LISTS.filter((list) => !list.includes('storm'));
const csv = ['/leads.csv', '/leads.csv?q=secret', '/leads.csv?tag=secret'];

describe('a list', () => {
  test.each([...plain, ...csv])('%s holds the rows of a locked key’s business alone', async (list) => {
    for (const one of [ours.one, ours.two]) {
      expect(businessesIn((await one.locked.get(list)).text)).toEqual([one.id]);
      expect(businessesIn((await one.locked.get(by(list, one.id))).text)).toEqual([one.id]);
    }
  });

  test.each([...plain, ...csv])('%s holds the rows of every business of a workspace key', async (list) => {
    expect(businessesIn((await ours.key.get(list)).text)).toEqual([ours.one.id, ours.two.id].sort());
    expect(businessesIn((await ours.key.get(by(list, ours.two.id))).text)).toEqual([ours.two.id]);
    // the workspace itself is a business without rows here
    const own = await ours.key.get(by(list, ours.id));
    expect([own.status, businessesIn(own.text)]).toEqual([200, []]);
  });

  test.each([...LISTS, ...csv])(
    '%s by a business out of reach is 404, also where there is nothing to read',
    async (list) => {
      const empty = await createOrganization(api.db, 'Empty');
      const nobody = `biz_${'0'.repeat(25)}1`;
      for (const caller of [
        ours.one.locked,
        ours.key,
        await api.ai93(empty),
        await api.ai93(empty, { reach: 'workspace' }),
        // a workspace key that is only said to be one by who it belongs to
        await api.ai93(ours.organizationId),
      ]) {
        const out = [theirs.one.id, theirs.id, nobody];
        if (caller !== ours.key) out.push(ours.two.id);
        for (const id of out) {
          expectFlatError(await caller.get(by(list, id)), 404, 'not_found', /^No such business\..*businessId/);
        }
      }
    },
  );
});

describe('a lead', () => {
  const ways = (id: string): [method: 'get' | 'post' | 'patch', path: string, body?: object][] => [
    ['get', `/leads/${id}`],
    ['get', `/leads/${id}/replies`],
    ['get', `/leads/${id}/handoffs`],
    ['patch', `/leads/${id}`, { notes: 'Secret no more' }],
    ['post', `/leads/${id}/replies`, { message: 'Again' }],
    ['post', `/leads/${id}/handoff`, { destination: 'krew' }],
  ];
  const go = (caller: Caller, [method, path, body]: ReturnType<typeof ways>[number]) =>
    caller[method](path, body as never);

  test('of another business or workspace is 404 by every way, and stays as it is', async () => {
    const rows = async () =>
      (await api.db.admin.query('select to_jsonb(l) as l from app.leads as l order by id')).rows.map(({ l }) => l);
    const before = await rows();
    for (const way of ways(theirs.one.lead)) {
      expectFlatError(await go(ours.key, way), 404, 'not_found', 'No such lead.');
      expectFlatError(await go(ours.one.locked, way), 404, 'not_found', 'No such lead.');
    }
    for (const way of ways(ours.two.lead)) expectFlatError(await go(ours.one.locked, way), 404, 'not_found');
    // an organization's own key is locked to it, though it stands above the business
    const above = await api.ai93(ours.organizationId);
    for (const way of ways(ours.two.lead)) expectFlatError(await go(above, way), 404, 'not_found');
    expect(await rows()).toEqual(before);
  });

  test('of any business of the workspace is open to its key by every way', async () => {
    for (const way of ways(ours.two.lead)) expect((await go(ours.key, way)).status, way.join(' ')).toBeLessThan(300);
    const { body } = await ours.two.locked.get(`/leads/${ours.two.lead}`);
    expect(body.lead).toMatchObject({ notes: 'Secret no more', replyCount: 2, handoffDestination: 'krew' });
    // the events and the audit log of the business tell of it, under the key that did it
    const { rows } = await api.db.admin.query(
      "select distinct payload ->> 'key_id' as key from audit.platform_events where organization_id = $1 and source = 'api'",
      [ours.two.organizationId],
    );
    expect(rows.map(({ key }) => key)).toContain(ours.key.keyId);
  });

  test('is made where the key reaches, and nowhere else', async () => {
    const lead = { source: 'manual', displayName: 'New' };
    const made = async (caller: Caller, more: object = {}): Promise<string> => {
      const reply = await caller.post('/leads', { ...lead, ...more });
      expect(reply.status, reply.text).toBe(201);
      return reply.body.lead.businessId;
    };
    expect(await made(ours.one.locked)).toBe(ours.one.id);
    expect(await made(ours.one.locked, { businessId: ours.one.id })).toBe(ours.one.id);
    expect(await made(ours.one.locked, { businessId: null })).toBe(ours.one.id);
    expect(await made(ours.key)).toBe(ours.id);
    expect(await made(ours.key, { businessId: ours.two.id })).toBe(ours.two.id);
    const count = async () => (await api.db.admin.query('select from app.leads')).rowCount;
    const before = await count();
    for (const id of [theirs.id, theirs.one.id, `biz_${'0'.repeat(26)}`]) {
      expectFlatError(await ours.key.post('/leads', { ...lead, businessId: id }), 404, 'not_found');
      expectFlatError(await ours.one.locked.post('/leads', { ...lead, businessId: id }), 404, 'not_found');
    }
    for (const id of [ours.two.id, ours.id]) {
      expectFlatError(await ours.one.locked.post('/leads', { ...lead, businessId: id }), 404, 'not_found');
    }
    expect(await count()).toBe(before);
  });
});

test('a header names no other business', async () => {
  const headers = { 'x-organization-id': theirs.one.organizationId };
  expect(businessesIn((await ours.one.locked.get('/leads', headers)).text)).toEqual([ours.one.id]);
  expect((await ours.one.locked.get('/health', headers)).body.businessId).toBe(ours.one.id);
});

test('health says what a key reaches', async () => {
  expect((await ours.key.get('/health')).body).toMatchObject({ reach: 'workspace', businessId: ours.id });
  expect((await ours.one.locked.get('/health')).body).toMatchObject({ reach: 'business', businessId: ours.one.id });
});
