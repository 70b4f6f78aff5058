import http from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eal } from '../../src/contracts/eal/index.ts';
import { type Api, type Caller, startApi } from '../support/api.ts';

let api: Api;
let one: Caller;
let ids: Record<string, string>;

beforeAll(async () => {
  api = await startApi();
  one = await api.organization();
  const lead = await one.post('/leads', { name: 'Sarah Mitchell', email: 'sarah@example.com' });
  const call = await one.post('/calls', { caller_number: '+14045550173' });
  const webhook = await one.post('/webhooks', { url: 'https://hooks.example.com/', events: ['lead.created'] });
  const entry = await one.get('/audit-log?limit=1');
  await one.put('/connectors/public-tool', {});
  ids = {
    leads: lead.body.id,
    calls: call.body.id,
    webhooks: webhook.body.id,
    'audit-log': entry.body.data[0].id,
    connectors: 'public-tool',
  };
});
afterAll(() => api.stop());

/** An answer as it is on the wire. */
const wire = (
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: http.IncomingHttpHeaders; bytes: Buffer }> =>
  new Promise((resolve, reject) => {
    const request = http.request(`${api.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${one.key}`, ...headers },
    });
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes: Buffer.concat(chunks) }),
      );
    });
    request.on('error', reject);
    request.end();
  });

describe('a single resource', () => {
  const singles = eal.routes.filter((route) => route.single).map((route) => route.path);

  test('is one of these', () => {
    expect(singles.sort()).toEqual([
      '/audit-log/{id}',
      '/calls/{id}',
      '/connectors/{vendor}',
      '/leads/{id}',
      '/organizations/me',
      '/organizations/me/dispatch-settings',
      '/webhooks/{id}',
    ]);
  });

  test.each(singles)('%s has an ETag, and is not sent again to who has it', async (template) => {
    const path = template.replace(/\{\w+\}/, ids[template.split('/')[1] as string] as string);
    const first = await wire('GET', path);
    const tag = first.headers.etag as string;
    expect(tag).toMatch(/^W\/"[\w-]+"$/);
    expect(first.headers['cache-control']).toBe('private, no-cache');
    for (const known of [tag, tag.slice(2), `"other", ${tag}`, '*']) {
      const again = await wire('GET', path, { 'if-none-match': known });
      expect([again.status, again.bytes.length]).toEqual([304, 0]);
      expect(again.headers.etag).toBe(tag);
    }
    expect((await wire('GET', path, { 'if-none-match': '"other"' })).status).toBe(200);
    // fetch adds Cache-Control: no-cache to every request with If-None-Match
    expect((await one.get(path, { 'if-none-match': tag })).status).toBe(304);
  });

  test('has another ETag when it has changed', async () => {
    const path = `/leads/${ids.leads}`;
    const tag = (await wire('GET', path)).headers.etag as string;
    await one.patch(path, { name: 'Sarah M.' });
    const changed = await wire('GET', path, { 'if-none-match': tag });
    expect(changed.status).toBe(200);
    expect(changed.headers.etag).not.toBe(tag);
  });

  test('does not tell who has no right to it that it is unchanged', async () => {
    const path = `/leads/${ids.leads}`;
    const tag = (await wire('GET', path)).headers.etag as string;
    const stranger = await api.organization();
    for (const known of [tag, '*']) {
      expect((await stranger.get(path, { 'if-none-match': known })).status).toBe(404);
      expect((await api.send('GET', path, { headers: { 'if-none-match': known } })).status).toBe(401);
    }
  });

  test('lists and changes are not to be kept', async () => {
    for (const path of ['/leads', '/audit-log', '/webhooks', '/health', '/nope', '/audit-log/export.csv']) {
      const reply = await one.get(path);
      expect(reply.headers.get('cache-control'), path).toBe('no-store');
      expect(reply.headers.has('etag'), path).toBe(false);
    }
  });
});

describe('compression', () => {
  beforeAll(async () => {
    await api.db.admin.query(
      "insert into app.leads (organization_id, name, company) select $1, 'Lead ' || n, 'Company' from generate_series(1, 100) as n",
      [one.organizationId],
    );
  });

  test.each(['/leads?limit=100', '/audit-log?limit=100', '/audit-log/export.csv'])(
    '%s is sent as gzip when asked',
    async (path) => {
      const plain = await wire('GET', path);
      expect(plain.headers['content-encoding']).toBeUndefined();
      const packed = await wire('GET', path, { 'accept-encoding': 'gzip' });
      expect(packed.headers['content-encoding']).toBe('gzip');
      expect(packed.headers.vary).toMatch(/accept-encoding/i);
      expect(packed.bytes.length).toBeLessThan(plain.bytes.length / 3);
      expect(gunzipSync(packed.bytes).equals(plain.bytes)).toBe(true);
    },
  );
});

