import { existsSync, readFileSync } from 'node:fs';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Route } from '../../src/contracts/contract.ts';
import { contracts } from '../../src/contracts/registry.ts';
import { ERRORS } from '../../src/gateway/openapi/errors.ts';
import type { Content, OperationObject, Parameter, Response } from '../../src/gateway/openapi/types.ts';
import { openApiDocument } from '../../src/gateway/openapi.ts';
import { deliveryHeaders } from '../../src/worker/headers.ts';
import { createKey, createOrganization } from '../support/gateway.ts';
import { createWorld, type Stage, startStage } from './example-world.ts';

const [contract] = contracts;
if (!contract) throw new Error('there is no contract');
const document = openApiDocument(contract, { url: 'https://trunkline.test' });

// OpenAPI 3.1 schemas are JSON Schema 2020-12, so a plain validator reads them where they stand
const ajv = new Ajv2020({ strict: false, allErrors: true });
(formats as unknown as (ajv: Ajv2020) => void)(ajv);
ajv.addSchema(document, 'doc');

/** What a value has against the schema at a pointer into the document. */
function faults(pointer: string[], value: unknown): unknown[] {
  const path = pointer.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
  const validate = ajv.getSchema(`doc#/${path}`);
  if (!validate) throw new Error(`no schema at ${path}`);
  return validate(value) ? [] : (validate.errors ?? []);
}

interface Documented {
  route: Route;
  operation: OperationObject;
  pointer: string[];
}
const documented: Documented[] = contract.routes.map((route) => {
  const pointer = ['paths', route.path, route.method.toLowerCase()];
  return { route, operation: document.paths[route.path]?.[route.method.toLowerCase()] as OperationObject, pointer };
});
const named = documented.map((one): [string, Documented] => [one.operation.operationId, one]);

const responseOf = (operation: OperationObject, status: number | string) =>
  operation.responses[String(status)] as Response;
const JSON_TYPE = 'application/json';
const jsonOf = (content: Content | undefined) => content?.[JSON_TYPE];
const parametersOf = (operation: OperationObject): Parameter[] =>
  operation.parameters.map((one) =>
    '$ref' in one ? (document.components.parameters[one.$ref.split('/').at(-1) ?? ''] as Parameter) : one,
  );

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());

describe('the document', () => {
  const lint = async (source: object) =>
    (
      await lintFromString({ source: JSON.stringify(source), config: await createConfig({ extends: ['recommended'] }) })
    ).map(({ ruleId, message, location }) => `${ruleId}: ${message} at ${location[0]?.pointer}`);

  test('has nothing that a public linter finds fault with', async () => {
    expect(await lint(document)).toEqual([]);
    // the linter does look: a document with a fault has one
    expect(await lint({ ...document, paths: { '/x': { get: { operationId: 'x' } } } })).not.toEqual([]);
  });

  test('holds every operation of the contract, and nothing else', () => {
    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { operationId }]) => `${method.toUpperCase()} ${path} ${operationId}`),
    );
    expect(operations.sort()).toEqual(
      contract.routes.map(({ method, path, operation }) => `${method} ${path} ${operation.id}`).sort(),
    );
    expect(new Set(named.map(([id]) => id)).size).toBe(contract.routes.length);
  });

  test('names the scope that the document names', () => {
    const scopes = Object.fromEntries(named.map(([id, { operation }]) => [id, operation['x-required-scope']]));
    expect(scopes).toMatchObject({
      'health.get': undefined,
      'organizations.me': 'read',
      'organizations.list': 'admin',
      'organizations.create': 'admin',
      'organizations.update': 'admin',
      'organizations.grants.create': 'admin',
      'leads.list': 'read',
      'leads.get': 'read',
      'leads.create': 'write',
      'leads.update': 'write',
      'audit_log.list': 'read',
      'audit_log.get': 'read',
      'audit_log.export': 'read',
      'webhooks.list': 'read',
      'webhooks.get': 'read',
      'webhooks.create': 'admin',
      'webhooks.delete': 'admin',
      'webhooks.rotate_secret': 'admin',
      'webhooks.deliveries.list': 'read',
    });
  });

  test('describes every parameter and every field that is sent', () => {
    const bodies = Object.entries(document.components.schemas).filter(([name]) => name.endsWith('Request'));
    const without = [
      ...named.flatMap(([id, { operation }]) =>
        parametersOf(operation).flatMap((one) => (one.description ? [] : [`${id} ${one.name}`])),
      ),
      ...bodies.flatMap(([name, { properties }]) =>
        Object.entries(properties ?? {}).flatMap(([field, { description }]) =>
          description ? [] : [`${name} ${field}`],
        ),
      ),
    ];
    expect(without).toEqual([]);
  });

  test('documents what is read, not how it is written in a query string', () => {
    const parameters = parametersOf(document.paths['/leads']?.get as OperationObject);
    const schemaOf = (name: string) => parameters.find((one) => one.name === name)?.schema;
    expect(schemaOf('limit')).toEqual({ type: 'integer', minimum: 1, maximum: 200, default: 50 });
    expect(schemaOf('start_at')).toEqual({ type: 'string', format: 'date-time' });
    expect(schemaOf('cursor')).toEqual({ type: 'string', maxLength: 512 });
    const [id] = parametersOf(document.paths['/leads/{id}']?.get as OperationObject);
    expect(id).toMatchObject({ name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } });
  });

  test('writes each schema once', () => {
    const inlined = named.flatMap(([id, { operation }]) => {
      const contents = [
        operation.requestBody?.content,
        ...Object.values(operation.responses).map((one) => ('content' in one ? one.content : undefined)),
      ];
      return contents.flatMap((content) => (jsonOf(content) && !jsonOf(content)?.schema.$ref ? [id] : []));
    });
    expect(inlined).toEqual([]);
  });

  test('knows the rule of a new lead', () => {
    const pointer = ['components', 'schemas', 'LeadsCreateRequest'];
    expect(faults(pointer, { email: 'a@example.com' })).toEqual([]);
    expect(faults(pointer, { name: 'A', company: 'B' })).toEqual([]);
    expect(faults(pointer, { name: 'A' })).not.toEqual([]);
    expect(faults(pointer, { email: null })).not.toEqual([]);
    expect(faults(pointer, { email: 'a@example.com', colour: 'red' })).not.toEqual([]);
  });
});

