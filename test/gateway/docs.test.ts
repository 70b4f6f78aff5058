import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Contract } from '../../src/contracts/contract.ts';
import { contracts } from '../../src/contracts/registry.ts';
import { codeOf, errorsOf } from '../../src/gateway/openapi/errors.ts';
import type { OpenApiDocument } from '../../src/gateway/openapi/types.ts';
import type { Reply } from '../support/gateway.ts';
import { createWorld, type Stage, startStage, type World } from './example-world.ts';
import { blocks } from './page-text.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());

const get = (path: string, headers: Record<string, string> = {}): Promise<Reply> =>
  stage.gateway.request('GET', path, { headers });
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const named = contracts.map((contract): [string, Contract] => [contract.name, contract]);

test('who opens the gateway’s address comes to the reference', async () => {
  const { status, headers } = await fetch(`${stage.gateway.url}/`, { redirect: 'manual' });
  expect([status, headers.get('location')]).toEqual([302, '/docs']);
});

describe('the OpenAPI document', () => {
  test.each(named)('of %s is there for everybody', async (name, { basePath, routes, title }) => {
    const path = `/openapi/${name}.json`;
    const reply = await get(path);
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(reply.headers.get('cache-control')).toBe('public, no-cache');
    expect(reply.body.info.title).toBe(title);
    expect(reply.body.servers[0].url).toBe(stage.gateway.url + basePath);
    expect(Object.keys(reply.body.paths)).toHaveLength(new Set(routes.map(({ path }) => path)).size);
    const again = await get(path, { 'If-None-Match': reply.headers.get('etag') ?? '' });
    expect({ status: again.status, text: again.text }).toEqual({ status: 304, text: '' });
    expect((await stage.gateway.request('HEAD', path)).text).toBe('');
  });

  test('below a path that contracts share is that of the key, by its prefix alone, and without one the first', async () => {
    const [eal, ai93] = await Promise.all(
      ['eal', 'ai93'].map(async (name) => (await get(`/openapi/${name}.json`)).text),
    );
    const path = '/api/v1/openapi.json';
    for (const [headers, expected] of [
      [{}, eal],
      [bearer('eal_live_a1b2c3d4...'), eal],
      [bearer('ai93_live_a1b2c3d4...'), ai93],
      [bearer('ai93_test_a1b2c3d4...'), ai93],
      // another path's, and no key at all
      [bearer('ls_a1b2c3d4...'), eal],
      [{ authorization: 'Basic YTpi' }, eal],
    ] as const) {
      const reply = await get(path, headers);
      expect(reply.status).toBe(200);
      expect(reply.text).toBe(expected);
      // or a cache between would give one client's to the other
      expect(reply.headers.get('vary')).toMatch(/\bAuthorization\b/);
      const tag = reply.headers.get('etag') ?? '';
      expect((await get(path, { ...headers, 'if-none-match': tag })).status).toBe(304);
      const other = expected === eal ? bearer('ai93_live_x') : bearer('eal_live_x');
      expect((await get(path, { ...other, 'if-none-match': tag })).status).toBe(200);
    }
  });

  test('is not found under a name that no contract has', async () => {
    for (const path of ['/openapi/nobody.json', '/openapi/eal', '/docs/nobody', '/docs/constructor']) {
      expect((await get(path)).status).toBe(404);
    }
  });
});

