import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ai93 } from '../../src/contracts/ai93/index.ts';
import type { Route } from '../../src/contracts/contract.ts';
import { SOURCE_IDS } from '../../src/domain/sources.ts';
import { type Api, type Caller, expectFlatError, startApi } from '../support/api.ts';

// Whatever an AI93 client does wrong is told in two texts: a code, and a sentence with the field and the reason. Never a 500.
// Paths and keys are in errors-ai93-keys.test.ts.

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
const reads = ai93.routes.filter((route) => route.method === 'GET');
const writes = ai93.routes.filter((route) => route.method !== 'GET');
const lists: [path: string, most: number][] = [
  ['/leads', 500],
  ['/leads.csv', 25_000],
  ['/scrapers/runs', 500],
];
const BODIES: Record<string, object> = {
  'POST /leads': { source: 'manual', displayName: 'Jane Doe' },
  'PATCH /leads/{id}': { notes: 'Call again' },
  'POST /leads/{id}/handoff': { destination: 'krew' },
  'POST /leads/{id}/replies': { message: 'Yes' },
};

/** 400 with a sentence that holds all of these. */
const refused = (reply: Awaited<ReturnType<Caller['get']>>, ...words: (string | RegExp)[]): void => {
  expectFlatError(reply, 400, 'invalid_request');
  for (const word of words) expect(reply.body.message).toMatch(word);
};

describe('a query', () => {
  test.each(lists)('of %s refuses a limit that is no number from 1 to %i', async (path, most) => {
    for (const limit of ['0', String(most + 1), '-1', 'abc', '', '1.5', '1e2', '99999999999', '%00', '5&limit=6']) {
      refused(
        await one.get(`${path}?limit=${limit}`),
        /\blimit\b/,
        limit === '%00' ? /NUL/ : new RegExp(`from 1 to ${most}\\b`),
      );
    }
    expect((await one.get(`${path}?limit=${most}`)).status).toBe(200);
  });

  test.each(named(reads))('of %s refuses an unknown parameter', async (_, route) => {
    for (const name of ['colour', '__proto__', 'constructor', 'Limit', 'organization_id', 'cursor', 'id']) {
      refused(await one.get(`${pathOf(route)}?${name}=1`), /unknown/i, name);
    }
  });

  test.each(named(writes))('of %s is refused', async (name, route) => {
    const reply = await api.send(route.method, `${pathOf(route)}?businessId=x`, { key: one.key, body: BODIES[name] });
    refused(reply, 'Unknown query parameter: businessId.');
  });

  test('refuses values that a filter cannot have', async () => {
    const wrong: [query: string, ...words: (string | RegExp)[]][] = [
      ['status=nope', 'status', 'new, contacted, replied, qualified, converted, lost'],
      ['status=won', 'status'],
      ['status=', 'status'],
      ['status=new&status=lost', 'status'],
      ['source=', 'source', 'blank'],
      [`source=${'a'.repeat(101)}`, 'source', '100'],
      ['target_type=%20', 'target_type', 'blank'],
      ['tag=', 'tag'],
      ['tag=,%20,', 'tag', 'at least one tag'],
      ['q=', 'q', 'blank'],
      ['q=%00', 'q', 'NUL'],
      ['q=%F0%9F', /./],
      [`q=${'a'.repeat(201)}`, 'q', '200'],
      ...['yesterday', '', '2026', '2026-13-01', '2026-02-30', '0000-01-01', 'infinity', '1745783100'].map(
        (time): [string, string, string] => [`since=${time}`, 'since', 'ISO 8601'],
      ),
      ...['', 'nope', 'ld_01kqs7qkw8f9vb3x2m6n4p5q7r', 'biz_', `biz_8${'0'.repeat(25)}`, `biz_${'O'.repeat(26)}`].map(
        (id): [string, string, string] => [`businessId=${id}`, 'businessId', 'must be a business id'],
      ),
    ];
    for (const path of ['/leads', '/leads.csv']) {
      for (const [query, ...words] of wrong) {
        const reply = await one.get(`${path}?${query}`);
        // half a character is read as the sign for one that is missing, which a lead might hold
        if (query.includes('%F0')) expect(reply.status).toBe(200);
        else refused(reply, ...words);
      }
    }
    refused(await one.get('/scrapers/runs?status=done'), 'running, succeeded, partial, failed');
    refused(await one.get('/scrapers/runs?since=nope'), 'since');
  });
});