describe('examples of requests and answers', () => {
  test.each(named)('%s: fit their own schemas', (_id, { route, operation, pointer }) => {
    operation.parameters.forEach((one, index) => {
      if ('$ref' in one || one.example === undefined) return;
      expect(faults([...pointer, 'parameters', String(index), 'schema'], one.example)).toEqual([]);
    });
    const request = jsonOf(operation.requestBody?.content);
    if (request) {
      expect(faults([...pointer, 'requestBody', 'content', JSON_TYPE, 'schema'], request.example)).toEqual([]);
    }
    for (const [status, response] of Object.entries(operation.responses)) {
      const json = '$ref' in response ? undefined : jsonOf(response.content);
      if (!json) continue;
      expect(json.example).toBeDefined();
      expect(faults([...pointer, 'responses', status, 'content', JSON_TYPE, 'schema'], json.example)).toEqual([]);
    }
    if (route.output) expect(route.output.safeParse(route.example?.response).error?.issues).toBeUndefined();
  });

  test.each(named)('%s: are as the document prints them', (id, { operation, route }) => {
    const printed = (kind: string): object | undefined => {
      const file = new URL(`../contracts/eal/examples/${id}.${kind}.json`, import.meta.url);
      return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
    };
    const answer = printed('response');
    const request = printed('request');
    // the document's whd_8w3p1m is short for a TypeID
    const long = JSON.stringify(answer)?.replace(/whd_\w+/, 'whd_01kq80ht4hft9sbsqq10cj795n');
    if (answer) expect(JSON.stringify(jsonOf(responseOf(operation, route.status ?? 200).content)?.example)).toBe(long);
    if (request) expect(jsonOf(operation.requestBody?.content)?.example).toEqual(request);
  });

  test.each(named)('%s: the request is answered as documented', async (id, { route, operation, pointer }) => {
    const world = await createWorld(stage);
    const ids = world.idsFor(id);
    const path = route.path.replaceAll(/\{(\w+)\}/g, (_match, name) => ids[name] ?? '');
    const query = new URLSearchParams();
    const headers: Record<string, string> = {};
    for (const { in: place, name, example } of parametersOf(operation)) {
      if (place === 'query' && example !== undefined) query.append(name, String(example));
      if (place === 'header') headers[name] = String(example);
    }
    const example = jsonOf(operation.requestBody?.content)?.example as object | undefined;
    const body = example && world.bodyFor(example);
    const send = (more: Record<string, string> = {}) =>
      stage.gateway.request(route.method, `${contract.basePath}${path}?${query}`.replace(/\?$/, ''), {
        key: world.keyFor(id),
        headers: { ...headers, ...more },
        ...(body && { body }),
      });

    const status = route.status ?? 200;
    const reply = await send();
    expect(reply.status, reply.text).toBe(status);
    const { headers: promised = {}, content } = responseOf(operation, status);
    expect(reply.headers.get('x-request-id')).toBe('order-4711');
    const missing = Object.keys(promised).filter((name) => name !== 'Idempotent-Replayed' && !reply.headers.has(name));
    expect(missing).toEqual([]);
    if (jsonOf(content)) {
      expect(faults([...pointer, 'responses', String(status), 'content', JSON_TYPE, 'schema'], reply.body)).toEqual([]);
      expect(route.output?.safeParse(reply.body).error?.issues).toBeUndefined();
    } else {
      expect(reply.headers.get('content-type')).toMatch(/^text\/csv/);
      const [head] = String(content?.['text/csv']?.example).split('\n');
      expect(reply.text.split('\n')[0]).toBe(head);
    }
    if (route.method === 'POST') {
      const again = await send();
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(again.text).toBe(reply.text);
    }
    if (route.single) {
      const unchanged = await send({ 'If-None-Match': reply.headers.get('etag') ?? '' });
      expect(unchanged.status).toBe(304);
      const lacking = Object.keys(responseOf(operation, 304).headers ?? {}).filter(
        (name) => !unchanged.headers.has(name),
      );
      expect(lacking).toEqual([]);
    }
  });

  test('registering a URL again is answered 200 as documented', async () => {
    const world = await createWorld(stage);
    const { operation, pointer } = new Map(named).get('webhooks.create') as Documented;
    const register = () =>
      stage.gateway.request('POST', '/api/v1/webhooks', {
        key: world.keyFor('webhooks.create'),
        body: jsonOf(operation.requestBody?.content)?.example,
      });
    expect((await register()).status).toBe(201);
    const again = await register();
    expect(again.status).toBe(200);
    expect(faults([...pointer, 'responses', '200', 'content', JSON_TYPE, 'schema'], again.body)).toEqual([]);
  });

  test('health is answered without a key', async () => {
    const { operation, pointer } = new Map(named).get('health.get') as Documented;
    expect(operation.security).toEqual([{}, { bearer: [] }]);
    const reply = await stage.gateway.request('GET', '/api/v1/health');
    expect(reply.status).toBe(200);
    expect(faults([...pointer, 'responses', '200', 'content', JSON_TYPE, 'schema'], reply.body)).toEqual([]);
  });
});

