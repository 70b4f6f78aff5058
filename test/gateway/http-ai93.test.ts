import http from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ai93 } from '../../src/contracts/ai93/index.ts';
import { type Api, type Caller, expectError, expectFlatError, startApi } from '../support/api.ts';
import { createKey } from '../support/gateway.ts';

// What HTTP itself promises an AI93 client: versions, HEAD, compression, request ids, limits, repeats.

let api: Api;
let one: Caller;
let lead: string;

beforeAll(async () => {
  api = await startApi();
  one = await api.ai93((await api.organization()).organizationId);
  lead = (await one.post('/leads', { source: 'manual', displayName: 'Jane Doe' })).body.lead.id;
});
afterAll(() => api.stop());

interface Wire {
  status: number;
  headers: http.IncomingHttpHeaders;
  bytes: Buffer;
}

/** An answer as it is on the wire. */
const wire = (method: string, path: string, headers: Record<string, string> = {}): Promise<Wire> =>
  new Promise((resolve, reject) => {
    const options = { method, headers: { authorization: `Bearer ${one.key}`, ...headers } };
    const request = http.request(`${api.url}/api/v1${path}`, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes: Buffer.concat(chunks) }),
      );
    });
    request.on('error', reject);
    request.end();
  });

const pathOf = (path: string): string => path.replace('{id}', lead);
const under = (key: string) => ({ 'idempotency-key': key });

describe('a single resource', () => {
  const singles = ai93.routes.filter((route) => route.single).map((route) => route.path);

  test('is one of these', () => {
    expect(singles.sort()).toEqual(['/leads/{id}', '/sources']);
  });

  test.each(singles)('%s has an ETag, and is not sent again to who has it', async (template) => {
    const path = pathOf(template);
    const first = await wire('GET', path);
    const tag = first.headers.etag as string;
    expect(tag).toMatch(/^W\/"[\w-]+"$/);
    expect(first.headers['cache-control']).toBe('private, no-cache');
    for (const method of ['GET', 'HEAD']) {
      for (const known of [tag, tag.slice(2), `"other", ${tag}`, '*']) {
        const again = await wire(method, path, { 'if-none-match': known });
        expect([again.status, again.bytes.length, again.headers.etag]).toEqual([304, 0, tag]);
      }
    }
    expect((await wire('GET', path, { 'if-none-match': '"other"' })).status).toBe(200);
  });

  test('has another ETag when it has changed, and none for who may not see it', async () => {
    const path = pathOf('/leads/{id}');
    const tag = (await wire('GET', path)).headers.etag as string;
    await one.post(`${path}/replies`, { message: 'Yes' });
    const changed = await wire('GET', path, { 'if-none-match': tag });
    expect(changed.status).toBe(200);
    expect(changed.headers.etag).not.toBe(tag);
    const stranger = await api.ai93((await api.organization()).organizationId);
    for (const known of [changed.headers.etag as string, '*']) {
      expectFlatError(await stranger.get(path, { 'if-none-match': known }), 404, 'not_found');
    }
  });

  test('lists and changes are not to be kept', async () => {
    for (const path of ['/leads', '/leads.csv', '/scrapers/runs', '/health', '/nope', pathOf('/leads/{id}/replies')]) {
      const reply = await one.get(path);
      expect(reply.headers.get('cache-control'), path).toBe('no-store');
      expect(reply.headers.has('etag'), path).toBe(false);
    }
  });
});

describe('HEAD', () => {
  const gets = ai93.routes.filter((route) => route.method === 'GET').map((route) => route.path);

  test.each(gets)('of %s is its GET without a body', async (template) => {
    const [get, head] = [await wire('GET', pathOf(template)), await wire('HEAD', pathOf(template))];
    expect([get.status, head.status, head.bytes.length]).toEqual([200, 200, 0]);
    for (const name of ['content-type', 'etag', 'cache-control', 'content-disposition']) {
      expect(head.headers[name], name).toBe(get.headers[name]);
    }
  });

  test('of what is not there, or not allowed, has no body either', async () => {
    for (const path of ['/leads/nope', '/leads?limit=0', '/leads.csv?limit=0', '/nope']) {
      const [get, head] = [await wire('GET', path), await wire('HEAD', path)];
      expect([head.status, head.bytes.length]).toEqual([get.status, 0]);
    }
  });
});

