import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Route } from '../../src/contracts/contract.ts';
import { eal } from '../../src/contracts/eal/index.ts';
import { generateApiKey } from '../../src/security/api-key.ts';
import { expectError, inParallel } from '../support/api.ts';
import { createKey } from '../support/gateway.ts';
import { api, ids, label, one, pathOf, writesWithBody } from './errors-world.ts';

// Whatever a client does wrong is told in the documented envelope: status, stable code, field and reason. Never a 500.
// Queries are in errors-queries.test.ts, AI93's clients in errors-ai93.test.ts.

describe('a body', () => {
  const notObjects = ['[]', 'null', '5', '"text"', 'true', '[{"email":"a@example.com"}]'];
  const notJson = ['{', '{"a":}', "{'a':1}", 'email=a@example.com', '\0', '{"a":1}{"b":2}', '{"a":NaN}'];

  test.each(writesWithBody.map((route) => [label(route), route] as const))(
    'of %s must be JSON, an object, and hold known fields only',
    async (_, route) => {
      const send = (body: string) => api.send(route.method, pathOf(route), { key: one.key, body });
      for (const body of notObjects) {
        expectError(await send(body), 400, 'invalid_request', { reason: 'must be a JSON object' });
      }
      for (const body of notJson) {
        expectError(await send(body), 400, 'invalid_request', { reason: 'is not valid JSON' });
      }
      // what else a tracker tells of a call is kept
      const unknown =
        label(route) === 'POST /calls' ? [] : ['colour', 'constructor', 'toString', 'organization_id', 'id', '😀'];
      for (const field of ['__proto__', ...unknown]) {
        const reply = await send(`{"${field}":${JSON.stringify(randomUUID())}}`);
        expectError(reply, 400, 'invalid_request', { ...(field !== 'id' && { field: expect.any(String) }) });
      }
      const deep = await send(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
      expectError(deep, 400, 'invalid_request', { field: 'a', reason: 'at most 16 levels' });
      const large = await send(`{"a":"${'a'.repeat(1024 * 1024)}"}`);
      expectError(large, 413, 'payload_too_large', {});
    },
  );

  /** what is wrong with a body: field, and the values it must not have */
  const wrong: [method: string, path: () => string, valid: object, field: string, values: unknown[]][] = [];
  const texts = [5, true, [], {}, '', '   ', '\0', 'a\0b', '\ud800', 'a\udc00b'];
  const emails = [...texts, 'a', 'a@b', '@b.co', 'a@', 'a b@c.de', 'a@b@c.de', `${'a'.repeat(250)}@b.co`, 'a@b.co\n'];
  const leads = (field: string, values: unknown[]) => {
    wrong.push(['POST', () => '/leads', { name: 'A', company: 'B' }, field, values]);
    wrong.push(['PATCH', () => `/leads/${ids.leads}`, { timeline: 'now' }, field, values]);
  };
  for (const field of ['name', 'company', 'source', 'industry', 'company_size', 'timeline', 'budget_range']) {
    leads(field, [...texts, 'a'.repeat(201)]);
  }
  for (const field of ['pain_points', 'ai_reasoning']) leads(field, [...texts, 'a'.repeat(10_001)]);
  leads('email', emails);
  leads('lead_score', [-1, 101, 1.5, 1e308, '5', null, true, [], {}]);
  leads('pipeline_stage', ['nope', '', 'NEW', 5, null, [], {}]);

  const child = { name: 'A', primary_admin_email: 'a@example.com' };
  const organization = () => `/organizations/${ids.organizations}`;
  wrong.push(['POST', () => '/organizations', child, 'name', [...texts, undefined, null, 'a'.repeat(201)]]);
  wrong.push(['POST', () => '/organizations', child, 'primary_admin_email', [...emails, undefined, null]]);
  wrong.push(['POST', () => '/organizations', child, 'industry', texts]);
  wrong.push(['PATCH', organization, {}, 'name', [...texts, null]]);
  wrong.push(['PATCH', organization, {}, 'industry', [...texts, null]]);
  for (const [method, path, valid] of [
    ['POST', () => '/organizations', child],
    ['PATCH', organization, {}],
  ] as const) {
    wrong.push([method, path, valid, 'settings', [null, 5, 'a', []]]);
    for (const setting of ['colour', 'constructor', 'a\ud800', ''])
      wrong.push([method, path, valid, 'settings', [{ [setting]: 1 }]]);
    wrong.push([method, path, valid, 'settings', [JSON.parse('{"__proto__":{"timezone":"UTC"}}')]]);
    wrong.push([
      method,
      path,
      valid,
      'settings',
      ['Mars/Olympus', '', 5, {}, [], 'a\0', 'posixrules'].map((timezone) => ({ timezone })),
    ]);
    wrong.push([
      method,
      path,
      valid,
      'settings',
      ['english', 'en_US', 5, [], {}].map((default_locale) => ({ default_locale })),
    ]);
    wrong.push([
      method,
      path,
      valid,
      'settings',
      [true, 'a', [], { a: 1 }, { a: { b: true } }].map((integrations) => ({ integrations })),
    ]);
  }
  const times = ['yesterday', 5, {}, '2026-02-30', '275760-09-13', '0000-01-01', '2020-01-01T00:00:00Z'];
  const names = [null, undefined, 'read', {}, [], [5], ['nope'], ['read', 'nope'], ['\0'], Array(21).fill('read')];
  wrong.push([
    'POST',
    () => '/api-keys',
    { name: 'A', scopes: ['read'] },
    'name',
    [...texts, undefined, 'a'.repeat(101)],
  ]);
  wrong.push(['POST', () => '/api-keys', { name: 'A', scopes: ['read'] }, 'scopes', names]);
  wrong.push(['POST', () => '/api-keys', { name: 'A', scopes: ['read'] }, 'environment', ['prod', null, 5]]);
  wrong.push(['POST', () => '/api-keys', { name: 'A', scopes: ['read'] }, 'expires_at', times]);
  wrong.push([
    'POST',
    () => `/api-keys/${ids['api-keys']}/rotate`,
    {},
    'overlap_hours',
    [-1, 721, 'a', null, [], 1e308],
  ]);

  const webhook = { url: 'https://hooks.example.com/other', events: ['lead.created'] };
  const urls = [
    null,
    5,
    '',
    'nope',
    'ftp://example.com/',
    'https://',
    'https://10.0.0.1/',
    'https://user:pw@example.com/',
    'javascript:alert(1)',
    `https://example.com/${'a'.repeat(2048)}`,
    'https://exa\0mple.com/',
  ];
  const events = [
    null,
    'lead.created',
    {},
    [],
    [5],
    ['nope'],
    ['lead.created', 'job.completed'],
    ['\0'],
    Array(101).fill('lead.created'),
  ];
  for (const [method, path, valid] of [
    ['POST', () => '/webhooks', webhook],
    ['PATCH', () => `/webhooks/${ids.webhooks}`, {}],
  ] as const) {
    wrong.push([method, path, valid, 'url', urls]);
    wrong.push([method, path, valid, 'events', events]);
    wrong.push([method, path, valid, 'description', [5, {}, 'a'.repeat(501), '\0']]);
    wrong.push([
      method,
      path,
      valid,
      'retry_schedule',
      ['1m', ['1'], ['1m', null], ['-1m'], ['1 minute'], Array(25).fill('1m')],
    ]);
  }
  wrong.push(['PATCH', () => `/webhooks/${ids.webhooks}`, {}, 'enabled', [null, 'true', 1]]);
  wrong.push(['POST', () => `/webhooks/${ids.webhooks}/test`, {}, 'event', ['lead.updated', 'nope', 5, '', '\0']]);
  wrong.push([
    'POST',
    () => `/webhooks/${ids.webhooks}/recover`,
    {},
    'since',
    [undefined, null, ...times.slice(0, -1)],
  ]);

  test.each(
    wrong.map((each) => [`${each[0]} ${each[1].toString().replace(/.*'\/|.*`\/|[`']/g, '/')}`, each[3], each] as const),
  )('of %s refuses a wrong %s', async (_label, field, [method, path, valid, , values]) => {
    await inParallel(values, async (value) => {
      const reply = await api.send(method, path(), { key: one.key, body: { ...valid, [field]: value } });
      expect.soft(reply.status, JSON.stringify(value)?.slice(0, 100)).toBe(400);
      expectError(reply, 400, 'invalid_request', {
        field: expect.stringMatching(new RegExp(`^${field}(\\.|$)`)) as unknown as string,
        reason: expect.any(String),
      });
    });
  });

  test('of a grant is refused when it is wrong, before anybody is granted anything', async () => {
    const parent = await api.organization();
    const granting = await api.organization({ parent: parent.organizationId });
    const valid = { parent_organization_id: parent.organizationId, scopes: ['leads.read'] };
    const grants = `/organizations/${granting.organizationId}/grants`;
    const cases: [string, unknown[]][] = [
      ['parent_organization_id', [undefined, null, 'nope', 5, randomUUID(), granting.organizationId]],
      ['scopes', [undefined, null, [], 'leads.read', ['leads.write'], ['*'], [null], Array(21).fill('leads.read')]],
      ['expires_at', times],
    ];
    for (const [field, values] of cases) {
      for (const value of values) {
        expectError(await granting.post(grants, { ...valid, [field]: value }), 400, 'invalid_request', {
          field: expect.stringMatching(new RegExp(`^${field}(\\.|$)`)) as unknown as string,
        });
      }
    }
    expect((await api.db.admin.query('select from app.grants')).rowCount).toBe(0);
  });

  test.each([
    ['/organizations', {}, 'name'],
    ['/organizations', { name: 'A' }, 'primary_admin_email'],
    ['/webhooks', {}, 'url'],
    ['/webhooks', { url: 'https://example.com' }, 'events'],
    ['/api-keys', { scopes: ['read'] }, 'name'],
  ])('to %s says of a field that is not there that it is required: %o', async (path, body, field) => {
    const reply = await one.post(path, body);
    expectError(reply, 400, 'invalid_request', { field, reason: 'is required' });
    expect(reply.body.error.message).toContain(`${field} is required, and must be `);
  });

  test('of a lead must say who it is', async () => {
    for (const body of [{}, { name: 'A' }, { company: 'B' }, { source: 'website' }, { email: null, name: 'A' }]) {
      expectError(await one.post('/leads', body), 400, 'invalid_request', {
        field: 'email',
        reason: 'email, or name and company, is required',
      });
    }
  });

  test('that changes nothing is refused', async () => {
    for (const path of [`/leads/${ids.leads}`, `/organizations/${ids.organizations}`, `/webhooks/${ids.webhooks}`]) {
      for (const body of [{}, undefined]) {
        expectError(await one.patch(path, body), 400, 'invalid_request', { reason: undefined } as object);
      }
    }
  });

  test('that leaves a lead with nobody in it is refused', async () => {
    const { body } = await one.post('/leads', { email: 'only@example.com' });
    expectError(await one.patch(`/leads/${body.id}`, { email: null }), 400, 'invalid_request', { field: 'email' });
  });

  test('of a huge number is refused, as no number JSON can hold', async () => {
    const send = (body: string) => api.send('POST', '/leads', { key: one.key, body });
    for (const score of ['1e400', '-1e400', '9'.repeat(400), '1e308', '9007199254740993']) {
      expectError(await send(`{"email":"a@example.com","lead_score":${score}}`), 400, 'invalid_request', {
        field: 'lead_score',
      });
    }
  });

  test('of another type is refused with 415, whatever is in it', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
      'text/json',
      'application/jsonp',
      'nonsense',
    ]) {
      const reply = await one.post('/leads', '{"email":"a@example.com"}', { 'content-type': type });
      expectError(reply, 415, 'unsupported_media_type', { field: 'Content-Type' });
    }
    const latin = await one.post('/leads', '{}', { 'content-type': 'application/json; charset=latin1' });
    expectError(latin, 415, 'unsupported_media_type', { field: 'Content-Type' });
    const encoded = await one.post('/leads', '{}', { 'content-encoding': 'compress' });
    expectError(encoded, 415, 'unsupported_media_type', { field: 'Content-Encoding' });
    for (const type of ['application/json', 'Application/JSON; charset=UTF-8', 'application/vnd.api+json']) {
      expect((await one.post('/leads', { email: 'a@example.com' }, { 'content-type': type })).status).toBe(201);
    }
  });

  test('may be compressed, but not to smuggle more than 1 MiB', async () => {
    const send = (body: Buffer) =>
      fetch(`${api.url}/api/v1/leads`, {
        method: 'POST',
        headers: { authorization: `Bearer ${one.key}`, 'content-type': 'application/json', 'content-encoding': 'gzip' },
        body: new Uint8Array(body),
      });
    expect((await send(gzipSync('{"email":"a@example.com"}'))).status).toBe(201);
    expect((await send(gzipSync(`{"name":"${'a'.repeat(5_000_000)}"}`))).status).toBe(413);
    expect((await send(Buffer.from('no gzip'))).status).toBe(400);
  });
});