describe('errors', () => {
  const send = (...args: Parameters<Stage['gateway']['request']>) => stage.gateway.request(...args);
  const newKey = async (options: Parameters<typeof createKey>[2] = {}) =>
    (await createKey(stage.db, await createOrganization(stage.db), options)).key;

  /** How each comes about. 500 is a defect, and 503 takes a database that is gone: neither can be had for the asking. */
  const provoked: Record<number, () => Promise<Awaited<ReturnType<typeof send>>>> = {
    400: async () => send('GET', '/api/v1/leads?limit=1000', { key: await newKey() }),
    401: async () => send('GET', '/api/v1/leads', { key: 'eal_live_nonsense' }),
    403: async () =>
      send('POST', '/api/v1/leads', { key: await newKey({ scopes: ['read'] }), body: { email: 'a@example.com' } }),
    404: async () => send('GET', '/api/v1/leads/9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18', { key: await newKey() }),
    409: async () => {
      const key = await newKey();
      const made = await send('POST', '/api/v1/webhooks', {
        key,
        body: { url: 'https://a.example.com/', events: ['lead.created'] },
      });
      await send('PATCH', `/api/v1/webhooks/${made.body.id}`, { key, body: { enabled: false } });
      return send('POST', `/api/v1/webhooks/${made.body.id}/test`, { key });
    },
    413: async () => send('POST', '/api/v1/leads', { key: await newKey(), body: { name: 'x'.repeat(2 ** 20) } }),
    415: async () =>
      send('POST', '/api/v1/leads', { key: await newKey(), body: 'name=A', headers: { 'content-type': 'text/plain' } }),
    422: async () => {
      const key = await newKey();
      const headers = { 'idempotency-key': 'once' };
      await send('POST', '/api/v1/leads', { key, headers, body: { email: 'a@example.com' } });
      return send('POST', '/api/v1/leads', { key, headers, body: { email: 'b@example.com' } });
    },
    429: async () => {
      const key = await newKey({ limit: { perMinute: 60, burst: 60 } });
      const replies = await Promise.all(Array.from({ length: 61 }, () => send('GET', '/api/v1/health', { key })));
      return replies.find(({ status }) => status === 429) ?? (await send('GET', '/api/v1/health', { key }));
    },
  };

  test.each(Object.keys(ERRORS))('%s: fits its schema and is answered as the example says', async (text) => {
    const status = Number(text);
    const name = ERRORS[status]?.name ?? '';
    const pointer = ['components', 'responses', name, 'content', JSON_TYPE, 'schema'];
    const { headers = {}, content } = document.components.responses[name] as Response;
    const example = jsonOf(content)?.example as { error: { code: string; message: string; details: object } };
    expect(faults(pointer, example)).toEqual([]);
    expect(contract.errorSchema.safeParse(example).success).toBe(true);
    const reply = await provoked[status]?.();
    if (!reply) return expect([500, 503]).toContain(status);
    expect(reply.status).toBe(status);
    expect(faults(pointer, reply.body)).toEqual([]);
    expect(Object.keys(headers).filter((header) => !reply.headers.has(header))).toEqual([]);
    // the seconds to wait, and the limits of the key that provoked it, are its own
    if (status === 429) expect(reply.body.error.code).toBe(example.error.code);
    else expect(reply.body).toEqual(example);
  });
});

