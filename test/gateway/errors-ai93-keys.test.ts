import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ai93 } from '../../src/contracts/ai93/index.ts';
import type { Route } from '../../src/contracts/contract.ts';
import { eal } from '../../src/contracts/eal/index.ts';
import { generateApiKey } from '../../src/security/api-key.ts';
import { type Api, type Caller, expectError, expectFlatError, startApi } from '../support/api.ts';
import { createKey } from '../support/gateway.ts';

// Where an AI93 client may not go: paths, methods, keys and scopes, each refused in the shape of its own contract.

let api: Api;
let one: Caller;
let lead: string;

beforeAll(async () => {
  api = await startApi();
  one = await api.ai93((await api.organization()).organizationId);
  lead = (await one.post('/leads', { source: 'manual', displayName: 'Jane Doe' })).body.lead.id;
});
afterAll(() => api.stop());

const label = (route: Route): string => `${route.method} ${route.path}`;
const named = (routes: Route[]) => routes.map((route): [string, Route] => [label(route), route]);
const pathOf = (route: Route, id = lead): string => route.path.replace('{id}', id);
const BODIES: Record<string, object> = {
  'POST /leads': { source: 'manual', displayName: 'Jane Doe' },
  'PATCH /leads/{id}': { notes: 'Call again' },
  'POST /leads/{id}/handoff': { destination: 'krew' },
  'POST /leads/{id}/replies': { message: 'Yes' },
};

describe('a path', () => {
  test.each(named(ai93.routes.filter((route) => route.path.includes('{'))))(
    '%s answers 404 for what is no lead',
    async (name, route) => {
      for (const id of [
        'nope',
        '0',
        '%00',
        `ld_${'0'.repeat(26)}`,
        'ld_',
        `biz_${'0'.repeat(26)}`,
        lead.toUpperCase(),
        `${lead}0`,
        "'%20or%201=1--",
        '..%2f..',
        'a'.repeat(3000),
      ]) {
        const reply = await api.send(route.method, pathOf(route, id), {
          key: one.key,
          ...(route.method !== 'GET' && { body: BODIES[name] }),
        });
        expectFlatError(reply, 404, 'not_found', 'No such lead.');
      }
      expectFlatError(
        await api.send(route.method, pathOf(route, '%zz'), {
          key: one.key,
          ...(route.method !== 'GET' && { body: BODIES[name] }),
        }),
        400,
        'invalid_request',
      );
    },
  );

  test.each([...new Set(ai93.routes.map((route) => route.path))])(
    '%s answers 405 for a method it does not have',
    async (path) => {
      const has = ai93.routes.filter((route) => route.path === path).map((route) => route.method);
      for (const method of ['PUT', 'DELETE', 'PATCH', 'POST', 'OPTIONS'].filter(
        (each) => !has.includes(each as 'GET'),
      )) {
        const reply = await api.send(method, path.replace('{id}', lead), { key: one.key });
        expectFlatError(reply, 405, 'method_not_allowed', new RegExp(has.join(', ')));
        expect(reply.headers.get('allow')).toBe(has.join(', '));
      }
    },
  );

  test('that is unknown, or only the other contract’s, is 404 in its own shape', async () => {
    for (const path of [
      '',
      '/',
      '/nope',
      '/Leads',
      '/leads/x/y',
      '/leads.json',
      '/prospects',
      '/organizations/me',
      '/webhooks',
      '/api-keys',
      '/audit-log',
    ]) {
      expectFlatError(await one.get(path), 404, 'not_found', 'There is nothing at this path.');
    }
    // below no contract's path the key still says whose client it is
    for (const path of ['/nope', '/api/v2/leads', '/v1/leads']) {
      expectFlatError(await api.raw('GET', path, { key: one.key }), 404, 'not_found');
    }
  });
});