describe('a request id', () => {
  const shown = async (given?: string): Promise<string | undefined> =>
    (await wire('GET', '/health', given === undefined ? {} : { 'x-request-id': given })).headers[
      'x-request-id'
    ] as string;

  test('is the client’s, when it is fit for logs and headers', async () => {
    for (const id of ['corr_z3p7w2', 'a', '01JQ4N8P2W7S8T9V0W1X2Y3Z4A', 'a.b:c-d_e', 'x'.repeat(128)]) {
      expect(await shown(id)).toBe(id);
    }
  });

  test('is made otherwise, another for each request', async () => {
    const ids = [];
    for (const id of [undefined, undefined, '', ' ', 'a b', '-a', 'x'.repeat(129), '<script>', 'a"b', '=1+1', 'é']) {
      ids.push(await shown(id));
    }
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^corr_[0-9a-f]{18,}$/);
  });

  test('is on every answer, and the correlation_id of what the request changed', async () => {
    for (const [method, path] of [
      ['GET', '/nope'],
      ['GET', '/leads?limit=0'],
      ['DELETE', '/leads'],
      ['GET', '/audit-log/export.csv'],
    ] as const) {
      const reply = await wire(method, path, { 'x-request-id': 'corr_mine' });
      expect(reply.headers['x-request-id']).toBe('corr_mine');
    }
    const made = await one.post('/leads', { email: 'id@example.com' });
    const id = made.headers.get('x-request-id');
    const { body } = await one.get('/audit-log?action=lead.created&limit=1');
    expect(body.data[0]).toMatchObject({
      correlation_id: id,
      source: 'api',
      payload: { lead_id: made.body.id, key_id: one.keyId },
    });
  });
});

describe('HEAD', () => {
  test.each(
    eal.routes
      .filter((route) => route.method === 'GET' && !route.path.includes('delivery_id'))
      .map((route) => route.path),
  )('of %s is its GET without a body', async (template) => {
    const path = template.replace(/\{\w+\}/, ids[template.split('/')[1] as string] as string);
    const [get, head] = [await wire('GET', path), await wire('HEAD', path)];
    expect([head.status, head.bytes.length]).toEqual([get.status, 0]);
    expect(get.status).toBe(200);
    for (const name of ['content-type', 'etag', 'cache-control', 'content-disposition']) {
      expect(head.headers[name], name).toBe(get.headers[name]);
    }
  });

  test('of what is not there, or not allowed, has no body either', async () => {
    for (const path of ['/leads/nope', '/leads?limit=0', '/nope']) {
      const [get, head] = [await wire('GET', path), await wire('HEAD', path)];
      expect([head.status, head.bytes.length]).toEqual([get.status, 0]);
    }
  });
});

test('no answer says what it runs on, or may be sniffed', async () => {
  for (const path of ['/health', '/nope', '/leads?limit=0']) {
    const { headers } = await wire('GET', path);
    expect(headers['x-powered-by']).toBeUndefined();
    expect(headers.server).toBeUndefined();
    expect(headers['x-content-type-options']).toBe('nosniff');
  }
});

describe('probes', () => {
  test('/livez, /readyz and /metrics answer without a key', async () => {
    expect(await api.raw('GET', '/livez')).toMatchObject({ status: 200, text: 'ok\n' });
    expect(await api.raw('GET', '/readyz')).toMatchObject({
      status: 200,
      body: { status: 'ok', checks: { database: 'ok' } },
    });
    const metrics = await api.raw('GET', '/metrics');
    expect(metrics.status).toBe(200);
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  });

  test('/metrics counts by template of the route, never by id', async () => {
    await one.get(`/leads/${ids.leads}`);
    await one.get('/leads/nope');
    await one.get('/nope/at/all');
    const { text } = await api.raw('GET', '/metrics');
    expect(text).toContain(
      'trunkline_http_request_duration_seconds_count{method="GET",route="/api/v1/leads/{id}",status="404"} ',
    );
    expect(text).toContain('route="unmatched"');
    for (const secret of [...Object.values(ids), one.organizationId, one.keyId, 'nope'])
      expect(text).not.toContain(secret);
  });
});