describe('webhooks', () => {
  const webhooks = Object.entries(document.webhooks);

  test('are the event names that the database knows', async () => {
    const { rows } = await stage.db.admin.query('select type from app.event_types where contract = $1', [
      contract.name,
    ]);
    expect(webhooks.map(([name]) => name).sort()).toEqual(rows.map(({ type }) => type).sort());
    expect(webhooks).toHaveLength(11);
  });

  test.each(webhooks)('%s: the example fits its schema', (name, { post }) => {
    const json = jsonOf(post.requestBody?.content);
    expect(faults(['webhooks', name, 'post', 'requestBody', 'content', JSON_TYPE, 'schema'], json?.example)).toEqual(
      [],
    );
    const event = contract.deliveries.events.find((one) => one.name === name);
    expect(event?.body.safeParse(json?.example).error?.issues).toBeUndefined();
    expect(json?.example).toMatchObject({ type: name });
  });

  test('have the headers that a delivery has', () => {
    const sent = deliveryHeaders(contract.name, {
      eventId: 'evt_5f1c8a324d65e2b8',
      eventType: 'lead.created',
      attemptId: 'whd_1',
      attempt: 1,
      body: Buffer.from('{}'),
      secrets: ['whsec_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6'],
      timestamp: 1_777_311_738,
    });
    const shown = document.webhooks['lead.created']?.post.parameters.flatMap((one) =>
      'name' in one ? [one.name] : [],
    );
    const usual = ['content-type', 'user-agent'];
    expect(shown?.map((name) => name.toLowerCase()).sort()).toEqual(
      Object.keys(sent)
        .filter((name) => !usual.includes(name))
        .sort(),
    );
  });

  test.each(['lead.created', 'lead.updated', 'audit.log.event'])('%s: a real event fits the schema', async (name) => {
    const organization = await createOrganization(stage.db);
    const { key } = await createKey(stage.db, organization);
    const request = (method: string, path: string, body: object) =>
      stage.gateway.request(method, `/api/v1${path}`, { key, body });
    await request('POST', '/webhooks', { url: 'https://a.example.com/', events: [name] });
    const { body: lead } = await request('POST', '/leads', { email: 'a@example.com' });
    await request('PATCH', `/leads/${lead.id}`, { lead_score: 92 });
    await stage.db.as('worker', null, 'select * from app.relay_outbox(1000)');
    const { rows } = await stage.db.admin.query(
      `select app.event_body('eal', e) as body from app.events e where e.organization_id = $1 and e.type = $2`,
      [organization, name],
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const { body } of rows) {
      const pointer = ['webhooks', name, 'post', 'requestBody', 'content', JSON_TYPE, 'schema'];
      expect(faults(pointer, JSON.parse(body))).toEqual([]);
    }
  });
});