describe('a path', () => {
  const nobody = () => ({ ...Object.fromEntries(Object.keys(ids).map((name) => [name, randomUUID()])) });
  const withIds = eal.routes.filter((route) => route.path.includes('{'));
  const bodies: Record<string, object> = {
    'PATCH /leads/{id}': { timeline: 'now' },
    'PATCH /calls/{id}': { classification: 'water' },
    'POST /leads/{id}/handoff': { destination: 'A' },
    'POST /leads/{id}/replies': { message: 'A' },
    'PATCH /organizations/{id}': { name: 'A' },
    'POST /organizations/{id}/grants': { parent_organization_id: randomUUID(), scopes: ['leads.read'] },
    'PATCH /webhooks/{id}': { enabled: true },
    'POST /webhooks/{id}/recover': { since: '2026-01-01' },
  };

  test.each(withIds.map((route) => [label(route), route] as const))(
    '%s answers 404 for an id that does not exist, or is no id at all',
    async (_, route) => {
      const strange = [
        'nope',
        '0',
        '%00',
        "'%20or%201=1--",
        '..%2f..',
        '%F0%9F%98%80',
        'a'.repeat(3000),
        `%7B${randomUUID()}%7D`,
        randomUUID().replaceAll('-', ''),
        `whd_${'z'.repeat(26)}`,
      ];
      for (const names of [
        nobody(),
        ...strange.map((id) => Object.fromEntries(Object.keys(ids).map((name) => [name, id]))),
      ]) {
        const reply = await api.send(route.method, pathOf(route, names), {
          key: one.key,
          ...(route.method !== 'GET' && { body: bodies[label(route)] ?? {} }),
        });
        expectError(reply, 404, 'not_found');
      }
    },
  );

  test.each([...new Set(eal.routes.map((route) => route.path))])(
    '%s answers 405 for a method it does not have',
    async (path) => {
      const route = eal.routes.find((one) => one.path === path) as Route;
      // PATCH /organizations/me is a path of its own kind: the organization of which "me" is no id; so is PATCH /calls/stats
      const has = eal.routes.filter((one) => one.path === path).map((one) => one.method);
      for (const method of ['PUT', 'DELETE', 'PATCH', 'POST', 'OPTIONS'].filter((one) => !has.includes(one as 'GET'))) {
        const reply = await api.send(method, pathOf(route), { key: one.key });
        if (['/organizations/me', '/calls/stats'].includes(path) && method === 'PATCH') continue;
        expectError(reply, 405, 'method_not_allowed');
        expect(reply.headers.get('allow')).toBe(has.join(', '));
      }
    },
  );

  test('that is unknown is 404 in the shape of the contract', async () => {
    for (const path of [
      '',
      '/',
      '/nope',
      '/leads/x/y',
      '/Leads',
      '/prospects',
      '/../leads',
      '/leads%2f',
      '/__proto__',
    ]) {
      expectError(await one.get(path), 404, 'not_found');
    }
    for (const path of ['/nope', '/api/v2/leads', '/v1/leads', '/api']) {
      expectError(await api.raw('GET', path, { key: one.key }), 404, 'not_found');
    }
  });

  test('that is no percent-encoding is refused', async () => {
    for (const path of ['/leads/%', '/leads/%zz', '/leads/%E0%A4%A', '/webhooks/%ff/deliveries']) {
      expectError(await one.get(path), 400, 'invalid_request');
    }
    expectError(await one.get('/leads?limit=%zz'), 400, 'invalid_request', { field: 'limit' });
    expectError(await one.get('/leads?source=%00'), 400, 'invalid_request', { field: 'source' });
  });
});

