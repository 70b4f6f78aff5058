import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, expectError, inParallel, startApi } from '../support/api.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { createKey, createOrganization, type Reply } from '../support/gateway.ts';

let db: TestDatabase;
let organization: string;

beforeAll(async () => {
  db = await createDatabase();
  organization = await createOrganization(db);
});
afterAll(() => db.drop());

/** A key with the limits that the document prints: 60 a minute, bursts up to 120. */
const freshKey = async (): Promise<string> => (await createKey(db, organization, { limit: null })).key;

const fire = (count: number, send: (index: number) => Promise<Reply>): Promise<Reply[]> =>
  inParallel(Array.from({ length: count }), (_, index) => send(index), 40);

const passed = (replies: Reply[]): number => replies.filter((reply) => reply.status !== 429).length;
const header = (reply: Reply, name: string): number => Number(reply.headers.get(name));

describe.each(['memory', 'postgres'] as const)('limits kept in %s', (rateLimitStore) => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi({ rateLimitStore }, db);
  });
  afterAll(() => api.stop());

  test('of 200 requests at once with a fresh key, exactly 120 pass', async () => {
    const caller = api.as(await freshKey());
    const replies = await fire(200, () => caller.get('/leads?limit=1'));
    expect(passed(replies)).toBe(120);
    expect(new Set(replies.map((reply) => reply.status))).toEqual(new Set([200, 429]));

    const refused = replies.filter((reply) => reply.status === 429);
    for (const reply of refused) {
      expectError(reply, 429, 'rate_limit_exceeded');
      expect(header(reply, 'x-ratelimit-remaining')).toBe(0);
      expect(header(reply, 'retry-after')).toBeGreaterThanOrEqual(1);
      expect(header(reply, 'retry-after')).toBeLessThanOrEqual(60);
      expect(reply.headers.get('ratelimit')).toBe(`"burst";r=0;t=${reply.headers.get('retry-after')}`);
    }
  });

  test('a request more leaves one less, down to none', async () => {
    const caller = api.as(await freshKey());
    const remaining: number[] = [];
    for (let n = 0; n < 122; n++) remaining.push(header(await caller.get('/health'), 'x-ratelimit-remaining'));
    expect(remaining).toEqual([...Array.from({ length: 120 }, (_, n) => 119 - n), 0, 0]);
  });

  test('every answer tells them, errors too', async () => {
    const caller = api.as(await freshKey());
    const replies = [
      await caller.get('/leads'),
      await caller.get('/leads?limit=0'),
      await caller.get('/leads/nope'),
      await caller.get('/nope'),
      await caller.post('/leads', '{'),
      await caller.post('/leads', 'a', { 'content-type': 'text/plain' }),
      await caller.delete('/leads'),
      await caller.get('/audit-log/export.csv'),
      await api.send('GET', '/health'),
      await api.send('GET', '/leads'),
      await api.send('GET', '/leads', { key: 'eal_live_nonsense' }),
      await api.raw('GET', '/rest/v1/leads', { key: caller.key }),
      await api.raw('GET', '/invite/itok_nothing'),
    ];
    expect(replies.map((reply) => reply.status)).toEqual([
      200, 400, 404, 404, 400, 415, 405, 200, 200, 401, 401, 503, 404,
    ]);
    for (const reply of replies) {
      expect(reply.headers.get('x-ratelimit-remaining')).toMatch(/^\d+$/);
      expect(reply.headers.get('ratelimit')).toMatch(/^"burst";r=\d+;t=\d+$/);
      expect(reply.headers.get('ratelimit-policy')).toBe('"sustained";q=60;w=60, "burst";q=120;w=60');
      expect(reply.headers.has('retry-after')).toBe(reply.status === 503);
    }
  });

  test('each key has its own, and a key may have another', async () => {
    const [first, second] = [api.as(await freshKey()), api.as(await freshKey())];
    await fire(130, () => first.get('/health'));
    expect((await first.get('/health')).status).toBe(429);
    expect((await second.get('/health')).status).toBe(200);
    const small = api.as((await createKey(db, organization, { limit: { perMinute: 2, burst: 5 } })).key);
    const replies = await fire(9, () => small.get('/health'));
    expect(passed(replies)).toBe(5);
    expect(replies[0]?.headers.get('ratelimit-policy')).toBe('"sustained";q=2;w=60, "burst";q=5;w=60');
    const steady = api.as((await createKey(db, organization, { limit: { perMinute: 3, burst: 3 } })).key);
    expect(passed(await fire(9, () => steady.get('/health')))).toBe(3);
  });

  test('a refused request does nothing', async () => {
    const caller = api.as((await createKey(db, organization, { limit: { perMinute: 1, burst: 1 } })).key);
    await caller.get('/health');
    const leads = () => db.admin.query('select from app.leads where organization_id = $1', [organization]);
    const before = (await leads()).rowCount;
    expectError(await caller.post('/leads', { email: 'a@example.com' }), 429, 'rate_limit_exceeded');
    expect((await leads()).rowCount).toBe(before);
  });
});

test('two gateways on one database let 120 pass between them', async () => {
  const [a, b] = await Promise.all([
    startApi({ rateLimitStore: 'postgres' }, db),
    startApi({ rateLimitStore: 'postgres' }, db),
  ]);
  const key = await freshKey();
  const replies = await fire(200, (n) => (n % 2 === 0 ? a : b).as(key).get('/leads?limit=1'));
  expect(passed(replies)).toBe(120);
  expect((await a.as(key).get('/health')).status).toBe(429);
  expect((await b.as(key).get('/health')).status).toBe(429);
  await Promise.all([a.stop(), b.stop()]);
});

describe('whoever has no valid key', () => {
  test('is limited by address, so that guessing keys is slow', async () => {
    const api = await startApi({ trustProxy: 'loopback' }, db);
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
    const guesses = await fire(150, (n) =>
      api.send('GET', '/leads', { ...from('203.0.113.5'), ...(n % 3 === 0 && { key: `eal_live_${n}` }) }),
    );
    expect(passed(guesses)).toBe(120);
    expectError(await api.send('GET', '/health', from('203.0.113.5')), 429, 'rate_limit_exceeded');
    expect((await api.send('GET', '/health', from('203.0.113.6'))).status).toBe(200);
    // a valid key is not held up by what others at its address do
    const key = await freshKey();
    expect((await api.send('GET', '/leads', { key, ...from('203.0.113.5') })).status).toBe(200);
    await api.stop();
  });

  test('is one in a whole network of IPv6, of which everybody has an address for each request', async () => {
    const api = await startApi({ trustProxy: 'loopback' }, db);
    const from = (address: string) => api.send('GET', '/health', { headers: { 'x-forwarded-for': address } });
    expect(passed(await fire(150, (n) => from(`2001:db8:0:1:${n}::${n}`)))).toBe(120);
    expect((await from('2001:db8:0:2::1')).status).toBe(200);
    // what stands for an address of IPv4 is that one
    expect(passed(await fire(150, (n) => from(n % 2 ? '::ffff:203.0.113.7' : '203.0.113.7')))).toBe(120);
    expect((await from('::ffff:203.0.113.8')).status).toBe(200);
    await api.stop();
  });

  test('cannot choose its address by a header, unless a proxy is trusted', async () => {
    const api = await startApi({}, db);
    const replies = await fire(150, (n) =>
      api.send('GET', '/health', { headers: { 'x-forwarded-for': `203.0.113.${n}` } }),
    );
    expect(passed(replies)).toBe(120);
    await api.stop();
  });
});