/** A page loads nothing, runs nothing, may be kept, and its tags open and close. */
async function expectPage(path: string): Promise<string> {
  const reply = await get(path);
  const html = reply.text;
  expect(reply.status).toBe(200);
  expect(reply.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(reply.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(html).not.toMatch(/<script|<link|<img|<iframe|\ssrc=|\son\w+=|url\(|@import/);
  expect((await get(path, { 'If-None-Match': reply.headers.get('etag') ?? '' })).status).toBe(304);
  const open: string[] = [];
  for (const [, close, name = ''] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
    if (name === 'meta') continue;
    if (!close) open.push(name);
    else expect(open.pop()).toBe(name);
  }
  expect(open).toEqual([]);
  return html;
}

test('/docs lists the APIs, with nothing that leads nowhere', async () => {
  const html = await expectPage('/docs');
  for (const { name, title, basePath } of contracts) {
    expect(html).toContain(`<a href="/docs/${name}">${title}</a>`);
    expect(html).toContain(`<code>${stage.gateway.url}${basePath}</code>`);
  }
  const links = [...html.matchAll(/href="([^"]+)"/g)].map(([, link = '']) => link);
  expect(links).toHaveLength(2 * contracts.length);
  for (const link of links) expect((await get(link)).status, link).toBe(200);
});

describe.each(named)('the page of %s', (name, contract) => {
  const { routes } = contract;
  let html: string;
  let document: OpenApiDocument;
  beforeAll(async () => {
    html = await expectPage(`/docs/${name}`);
    document = (await get(`/openapi/${name}.json`)).body;
  });

  test('has a section and a line of the navigation for every operation, and no link that leads nowhere', () => {
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { operation } of routes) {
      expect(ids).toContain(operation.id);
      expect(html).toContain(`<li><a href="#${operation.id}">`);
    }
    const links = [...html.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    expect(links.filter((id) => !ids.includes(id))).toEqual([]);
    expect(html).not.toMatch(/undefined|\[object /);
  });

  test('says of every scope, error code, event and header what it means', () => {
    for (const scope of Object.keys(contract.scopes)) expect(html).toContain(`<span class="scope">${scope}</span>`);
    for (const event of contract.deliveries.events) {
      expect(html).toContain(`<code>${event.name}</code>`);
      for (const { name } of contract.deliveries.headers(event)) expect(html).toContain(`<code>${name}</code>`);
    }
    for (const { status, example } of errorsOf(contract)) {
      expect(html).toContain(`<span class="status">${status}</span>`);
      expect(html).toContain(`<code>${codeOf(example)}</code>`);
    }
  });

  test('has a curl line for every operation, and each works as it is shown, but for host, key and ids', async ({
    skip,
  }) => {
    const shown = blocks(html, 'curl');
    expect(shown.map(({ section }) => section)).toEqual(
      expect.arrayContaining(routes.map(({ operation }) => operation.id)),
    );
    if (spawnSync('curl', ['--version']).status !== 0) skip('curl is not on this machine');
    for (const { section, code } of shown) {
      const route = routeOf(code);
      const world = await createWorld(stage, contract.name);
      const { status, body } = await run(lineFor(world, route.operation.id, code));
      expect(status, `${section}: ${body}`).toBe(route.status ?? 200);
    }
  });

  /** The route that a line asks for. */
  function routeOf(code: string): Contract['routes'][number] {
    const [, method = 'GET'] = /^curl -X (\w+)/.exec(code) ?? [];
    const [, path = ''] = new RegExp(`'${stage.gateway.url}${contract.basePath}([^'?]*)`).exec(code) ?? [];
    const matching = routes.filter(
      (route) => route.method === method && new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
    );
    // /organizations/me before /organizations/{id}
    const [found] = matching.sort((a, b) => a.path.split('{').length - b.path.split('{').length);
    if (!found) throw new Error(`no route for ${code}`);
    return found;
  }

  /** The line with a key that works and ids that exist. */
  function lineFor(world: World, operationId: string, code: string): string {
    const key = `${contract.name === 'leadscraper' ? 'ls' : `${contract.name}_live`}_a1b2c3d4...`;
    expect(code).toContain(key);
    expect(code).toContain(`'${stage.gateway.url}${contract.basePath}/`);
    let line = code.replace(key, world.keyFor(operationId));
    for (const [shown, real] of Object.entries(world.instead)) line = line.replaceAll(shown, real);
    const route = routes.find(({ operation }) => operation.id === operationId);
    const operation = document.paths[route?.path ?? '']?.[route?.method.toLowerCase() ?? ''];
    const ids = world.idsFor(operationId);
    for (const one of operation?.parameters ?? []) {
      if ('in' in one && one.in === 'path') line = line.replace(String(one.example), ids[one.name] ?? '');
    }
    const sent = operation?.requestBody?.content['application/json']?.example as object | undefined;
    if (sent && line.includes("-d '")) {
      const ready = world.bodyFor(sent) as Record<string, unknown>;
      for (const [field, value] of Object.entries(sent)) {
        if (ready[field] !== value) line = line.replace(JSON.stringify(value), JSON.stringify(ready[field]));
      }
    }
    return line;
  }
});

async function run(line: string): Promise<{ status: number; body: string }> {
  const script = line.replace(/^curl /, `curl -sS -w '\\n%{http_code}' `);
  const { stdout } = await promisify(execFile)('sh', ['-c', script]);
  const [, body = '', status] = /^(.*)\n(\d+)$/s.exec(stdout) ?? [];
  return { status: Number(status), body };
}