describe('a key', () => {
  test.each(eal.routes.filter((route) => route.path !== '/health').map((route) => [label(route), route] as const))(
    'is needed for %s',
    async (_, route) => {
      const reply = await api.send(route.method, pathOf(route));
      expectError(reply, 401, 'unauthorized');
      expect(reply.headers.get('www-authenticate')).toBe('Bearer');
    },
  );

  test('that is malformed, mistyped, unknown, expired, revoked or another contract’s is refused, also by /health', async () => {
    const expired = await createKey(api.db, one.organizationId);
    await api.db.admin.query("update app.api_keys set expires_at = now() - interval '1 ms' where id = $1", [
      expired.keyId,
    ]);
    const revoked = await createKey(api.db, one.organizationId);
    await api.db.admin.query('update app.api_keys set revoked_at = now() where id = $1', [revoked.keyId]);
    // it reads as one contract's key, and is another's in the database
    const mislaid = await createKey(api.db, one.organizationId);
    await api.db.admin.query("update app.api_keys set contract = 'ai93', scopes = '{leads:read}' where id = $1", [
      mislaid.keyId,
    ]);
    const third = await createKey(api.db, one.organizationId, { contract: 'leadscraper', scopes: ['read'] });
    const typo = one.key.slice(0, 20) + (one.key[20] === 'a' ? 'b' : 'a') + one.key.slice(21);
    const keys = [
      'x',
      'eal_live_',
      typo,
      one.key.slice(0, -1),
      `${one.key}0`,
      one.key.replace('live', 'test'),
      one.key.toUpperCase(),
      'eal_live_a1b2c3d4...',
      generateApiKey('eal', 'live').key,
      expired.key,
      revoked.key,
      mislaid.key,
      third.key,
      'a'.repeat(5000),
    ];
    for (const key of keys) {
      for (const path of ['/health', '/leads', '/nope'])
        expectError(await api.send('GET', path, { key }), 401, 'unauthorized');
    }
  });

  test('is taken from the Authorization header as a bearer token only', async () => {
    const basic = Buffer.from(`${one.key}:`).toString('base64');
    for (const authorization of [
      one.key,
      `Basic ${basic}`,
      `Bearer`,
      `Bearer ${one.key} x`,
      `Token ${one.key}`,
      `Bearer  `,
    ]) {
      expectError(await api.send('GET', '/leads', { headers: { authorization } }), 401, 'unauthorized');
    }
    expectError(await api.send('GET', `/leads?api_key=${one.key}`), 401, 'unauthorized');
    expect((await api.send('GET', '/leads', { headers: { authorization: `bearer ${one.key}` } })).status).toBe(200);
  });

  const NEEDS: Record<string, 'read' | 'write' | 'admin' | 'any'> = {
    'GET /health': 'any',
    'GET /organizations/me': 'read',
    'GET /organizations/me/dispatch-settings': 'read',
    'PATCH /organizations/me/dispatch-settings': 'admin',
    'GET /organizations': 'admin',
    'POST /organizations': 'admin',
    'PATCH /organizations/{id}': 'admin',
    'POST /organizations/{id}/grants': 'admin',
    'DELETE /organizations/{id}/grants/{grant_id}': 'admin',
    'GET /leads': 'read',
    'GET /leads/{id}': 'read',
    'POST /leads': 'write',
    'PATCH /leads/{id}': 'write',
    'POST /leads/{id}/score': 'write',
    'POST /leads/{id}/push-to-crm': 'write',
    'POST /leads/upsert': 'write',
    'POST /leads/{id}/handoff': 'write',
    'POST /leads/{id}/replies': 'write',
    'GET /leads/sources': 'read',
    'GET /calls': 'read',
    'POST /calls': 'write',
    'GET /calls/stats': 'read',
    'GET /calls/{id}': 'read',
    'PATCH /calls/{id}': 'write',
    'GET /audit-log': 'read',
    'GET /audit-log/{id}': 'read',
    'GET /audit-log/export.csv': 'read',
    'GET /webhooks': 'read',
    'GET /webhooks/{id}': 'read',
    'GET /webhooks/{id}/deliveries': 'read',
    'GET /webhooks/{id}/deliveries/{delivery_id}': 'read',
    'POST /webhooks': 'admin',
    'PATCH /webhooks/{id}': 'admin',
    'DELETE /webhooks/{id}': 'admin',
    'POST /webhooks/{id}/rotate-secret': 'admin',
    'POST /webhooks/{id}/test': 'admin',
    'POST /webhooks/{id}/recover': 'admin',
    'POST /webhooks/{id}/deliveries/{delivery_id}/retry': 'admin',
    'GET /connector-vendors': 'read',
    'GET /connectors': 'read',
    'GET /connectors/{vendor}': 'admin',
    'PUT /connectors/{vendor}': 'admin',
    'DELETE /connectors/{vendor}': 'admin',
    'POST /connectors/{vendor}/test': 'admin',
    'POST /connectors/{vendor}/rotate-token': 'admin',
    'POST /connectors/{vendor}/retry': 'admin',
    'GET /api-keys': 'admin',
    'POST /api-keys': 'admin',
    'POST /api-keys/{id}/rotate': 'admin',
    'DELETE /api-keys/{id}': 'admin',
  };
  const RANK = { any: 0, read: 1, write: 2, admin: 3 };

  test.each(eal.routes.map((route) => [label(route), route] as const))(
    'with the wrong scope may not %s',
    async (_, route) => {
      const needed = NEEDS[label(route)];
      expect(needed, 'the scope of every endpoint is stated here').toBeDefined();
      for (const scope of ['read', 'write', 'admin'] as const) {
        const key = await api.key(one.organizationId, [scope]);
        // an id that is not there: what is allowed ends with 404 or 400 at the latest
        const names = Object.fromEntries(Object.keys(ids).map((name) => [name, randomUUID()]));
        const reply = await api.send(route.method, pathOf(route, names), {
          key: key.key,
          ...(route.method !== 'GET' && { body: {} }),
        });
        if (RANK[scope] < RANK[needed as 'read']) expectError(reply, 403, 'forbidden');
        else expect([200, 201, 400, 404], `${scope} key: ${reply.text}`).toContain(reply.status);
      }
    },
  );
});