describe('a key', () => {
  const needing = ai93.routes.filter((route) => route.operation.scope !== null);

  test.each(named(needing))(
    'is needed for %s; who has none is told as the first tells that has the path',
    async (_, route) => {
      const reply = await api.send(route.method, pathOf(route));
      expect(reply.headers.get('www-authenticate')).toBe('Bearer');
      if (eal.routes.some(({ path }) => path === route.path)) expectError(reply, 401, 'unauthorized');
      else expectFlatError(reply, 401, 'unauthorized');
    },
  );

  test('that is malformed, mistyped, unknown, expired, revoked or mislaid is refused in the shape of its prefix', async () => {
    const fresh = () => createKey(api.db, one.organizationId, { contract: 'ai93', scopes: ['leads:read'] });
    const [expired, revoked, mislaid] = [await fresh(), await fresh(), await fresh()];
    const set = (column: string, id: string) =>
      api.db.admin.query(`update app.api_keys set ${column} where id = $1`, [id]);
    await set("expires_at = now() - interval '1 ms'", expired.keyId);
    await set('revoked_at = now()', revoked.keyId);
    await set("contract = 'eal', scopes = '{read}'", mislaid.keyId);
    const typo = one.key.slice(0, 20) + (one.key[20] === 'a' ? 'b' : 'a') + one.key.slice(21);
    const refusals: [key: string, message: string][] = [
      ...[
        'ai93_',
        'ai93_live_',
        typo,
        one.key.slice(0, -1),
        `${one.key}0`,
        one.key.replace('live', 'test'),
        'ai93_live_a1b2c3d4...',
        `ai93_${'a'.repeat(5000)}`,
      ].map((key): [string, string] => [key, 'The API key is invalid.']),
      [generateApiKey('ai93', 'live').key, 'The API key is invalid.'],
      [mislaid.key, 'The API key is invalid.'],
      [expired.key, 'The API key has expired.'],
      [revoked.key, 'The API key has been revoked.'],
    ];
    for (const [key, message] of refusals) {
      for (const path of ['/health', '/leads', '/nope', '/organizations/me']) {
        const reply = await api.send('GET', path, { key });
        expectFlatError(reply, 401, 'unauthorized', message);
        expect(reply.headers.get('www-authenticate')).toBe('Bearer');
      }
    }
    for (const key of [one.key.toUpperCase(), one.key.slice(1), 'x']) {
      expectError(await api.send('GET', '/leads', { key }), 401, 'unauthorized');
    }
  });

  test('that stands alone, or behind another word than Bearer, is told so in the shape of its prefix', async () => {
    for (const authorization of [one.key, `Token ${one.key}`, `  ${one.key} `, `Bearer x ${one.key}`]) {
      for (const path of ['/leads', '/health', '/nope']) {
        const reply = await api.send('GET', path, { headers: { authorization } });
        expectFlatError(reply, 401, 'unauthorized', /must follow the word Bearer/);
      }
    }
  });

  test('of the one contract does not work as the other’s, though both are valid', async () => {
    const eal = await api.organization();
    expectError(await eal.get('/sources'), 404, 'not_found');
    expectError(await eal.get('/leads.csv'), 404, 'not_found');
    expect((await eal.get('/leads')).body).toEqual({ data: [], next_cursor: null });
    expect((await one.get('/leads')).body).toMatchObject({ leads: expect.any(Array), count: expect.any(Number) });
  });

  test.each(named(needing))('without its scope may not %s, and is told which it is', async (name, route) => {
    const needed = (route.operation.scope as string).replace('.', ':');
    for (const scope of Object.keys(ai93.scopes)) {
      for (const reach of ['organization', 'workspace'] as const) {
        const { key } = await api.ai93(one.organizationId, { scopes: [scope], reach });
        const reply = await api.send(route.method, pathOf(route, 'ld_nobody'), {
          key,
          ...(route.method !== 'GET' && { body: BODIES[name] }),
        });
        if (scope !== needed) expectFlatError(reply, 403, 'missing_scope', `API key lacks required scope: ${needed}`);
        else expect([200, 201, 404], `${scope} ${reach}: ${reply.text}`).toContain(reply.status);
      }
    }
    const others = Object.keys(ai93.scopes).filter((scope) => scope !== needed);
    const { key } = await api.ai93(one.organizationId, { scopes: others });
    expectFlatError(
      await api.send(route.method, pathOf(route), { key, ...(route.method !== 'GET' && { body: {} }) }),
      403,
      'missing_scope',
    );
  });

  test('of one scope can do by itself what the scope is for', async () => {
    const only = (scope: string) => api.ai93(one.organizationId, { scopes: [scope] });
    const [writer, hander] = [await only('leads:write'), await only('leads:handoff')];
    const made = await writer.post('/leads', { source: 'manual', displayName: 'Jane' });
    expect(made.status).toBe(201);
    expect((await writer.patch(`/leads/${made.body.lead.id}`, { status: 'contacted' })).status).toBe(200);
    expect((await writer.post(`/leads/${made.body.lead.id}/replies`, { message: 'Yes' })).status).toBe(201);
    expect((await hander.post(`/leads/${made.body.lead.id}/handoff`, { destination: 'krew' })).status).toBe(200);
  });
});

test('too much, and a failure of ours, are told in two texts as well', async () => {
  const { key } = await createKey(api.db, one.organizationId, {
    contract: 'ai93',
    scopes: ['leads:read'],
    limit: { perMinute: 1, burst: 1 },
  });
  await api.send('GET', '/leads', { key });
  const much = await api.send('GET', '/leads', { key });
  expectFlatError(
    much,
    429,
    'rate_limit_exceeded',
    /^Rate limit exceeded\. Retry after \d+ seconds\. \(at most 1 requests a minute/,
  );
  expect(much.headers.get('retry-after')).toMatch(/^\d+$/);

  await api.db.admin.query('alter function ai93.lead rename to lead_away');
  const failed = await one.get(`/leads/${lead}`);
  await api.db.admin.query('alter function ai93.lead_away rename to lead');
  expectFlatError(failed, 500, 'internal_error', 'Something went wrong on our side.');
  expect((await one.get(`/leads/${lead}`)).status).toBe(200);
});
