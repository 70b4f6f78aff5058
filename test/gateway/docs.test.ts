import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contracts } from '../../src/contracts/registry.ts';
import { ERRORS } from '../../src/gateway/openapi/errors.ts';
import type { OpenApiDocument } from '../../src/gateway/openapi/types.ts';
import { ealSignature, generateSigningSecret } from '../../src/webhooks/signing.ts';
import type { Reply } from '../support/gateway.ts';
import { createWorld, type Stage, startStage } from './example-world.ts';

const [contract] = contracts;
const routes = contract?.routes ?? [];
const SHOWN_KEY = 'eal_live_a1b2c3d4...';

let stage: Stage;
let html: string;
let document: OpenApiDocument;
beforeAll(async () => {
  stage = await startStage();
  html = (await get('/docs/eal')).text;
  document = (await get('/openapi/eal.json')).body;
});
afterAll(() => stage.stop());

const get = (path: string, headers: Record<string, string> = {}): Promise<Reply> =>
  stage.gateway.request('GET', path, { headers });

/** What a reader sees of a piece of HTML. */
const textOf = (piece: string): string =>
  piece
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

/** Blocks of code of a kind, each with the section it stands in. */
function blocks(kind: string): { section: string; code: string }[] {
  const sections = html.split(/(?=<section )/);
  return sections.flatMap((part) => {
    const section = /^<section [^>]*id="([^"]+)"/.exec(part)?.[1] ?? '';
    const found = part.matchAll(new RegExp(`<pre class="${kind}"[^>]*>(.*?)</pre>`, 'gs'));
    return [...found].map(([, code]) => ({ section, code: textOf(code ?? '') }));
  });
}

const installed = (command: string): boolean => spawnSync(command, ['--version']).status === 0;

describe('the OpenAPI document', () => {
  test.each(['/openapi/eal.json', '/api/v1/openapi.json'])('is at %s for everybody', async (path) => {
    const reply = await get(path);
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(reply.headers.get('cache-control')).toBe('public, no-cache');
    expect(reply.body.servers[0].url).toBe(`${stage.gateway.url}/api/v1`);
    expect(Object.keys(reply.body.paths)).toHaveLength(new Set(routes.map(({ path }) => path)).size);
    const again = await get(path, { 'If-None-Match': reply.headers.get('etag') ?? '' });
    expect({ status: again.status, text: again.text }).toEqual({ status: 304, text: '' });
    expect((await stage.gateway.request('HEAD', path)).text).toBe('');
  });

  test('is not found under a name that no contract has', async () => {
    for (const path of ['/openapi/nobody.json', '/openapi/eal', '/docs/nobody', '/docs/constructor']) {
      expect((await get(path)).status).toBe(404);
    }
  });
});

