import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContractName } from '../../src/security/api-key.ts';
import { documentOf, documents, JSON_TYPE, jsonOf, responseOf } from './documents.ts';
import { createWorld, type Stage, startStage } from './example-world.ts';

// Every example of every document is sent, and every answer held against what is documented.

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());

describe.each(documents)('examples of %s', (_name, { contract, named, faults, parametersOf }) => {
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

  test.each(named)('%s: the request is answered as documented', async (id, { route, operation, pointer }) => {
    const world = await createWorld(stage, contract.name);
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

  test('health is answered without a key, as the first contract of the path says', async () => {
    const { operation } = documentOf(contract.name).operation('health.get');
    expect(operation.security).toEqual([{}, { bearer: [] }]);
    const reply = await stage.gateway.request('GET', `${contract.basePath}/health`);
    expect(reply.status).toBe(200);
    const pointer = ['paths', '/health', 'get', 'responses', '200', 'content', JSON_TYPE, 'schema'];
    expect(faults(pointer, reply.body)).toEqual([]);
  });
});

test.each(documentOf('eal').named)('eal %s: is as the document prints it', (id, { operation, route }) => {
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

test('registering a URL again is answered 200 as documented', async () => {
  const { operation: find, faults } = documentOf('eal');
  const world = await createWorld(stage, 'eal');
  const { operation, pointer } = find('webhooks.create');
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

/** Rows that are exported as the example of the CSV shows them, by contract and operation. */
const exported: [ContractName, string, string][] = [
  [
    'eal',
    'audit_log.export',
    `insert into audit.platform_events (id, organization_id, action, source, correlation_id, payload, created_at)
     select uuid_v.id, $1, 'lead.updated', 'api', 'corr_z3p7w2', '{"diff": {"lead_score": {"to": 92, "from": 87}}}', now() from (select uuidv7() as id) as uuid_v`,
  ],
  [
    'ai93',
    'leads.export',
    `insert into app.leads (organization_id, source, name, email, phone, pipeline_stage, context, enrichment, tags,
                            handed_off_at, handoff_destination, handoff_metadata)
     values ($1, 'manual', 'Jane Doe', 'jane@example.com', '+15555551234', 'won',
             '{"url": "https://janes-business.com", "roof": "slate"}', '{"industry": "residential"}', '{basement,signed}',
             '2026-05-04T14:00:00Z', 'krew', '{"krewLeadId": "kl_xyz"}')`,
  ],
];

test.each(exported)('%s %s: the CSV is as the example shows it', async (name, id, insert) => {
  const { operation, route } = documentOf(name).operation(id);
  const world = await createWorld(stage, name);
  await stage.db.admin.query(insert, [world.organizationId]);
  const reply = await stage.gateway.request('GET', `/api/v1${route.path}`, { key: world.keyFor(id) });
  expect(reply.status).toBe(200);
  // ids and times of rows are their own
  const plain = (line: string | undefined) =>
    line
      ?.replaceAll(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/g, 'uuid')
      .replaceAll(/\b(ld|biz)_\w{26}\b/g, '$1')
      .replaceAll(/\b20\d\d-\d\d-\d\dT[\d:.]+Z\b/g, 'time');
  const [head, row, ...rest] = String(responseOf(operation, 200).content?.['text/csv']?.example).split('\n');
  expect(rest).toEqual(['']);
  const lines = reply.text.split('\n');
  expect(lines[0]).toBe(head);
  expect(lines.map(plain)).toContain(plain(row));
});