test('lists, exports and sources are sent as gzip when asked', async () => {
  await api.db.admin.query(
    "insert into app.leads (organization_id, name, source) select $1, 'Lead ' || n, 'manual' from generate_series(1, 100) as n",
    [one.organizationId],
  );
  for (const path of ['/leads', '/leads.csv', '/sources']) {
    const plain = await wire('GET', path);
    const packed = await wire('GET', path, { 'accept-encoding': 'gzip' });
    expect([plain.headers['content-encoding'], packed.headers['content-encoding']]).toEqual([undefined, 'gzip']);
    expect(packed.bytes.length).toBeLessThan(plain.bytes.length / 3);
    expect(gunzipSync(packed.bytes).equals(plain.bytes)).toBe(true);
  }
});

test('a request id is the client’s on every answer, and in the audit log of what changed', async () => {
  for (const [method, path] of [
    ['GET', '/leads'],
    ['GET', '/leads.csv'],
    ['GET', '/leads?limit=0'],
    ['GET', '/nope'],
    ['DELETE', '/leads'],
  ] as const) {
    expect((await wire(method, path, { 'x-request-id': 'corr_mine' })).headers['x-request-id']).toBe('corr_mine');
  }
  for (const id of ['a b', '<script>']) {
    expect((await wire('GET', '/health', { 'x-request-id': id })).headers['x-request-id']).toMatch(
      /^corr_[0-9a-f]{18,}$/,
    );
  }
  const headers = { 'x-request-id': 'corr_handed_off' };
  await one.post(`/leads/${lead}/handoff`, { destination: 'krew' }, headers);
  const { rows } = await api.db.admin.query(
    "select action, source, payload ->> 'key_id' as key from audit.platform_events where correlation_id = 'corr_handed_off'",
  );
  expect(rows).toEqual([{ action: 'lead.updated', source: 'api', key: one.keyId }]);
});

test('/metrics counts by template of the route, never by id', async () => {
  await one.get(`/leads/${lead}/handoffs`);
  const { text } = await api.raw('GET', '/metrics');
  expect(text).toContain('{method="GET",route="/api/v1/leads/{id}/handoffs",status="200"} ');
  expect(text).not.toContain(lead);
});

describe('limits', () => {
  const tell = (reply: Awaited<ReturnType<Caller['get']>>): string | null => reply.headers.get('ratelimit-policy');

  test('are the contract’s own, told on every answer, errors too', async () => {
    const { perMinute, burst } = ai93.rateLimit;
    const made = await createKey(api.db, one.organizationId, { contract: 'ai93', scopes: ['leads:read'], limit: null });
    const caller = api.as(made.key);
    const paths = ['/leads', '/leads.csv', '/leads?limit=0', '/leads/nope', '/sources', '/nope', '/health'];
    const replies = await Promise.all(paths.map((path) => caller.get(path)));
    expect(replies.map((reply) => reply.status)).toEqual([200, 200, 400, 404, 403, 404, 200]);
    for (const reply of replies) {
      expect(tell(reply)).toBe(`"sustained";q=${perMinute};w=60, "burst";q=${burst};w=60`);
      expect(reply.headers.get('x-ratelimit-remaining')).toMatch(/^\d+$/);
    }
    const remaining = replies.map((reply) => Number(reply.headers.get('x-ratelimit-remaining')));
    expect(Math.min(...remaining)).toBe(burst - paths.length);
  });

  test('of a key may be others, and a refused request does nothing', async () => {
    const limit = { perMinute: 2, burst: 3 };
    const scopes = ['leads:write'];
    const { key } = await createKey(api.db, one.organizationId, { contract: 'ai93', scopes, limit });
    const caller = api.as(key);
    const replies = [];
    const lead = { source: 'manual', displayName: 'Limited' };
    for (let n = 0; n < 5; n++) replies.push(await caller.post('/leads', lead));
    expect(replies.map((reply) => reply.status)).toEqual([201, 201, 201, 429, 429]);
    for (const reply of replies.slice(3)) expectFlatError(reply, 429, 'rate_limit_exceeded');
    expect((await api.db.admin.query("select from app.leads where name = 'Limited'")).rowCount).toBe(3);
  });

  test('hold up who guesses keys, in the shape of what is guessed', async () => {
    const own = await startApi({ trustProxy: 'loopback' }, api.db);
    const from = { 'x-forwarded-for': '203.0.113.9' };
    for (let n = 0; n < 120; n++) await own.send('GET', '/leads', { key: `ai93_live_${n}`, headers: from });
    const guess = { key: 'ai93_live_more', headers: from };
    expectFlatError(await own.send('GET', '/leads', guess), 429, 'rate_limit_exceeded');
    expectError(await own.send('GET', '/leads', { headers: from }), 429, 'rate_limit_exceeded');
    expect((await own.send('GET', '/leads', { key: one.key, headers: from })).status).toBe(200);
    await own.stop();
  });
});