describe('the page', () => {
  test('/docs leads to the only contract there is', async () => {
    const reply = await get('/docs');
    if (contracts.length > 1) expect(reply.text).toContain('href="/docs/eal"');
    else expect([reply.status, reply.headers.get('location')]).toEqual([302, '/docs/eal']);
  });

  test('loads nothing, runs nothing, and may be kept', async () => {
    const reply = await get('/docs/eal');
    expect(reply.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(reply.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(html).not.toMatch(/<script|<link|<img|<iframe|\ssrc=|\son\w+=|url\(|@import/);
    expect((await get('/docs/eal', { 'If-None-Match': reply.headers.get('etag') ?? '' })).status).toBe(304);
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
  });

  test('says of every error code and every event what it means', () => {
    for (const name of Object.keys(document.webhooks)) expect(html).toContain(`<code>${name}</code>`);
    for (const [status, { example }] of Object.entries(ERRORS)) {
      if (!contract) throw new Error('there is no contract');
      expect(html).toContain(`<span class="status">${status}</span>`);
      expect(html).toContain(`<code>${example(contract).code}</code>`);
    }
  });

  test('has tags that open and close', () => {
    const open: string[] = [];
    for (const [, close, name = ''] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
      if (name === 'meta') continue;
      if (!close) open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  });
});

describe('every curl line', () => {
  test('is there for every operation', () => {
    const sections = blocks('curl').map(({ section }) => section);
    expect(sections).toEqual(expect.arrayContaining(routes.map(({ operation }) => operation.id)));
  });

  test('works as it is shown, but for host, key and ids', async ({ skip }) => {
    if (!installed('curl')) skip('curl is not on this machine');
    for (const { section, code } of blocks('curl')) {
      const route =
        routes.find(({ operation }) => operation.id === section) ??
        routes.find(({ operation }) => operation.id === (code.includes('-X POST') ? 'leads.create' : 'leads.get'));
      const world = await createWorld(stage);
      const { status, body } = await run(lineFor(world, route?.operation.id ?? '', code));
      expect(status, `${section}: ${body}`).toBe(code.includes('-X POST') ? (route?.status ?? 200) : 200);
    }
  });

  /** The line with a key that works and ids that exist. */
  function lineFor(world: Awaited<ReturnType<typeof createWorld>>, operationId: string, code: string): string {
    expect(code).toContain(SHOWN_KEY);
    expect(code).toContain(`'${stage.gateway.url}/api/v1/`);
    let line = code.replace(SHOWN_KEY, world.keyFor(operationId));
    const route = routes.find(({ operation }) => operation.id === operationId);
    const operation = document.paths[route?.path ?? '']?.[route?.method.toLowerCase() ?? ''];
    const ids = world.idsFor(operationId);
    for (const one of operation?.parameters ?? []) {
      if ('in' in one && one.in === 'path') line = line.replace(String(one.example), ids[one.name] ?? '');
    }
    const sent = operation?.requestBody?.content['application/json']?.example as object | undefined;
    if (sent && line.includes("-d '")) {
      const ready = world.bodyFor(sent) as Record<string, unknown>;
      for (const [name, value] of Object.entries(sent)) {
        if (ready[name] !== value) line = line.replace(JSON.stringify(value), JSON.stringify(ready[name]));
      }
    }
    return line;
  }

  async function run(line: string): Promise<{ status: number; body: string }> {
    const script = line.replace(/^curl /, `curl -sS -w '\\n%{http_code}' `);
    const { stdout } = await promisify(execFile)('sh', ['-c', script]);
    const [, body = '', status] = /^(.*)\n(\d+)$/s.exec(stdout) ?? [];
    return { status: Number(status), body };
  }
});

describe.each([
  ['receiver-node', process.execPath, 'receiver.mjs'],
  ['receiver-python', 'python3', 'receiver.py'],
])('the %s', (kind, command, file) => {
  const secret = generateSigningSecret();
  const body = JSON.stringify({ id: 'evt_5f1c8a324d65e2b8', type: 'lead.created', data: { name: 'Zoë' } });
  let folder: string;
  let receiver: ChildProcess | undefined;
  let url: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'trunkline-receiver-'));
    if (!installed(command)) return;
    const port = await freePort();
    url = `http://127.0.0.1:${port}/webhook`;
    const [shown] = blocks(kind);
    writeFileSync(join(folder, file), shown?.code ?? '');
    const env = { ...process.env, WEBHOOK_SECRET: secret, PORT: String(port) };
    receiver = spawn(command, [join(folder, file)], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    await answering(url);
  });
  afterAll(() => {
    receiver?.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  const post = async (signature: string | undefined, sent = body): Promise<number> => {
    const headers = {
      'content-type': 'application/json',
      ...(signature !== undefined && { 'x-eal-signature': signature }),
    };
    return (await fetch(url, { method: 'POST', headers, body: sent })).status;
  };
  const now = () => Math.floor(Date.now() / 1000);
  const signed = (secrets: string[], timestamp = now()) => ealSignature({ timestamp, body, secrets });

  test('takes what we sign, during a rotation too, and nothing else', async ({ skip }) => {
    if (!receiver) skip(`${command} is not on this machine`);
    const printed: string[] = [];
    receiver?.stdout?.on('data', (chunk) => printed.push(String(chunk)));
    const other = generateSigningSecret();
    expect(await post(signed([secret]))).toBe(204);
    expect(await post(signed([other, secret]))).toBe(204);
    expect(await post(signed([secret]), body.replace('Zoë', 'Zoe'))).toBe(400);
    expect(await post(signed([other]))).toBe(400);
    expect(await post(signed([secret], now() - 600))).toBe(400);
    expect(await post(signed([secret], now() + 600))).toBe(400);
    for (const nonsense of ['', 'v1', 't=,v1=', 't=abc,v1=00', `t=${now()}`, `t=${now()},v1=ÿ`, undefined]) {
      expect(await post(nonsense)).toBe(400);
    }
    await expect.poll(() => printed.join('').trim().split(/\s+/)).toEqual(['lead.created', 'lead.created']);
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function answering(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const answered = await fetch(url, { method: 'POST', body: '{}' }).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the receiver does not answer');
}