describe('a body', () => {
  test.each(named(writes))('of %s must be JSON, an object, and hold known fields only', async (name, route) => {
    const send = (body: string, headers?: Record<string, string>) =>
      api.send(route.method, pathOf(route), { key: one.key, body, headers });
    for (const body of ['[]', 'null', '5', '"text"', 'true']) refused(await send(body), /JSON object/);
    for (const body of ['{', '{"a":}', 'a=b', '\0', '{"a":1}{"b":2}', '{"a":NaN}'])
      refused(await send(body), /not valid JSON/);
    for (const field of [
      'colour',
      '__proto__',
      'constructor',
      'organization_id',
      'organizationId',
      'pipeline_stage',
      '😀',
    ]) {
      refused(
        await send(JSON.stringify({ ...BODIES[name], [field]: 1 }).replace('"__proto__":1', '')),
        ...(field === '__proto__' ? [] : [field]),
      );
    }
    refused(await send(`{"__proto__":1}`), '__proto__');
    refused(await send(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), /nested too deeply.*16 levels/);
    expectFlatError(await send(`{"a":"${'a'.repeat(1024 * 1024)}"}`), 413, 'payload_too_large', /1 MiB/);
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'nonsense',
    ]) {
      const reply = await send(JSON.stringify(BODIES[name]), { 'content-type': type });
      expectFlatError(
        reply,
        415,
        'unsupported_media_type',
        'The body must be JSON. (Content-Type: must be application/json)',
      );
    }
    expectFlatError(await send('{}', { 'content-encoding': 'compress' }), 415, 'unsupported_media_type');
  });

  const texts = [5, true, [], {}, '', '   ', '\0', 'a\0b', '\ud800'];
  const objects = [5, true, 'a', []];
  const deep = (levels: number): object => (levels === 0 ? {} : { a: deep(levels - 1) });
  const wrong: [route: string, field: string, values: unknown[]][] = [
    ['POST /leads', 'source', [undefined, null, 'twitter', 'Reddit', ...texts]],
    ['POST /leads', 'targetType', ['nope', '', 5, {}, []]],
    ...['displayName', 'handle', 'company'].map((field): [string, string, unknown[]] => [
      'POST /leads',
      field,
      [...texts, 'a'.repeat(201)],
    ]),
    ['POST /leads', 'email', [...texts, 'a', 'a@b', 'a b@c.de', `${'a'.repeat(250)}@b.co`]],
    ['POST /leads', 'phone', [...texts, '12', '1'.repeat(41)]],
    [
      'POST /leads',
      'context',
      [...objects, { url: 'javascript:alert(1)' }, { url: 5 }, { a: 'a\0b' }, { '\0': 1 }, deep(20)],
    ],
    ['POST /leads', 'businessId', [5, {}, '', 'nope', `ld_${'0'.repeat(26)}`]],
    ['PATCH /leads/{id}', 'status', [null, '', 'nope', 'won', 'NEW', 5, [], {}]],
    ['POST /leads/{id}/handoff', 'destination', [undefined, null, ...texts, 'a'.repeat(201)]],
    ['POST /leads/{id}/handoff', 'metadata', [...objects, { a: '\0' }, deep(20)]],
    ['POST /leads/{id}/replies', 'message', [undefined, null, ...texts, 'a'.repeat(10_001)]],
    ['POST /leads/{id}/replies', 'channel', [...texts, 'a'.repeat(51)]],
    ['POST /leads/{id}/replies', 'receivedAt', [null, 5, '', 'yesterday', '2026-02-30', '0000-01-01', 'infinity']],
    ...['POST /leads', 'PATCH /leads/{id}'].flatMap((route): [string, string, unknown[]][] => [
      [route, 'tags', ['a', {}, [5], [null], [''], [' '], ['a,b'], ['\0'], ['a'.repeat(101)], Array(101).fill('a')]],
      [route, 'notes', [5, {}, [], '\0', 'a'.repeat(10_001)]],
    ]),
  ];

  test.each(wrong)('of %s refuses a wrong %s', async (name, field, values) => {
    const [method = '', path = ''] = name.split(' ');
    for (const value of values) {
      const reply = await api.send(method, path.replace('{id}', lead), {
        key: one.key,
        body: { ...BODIES[name], [field]: value },
      });
      expect.soft(reply.status, JSON.stringify(value)?.slice(0, 80)).toBe(400);
      refused(reply, new RegExp(`\\b${field}\\b`));
    }
  });

  test('of a lead without a source, or of an unknown one, is told which six there are', async () => {
    expect(SOURCE_IDS).toHaveLength(6);
    for (const [source, wrong] of [
      [undefined, 'source is required, and'],
      ['twitter', 'Invalid value for source:'],
    ]) {
      const reply = await one.post('/leads', { source, displayName: 'Jane Doe' });
      expectFlatError(reply, 400, 'invalid_request', `${wrong} must be one of ${SOURCE_IDS.join(', ')}.`);
    }
  });

  test('of a lead must say who it is, and fit its source', async () => {
    for (const who of [{}, { displayName: null }, { email: null, phone: null }, { notes: 'a' }]) {
      refused(await one.post('/leads', { source: 'manual', ...who }), 'displayName', 'email, phone, handle or company');
    }
    refused(
      await one.post('/leads', { source: 'reddit', displayName: 'A', targetType: 'realtor' }),
      'targetType',
      'customer_lead',
    );
    refused(
      await one.post('/leads', { source: 'google_maps', company: 'A', context: { rating: 6 } }),
      'context.rating',
      '5',
    );
  });

  test('may hold a url that means anything, where the source does not say what it is', async () => {
    for (const url of [5, { a: 1 }, ['x'], 'x'.repeat(3000), null, 'no address']) {
      const reply = await one.post('/leads', { source: 'facebook_lead_ad', displayName: 'A', context: { url } });
      expect(reply.status, reply.text).toBe(201);
      expect(reply.body.lead.context).toEqual({ url });
    }
    const { rows } = await api.db.admin.query(
      "select distinct source_url from app.leads where source = 'facebook_lead_ad' and source_url is not null",
    );
    expect(rows).toEqual([{ source_url: 'no address' }]);
  });

  test('that changes nothing is refused', async () => {
    for (const body of [{}, undefined])
      refused(await one.patch(`/leads/${lead}`, body), 'Nothing to update', 'status, tags, notes');
  });
});