describe('an idempotency key', () => {
  const BODIES: Record<string, object> = {
    '/leads': { source: 'manual', displayName: 'Once' },
    '/leads/{id}/handoff': { destination: 'once' },
    '/leads/{id}/replies': { message: 'Once' },
  };
  const posts = ai93.routes.filter((route) => route.method === 'POST').map((route) => route.path);

  test('is taken by every POST, of locked and of workspace keys', async () => {
    expect(posts.sort()).toEqual(Object.keys(BODIES).sort());
    const workspace = await api.ai93(one.organizationId, { reach: 'workspace' });
    for (const caller of [one, workspace]) {
      for (const template of posts) {
        const send = () =>
          caller.post(pathOf(template), BODIES[template], under(`every ${template}`.replace(' ', '-')));
        const [first, again] = [await send(), await send()];
        expect(first.status, first.text).toBeLessThan(300);
        expect([again.status, again.text]).toEqual([first.status, first.text]);
        expect([first, again].map((reply) => reply.headers.get('idempotent-replayed'))).toEqual([null, 'true']);
      }
    }
    // once for each key
    const { rows } = await api.db.admin.query(
      "select (select count(*)::int from app.leads where name = 'Once') as leads, (select count(*)::int from app.lead_replies where message = 'Once') as replies",
    );
    expect(rows).toEqual([{ leads: 2, replies: 2 }]);
  });

  test('with another request is refused, with a malformed one too', async () => {
    await one.post('/leads', BODIES['/leads'], under('reused'));
    const other = { source: 'manual', displayName: 'Other' };
    expectFlatError(await one.post('/leads', other, under('reused')), 422, 'unprocessable', /Idempotency-Key/);
    for (const key of ['', 'a b', 'a'.repeat(256)]) {
      expectFlatError(await one.post('/leads', other, under(key)), 400, 'invalid_request', /Idempotency-Key/);
    }
    // what failed left nothing behind
    expectFlatError(await one.post('/leads', {}, under('failed')), 400, 'invalid_request');
    expect((await one.post('/leads', other, under('failed'))).status).toBe(201);
  });
});

test('who comes without a key gets Expert AI Labs’ shape where both have the path or neither, and the pulse', async () => {
  expectError(await api.send('GET', '/leads'), 401, 'unauthorized');
  expectError(await api.send('GET', '/leads/ld_abc'), 401, 'unauthorized');
  expectError(await api.send('GET', '/nope'), 401, 'unauthorized');
  const pulse = await api.send('GET', '/health');
  expect(pulse.body).toEqual({ status: 'ok', version: 'v1', timestamp: expect.any(String) });
});

test.each(['/leads.csv', '/leads.csv/', '/sources', '/scrapers/runs?limit=1'])(
  'who comes without a key to %s, which only AI93 has, gets the error that it documents',
  async (path) => {
    expectFlatError(await api.send('GET', path), 401, 'unauthorized', /API key is required/);
    expectFlatError(
      await api.send('GET', path, { headers: { authorization: 'Bearer nonsense' } }),
      401,
      'unauthorized',
    );
    const eal = { authorization: `Bearer eal_live_${'a'.repeat(38)}` };
    expectError(await api.send('GET', path, { headers: eal }), 401, 'unauthorized');
  },
);
