import { afterAll, beforeAll, expect, test } from 'vitest';
import { ai93 } from '../../src/contracts/ai93/index.ts';
import { type Api, type Caller, inParallel, startApi } from '../support/api.ts';
import { seeded } from '../support/seeded.ts';

// Requests of AI93 made of whatever comes: each is answered, never with a failure of ours, and refused in two texts.

let api: Api;
let locked: Caller;
let workspace: Caller;
let lead: string;

beforeAll(async () => {
  api = await startApi();
  const { organizationId } = await api.organization();
  locked = await api.ai93(organizationId);
  workspace = await api.ai93(organizationId, { reach: 'workspace' });
  lead = (await locked.post('/leads', { source: 'manual', displayName: 'Jane' })).body.lead.id;
});
afterAll(() => api.stop());

const TEXTS = [
  '',
  ' ',
  'a',
  '\0',
  '\ud83d',
  '2026-01-01',
  '9999-12-31T23:59:59Z',
  'a@b.co',
  'x'.repeat(300),
  '+1 (555) 555-1234',
];
const ODD = [
  "'; select 1; --",
  '$1',
  '%',
  '_',
  '\\',
  '"',
  '%s',
  '\u202e',
  '\u0130',
  'a,b',
  ',',
  'new',
  'reddit',
  'manual',
  '1',
  '500',
  '0011',
  'İß',
];
const SCALARS: unknown[] = [null, true, 0, -1, 1.5, 1e308, ...TEXTS, ...ODD, 'biz_01kmb0a6h2e3f4g5h6j7k8m9n0'];
const FIELDS = [
  'source',
  'targetType',
  'displayName',
  'email',
  'phone',
  'handle',
  'company',
  'context',
  'tags',
  'notes',
  'businessId',
];
const OTHERS = [
  'status',
  'destination',
  'metadata',
  'message',
  'channel',
  'receivedAt',
  'since',
  'tag',
  'q',
  'target_type',
  'limit',
  'id',
  '__proto__',
];

test('is answered, never with a failure of ours', async () => {
  const random = seeded(20_260_504);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const value = (depth = 0): unknown => {
    const roll = random();
    if (depth > 3 || roll < 0.7) return pick(SCALARS);
    const many = Array.from({ length: Math.floor(random() * 3) });
    if (roll < 0.85) return many.map(() => value(depth + 1));
    return Object.fromEntries(many.map(() => [String(pick(SCALARS)), value(depth + 1)]));
  };
  /** what makes some of the requests right but for the rest */
  const RIGHT: Record<string, object> = {
    '/leads': { source: 'manual', displayName: 'A' },
    '/leads/{id}/handoff': { destination: 'a' },
    '/leads/{id}/replies': { message: 'a' },
  };
  const requests = Array.from({ length: 1000 }, () => {
    const route = pick(ai93.routes);
    const names = Array.from({ length: Math.floor(random() * 4) }, () => pick([...FIELDS, ...OTHERS]));
    const given = {
      ...(random() < 0.7 && RIGHT[route.path]),
      ...Object.fromEntries(names.map((name) => [name, value()])),
    };
    const id = random() < 0.7 ? lead : encodeURIComponent(String(pick(SCALARS)).toWellFormed()) || 'x';
    const path = route.path.replace('{id}', id);
    const query = names.map((name) => `${name}=${encodeURIComponent(String(pick(SCALARS)).toWellFormed())}`).join('&');
    return route.method === 'GET'
      ? { method: 'GET', path: `${path}?${query}` }
      : { method: route.method, path, body: JSON.stringify(given) };
  });
  const statuses = new Set<number>();
  await inParallel(requests, async ({ method, path, body }, index) => {
    const { key } = index % 2 === 0 ? locked : workspace;
    const reply = await api.send(method, path, { key, body });
    const what = `${method} ${path} ${body ?? ''} ${reply.text}`;
    statuses.add(reply.status);
    expect(reply.status, what).toBeLessThan(500);
    if (reply.status >= 400)
      expect(reply.body, what).toEqual({ error: expect.any(String), message: expect.stringMatching(/\S/) });
  });
  // the requests are neither all wrong nor all right
  for (const status of [200, 201, 400, 404]) expect(statuses).toContain(status);
});

test('that is an endless address is refused at once', async () => {
  const began = process.cpuUsage();
  const email = `x@${'.'.repeat(100_000)}@`;
  expect((await locked.post('/leads', { source: 'manual', email })).status).toBe(400);
  const { user, system } = process.cpuUsage(began);
  expect((user + system) / 1e6).toBeLessThan(2);
});

test('that is searched for is found alike by the list and the export, and by a locked and a workspace key', async () => {
  const texts = [...TEXTS, ...ODD].filter((text) => text.isWellFormed() && !text.includes('\0') && /\S/.test(text));
  for (const [index, text] of texts.entries()) {
    const body = { source: 'manual', displayName: `Odd ${index}`, notes: `before ${text} after`.slice(0, 200) };
    expect((await locked.post('/leads', body)).status).toBe(201);
  }
  const counts: number[] = [];
  for (const field of ['q', 'tag', 'source', 'target_type']) {
    for (const text of texts) {
      const query = `${field}=${encodeURIComponent(text)}`;
      const list = await locked.get(`/leads?${query}`);
      if (text === ',' && field === 'tag') expect(list.status).toBe(400);
      if (list.status === 400) continue;
      expect(list.status, query).toBe(200);
      expect((await workspace.get(`/leads?${query}`)).body, query).toEqual(list.body);
      for (const caller of [locked, workspace]) {
        const ids = (await caller.get(`/leads.csv?${query}`)).text.match(/(?<=^")ld_\w{26}/gm) ?? [];
        expect(ids, query).toEqual(list.body.leads.map(({ id }: { id: string }) => id));
      }
      if (field === 'q') counts.push(list.body.count);
    }
  }
  // each text is in at least the lead that was made of it, but for what is cut off
  expect(counts.filter((count) => count === 0).length).toBeLessThanOrEqual(1);
});
