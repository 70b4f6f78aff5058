import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, type Caller, startApi } from '../support/api.ts';
import { createKey, type Reply } from '../support/gateway.ts';
import { until } from '../support/until.ts';

// The SQL-minded door: the same key, PostgREST's whole language over the api views, the core's rules.

let api: Api;
let one: Caller;
let other: Caller;
let reader: Caller;
let writer: Caller;

const rest = (
  caller: Caller,
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
): Promise<Reply> => api.raw(method, `/rest/v1${path}`, { key: caller.key, body, headers });
const get = (caller: Caller, path: string, headers?: Record<string, string>): Promise<Reply> =>
  rest(caller, 'GET', path, undefined, headers);

/** An error in PostgREST's own shape. */
function expectRefusal(reply: Reply, status: number, code?: string): void {
  expect({ status: reply.status, body: reply.body }).toEqual({
    status,
    body: {
      code: code ?? expect.any(String),
      message: expect.any(String),
      details: reply.body?.details ?? null,
      hint: reply.body?.hint ?? null,
    },
  });
}

beforeAll(async () => {
  api = await startApi({ withPostgrest: true });
  one = await api.organization({ name: 'One' });
  other = await api.organization({ name: 'Other' });
  reader = await api.key(one.organizationId, ['read']);
  writer = await api.key(one.organizationId, ['write']);
  for (const caller of [one, other]) {
    for (const [name, source, lead_score] of [
      ['Ann', 'website', 10],
      ['Bob', 'google_ads', 50],
      ['Cid', 'website', 90],
    ] as const) {
      await caller.post('/leads', { name, company: 'Company', source, lead_score });
    }
  }
});
afterAll(() => api.stop());

const names = (reply: Reply): string[] => reply.body.map((lead: { name: string }) => lead.name);

describe('reading', () => {
  test.each([
    ['/leads?select=name&order=name', ['Ann', 'Bob', 'Cid']],
    ['/leads?select=name&source=eq.website&order=lead_score.desc', ['Cid', 'Ann']],
    ['/leads?select=name&lead_score=gte.50&order=name', ['Bob', 'Cid']],
    ['/leads?select=name&or=(name.eq.Ann,lead_score.gt.80)&order=name', ['Ann', 'Cid']],
    ['/leads?select=name&name=ilike.*B*&order=name', ['Bob']],
    ['/leads?select=name&name=in.(Ann,Cid)&order=name&limit=1&offset=1', ['Cid']],
    ['/leads?select=name&source=not.eq.website', ['Bob']],
    ['/leads?select=name&tags=cs.{vip}', []],
  ])('%s', async (path, expected) => {
    const reply = await get(reader, path);
    expect(reply.status).toBe(200);
    expect(names(reply)).toEqual(expected);
  });

  test('renames, casts and picks out of JSON', async () => {
    const reply = await get(reader, '/leads?select=who:name,score:lead_score::text,ctx:context->>a&name=eq.Ann');
    expect(reply.body).toEqual([{ who: 'Ann', score: '10', ctx: null }]);
  });

  test('embeds what belongs together', async () => {
    const reply = await get(reader, '/leads?select=name,organizations(name)&name=eq.Ann');
    expect(reply.body).toEqual([{ name: 'Ann', organizations: { name: 'One' } }]);
  });

  test('counts, and answers as CSV or a single object, as Prefer and Accept say', async () => {
    const counted = await get(reader, '/leads?select=name&limit=1', { prefer: 'count=exact' });
    expect([counted.status, counted.headers.get('content-range')]).toEqual([206, '0-0/3']);
    const csv = await get(reader, '/leads?select=name,lead_score&order=name', { accept: 'text/csv' });
    expect(csv.text).toBe('name,lead_score\nAnn,10\nBob,50\nCid,90');
    const single = await get(reader, '/leads?select=name&name=eq.Ann', { accept: 'application/vnd.pgrst.object+json' });
    expect(single.body).toEqual({ name: 'Ann' });
    const ranged = await get(reader, '/leads?select=name&order=name', { range: '1-2' });
    expect(names(ranged)).toEqual(['Bob', 'Cid']);
    const head = await rest(reader, 'HEAD', '/leads', undefined, { prefer: 'count=exact' });
    expect([head.status, head.text, head.headers.get('content-range')]).toEqual([200, '', '0-2/3']);
  });

  test.each(['planned', 'estimated'])(
    'counts where a count is to be %s: that tells of everybody’s rows',
    async (count) => {
      const third = await api.organization({ name: 'Third' });
      await api.db.admin.query(
        "insert into app.leads (organization_id, name, company, source) select $1, 'x', 'x', 'trade_fair' from generate_series(1, 500)",
        [third.organizationId],
      );
      await api.db.admin.query('analyze app.leads');
      const asked = await get(other, '/leads?source=eq.trade_fair', { prefer: `return=minimal, count=${count}` });
      expect(asked.headers.get('content-range')).toBe('*/0');
      const own = await get(other, '/leads?source=eq.website&limit=1', { prefer: `count=${count}` });
      expect([own.status, own.headers.get('content-range')]).toEqual([206, '0-0/2']);
    },
  );

  test('shows every view of the api, and of each only one’s own rows', async () => {
    const { body } = await get(reader, '/');
    const views = Object.keys(body.definitions);
    expect(views).toEqual(
      expect.arrayContaining([
        'leads',
        'lead_pipeline',
        'organizations',
        'webhook_health',
        'webhook_deliveries',
        'audit_log',
        'scoring_rules',
      ]),
    );
    for (const view of views) {
      const reply = await get(one, `/${view}`);
      expect(reply.status, view).toBe(200);
      expect(reply.text, view).not.toContain(other.organizationId);
    }
    expect((await get(reader, `/leads?organization_id=eq.${other.organizationId}`)).body).toEqual([]);
  });

  test('the root is an OpenAPI document that reads as documentation', async () => {
    const reply = await get(reader, '/');
    expect(reply.status).toBe(200);
    expect(reply.body.swagger).toBe('2.0');
    expect(reply.body.definitions.leads.description).toMatch(/^Your leads\./);
    expect(reply.body.definitions.leads.properties.pipeline_stage.description).toContain('new | contacted');
    expect(reply.body.paths['/rpc/score_lead'].post.summary).toMatch(/scores one of your leads/i);
    for (const [view, { description }] of Object.entries<{ description: string }>(reply.body.definitions)) {
      expect(description, view).toMatch(/\S/);
    }
  });

  test('keys, secrets and the tables beneath are not there at all', async () => {
    for (const path of ['/api_keys', '/webhook_secrets', '/invitations', '/idempotency_keys', '/grants', '/outbox']) {
      expectRefusal(await get(one, path), 404);
    }
    for (const schema of ['app', 'audit', 'private', 'pg_catalog', 'eal']) {
      expectRefusal(await get(one, '/leads', { 'accept-profile': schema }), 406);
    }
    for (const name of ['create_key', 'authenticate', 'relay_outbox', 'tenant']) {
      expectRefusal(await rest(one, 'POST', `/rpc/${name}`, {}), 404);
    }
  });
});

describe('writing', () => {
  test('a lead is inserted and changed as over HTTP: audited with the key, announced, under the request’s id', async () => {
    const made = await rest(
      writer,
      'POST',
      '/leads',
      { name: 'Dan', company: 'Company' },
      { prefer: 'return=representation', 'x-request-id': 'corr_made' },
    );
    expect(made.status).toBe(201);
    const [{ id }] = made.body;
    expect(made.body[0]).toMatchObject({ organization_id: one.organizationId, name: 'Dan', pipeline_stage: 'new' });
    const changed = await rest(
      writer,
      'PATCH',
      `/leads?id=eq.${id}`,
      { pipeline_stage: 'won', lead_score: 92 },
      { 'x-request-id': 'corr_changed' },
    );
    expect([changed.status, changed.headers.get('x-request-id')]).toEqual([204, 'corr_changed']);

    const { body } = await one.get('/audit-log?limit=2');
    expect(body.data).toMatchObject([
      {
        action: 'lead.updated',
        source: 'api',
        correlation_id: 'corr_changed',
        payload: {
          lead_id: id,
          key_id: writer.keyId,
          diff: { pipeline_stage: { from: 'new', to: 'won' }, lead_score: { from: 0, to: 92 } },
        },
      },
      { action: 'lead.created', correlation_id: 'corr_made', payload: { lead_id: id, key_id: writer.keyId } },
    ]);
    const { rows } = await api.db.admin.query(
      "select action from app.outbox where snapshot ->> 'id' = $1 order by id",
      [id],
    );
    expect(rows.map((row) => row.action)).toEqual(['lead.created', 'lead.updated']);
    expect((await one.get(`/leads/${id}`)).body).toMatchObject({ name: 'Dan', pipeline_stage: 'won', lead_score: 92 });
  });

  test('Prefer says what comes back, and the address of a new row is below the door', async () => {
    const lead = { name: 'Eve', company: 'Company' };
    const minimal = await rest(writer, 'POST', '/leads', lead);
    expect([minimal.status, minimal.text]).toEqual([201, '']);
    const headers = await rest(writer, 'POST', '/leads', lead, { prefer: 'return=headers-only' });
    const location = headers.headers.get('location');
    expect(location).toMatch(/^\/rest\/v1\/leads\?/);
    const both = await rest(writer, 'POST', '/leads?select=name', [lead, { ...lead, name: 'Fay' }], {
      prefer: 'return=representation',
    });
    expect(names(both)).toEqual(['Eve', 'Fay']);
  });

  test('a key that may only read changes nothing', async () => {
    const before = (await get(reader, '/leads?select=id,updated_at&order=id')).text;
    for (const [method, path, body] of [
      ['POST', '/leads', { name: 'X' }],
      ['PATCH', '/leads?name=eq.Ann', { name: 'X' }],
      ['PUT', '/leads?id=eq.1', { name: 'X' }],
      ['DELETE', '/leads?name=eq.Ann', undefined],
      ['POST', '/rpc/score_lead', { lead_id: one.organizationId }],
    ] as const) {
      expectRefusal(await rest(reader, method, path, body), 403, 'forbidden');
    }
    expect((await get(reader, '/leads?select=id,updated_at&order=id')).text).toBe(before);
  });

  test('what only reading should do cannot write by GET either', async () => {
    const [lead] = (await get(reader, '/leads?select=id&limit=1')).body;
    const reply = await get(writer, `/rpc/score_lead?lead_id=${lead.id}`);
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(reply.status).toBeLessThan(500);
  });

  test('columns that are not a client’s to write are refused, and no lead is deleted', async () => {
    const columns = {
      organization_id: other.organizationId,
      id: other.organizationId,
      created_at: '2020-01-01',
      crm_external_id: 'x',
      handed_off_at: '2020-01-01',
    };
    for (const [column, value] of Object.entries(columns)) {
      expectRefusal(await rest(one, 'POST', '/leads', { name: 'X', [column]: value }), 403);
      expectRefusal(await rest(one, 'PATCH', '/leads?name=eq.Ann', { [column]: value }), 403);
    }
    expectRefusal(await rest(one, 'DELETE', '/leads?name=eq.Ann'), 403);
    for (const view of ['audit_log', 'organizations', 'webhook_health', 'webhook_deliveries', 'lead_pipeline']) {
      for (const method of ['POST', 'PATCH', 'DELETE']) {
        const reply = await rest(
          one,
          method,
          `/${view}${method === 'POST' ? '' : '?organization_id=not.is.null'}`,
          method === 'DELETE' ? undefined : { organization_id: one.organizationId },
        );
        expect(reply.status, `${method} ${view}`).toBeGreaterThanOrEqual(400);
        expect(reply.status, `${method} ${view}`).toBeLessThan(500);
      }
    }
  });

  test('another organization’s leads cannot be changed', async () => {
    const [theirs] = (await get(other, '/leads?select=id&name=eq.Ann')).body;
    const reply = await rest(
      one,
      'PATCH',
      `/leads?id=eq.${theirs.id}`,
      { name: 'Mine' },
      { prefer: 'return=representation' },
    );
    expect(reply.body).toEqual([]);
    expect((await get(other, `/leads?select=name&id=eq.${theirs.id}`)).body).toEqual([{ name: 'Ann' }]);
    expectRefusal(await rest(one, 'POST', '/rpc/score_lead', { lead_id: theirs.id }), 404);
  });

  test('only an admin key edits the scoring rules, and they decide at once', async () => {
    const rule = { label: 'Is Bob', predicate: '$.name ? (@ == "Bob")', weight: 0.33 };
    expectRefusal(await rest(writer, 'POST', '/scoring_rules', rule), 403);
    expect((await rest(one, 'POST', '/scoring_rules', rule)).status).toBe(201);
    const [bob] = (await get(writer, '/leads?select=id&name=eq.Bob')).body;
    const scored = await rest(writer, 'POST', '/rpc/score_lead', { lead_id: bob.id });
    expect(scored.status).toBe(200);
    expect(scored.body).toMatchObject([{ id: bob.id, ai_reasoning: expect.stringContaining('Is Bob (+0.33)') }]);
    expect((await rest(one, 'PATCH', '/scoring_rules?label=eq.Is%20Bob', { enabled: false })).status).toBe(204);
    expect((await rest(one, 'DELETE', '/scoring_rules?label=eq.Is%20Bob')).status).toBe(204);
    expect((await rest(writer, 'POST', '/rpc/score_lead', { lead_id: bob.id })).text).not.toContain('Is Bob');
  });
});

describe('a refusal', () => {
  test('of the database has the status that the database states', async () => {
    const missing = await rest(writer, 'POST', '/rpc/score_lead', { lead_id: '00000000-0000-4000-8000-000000000000' });
    expectRefusal(missing, 404);
    expect(missing.body.message).toBe('No such lead.');
    expectRefusal(await rest(writer, 'POST', '/leads', { name: 'A', lead_score: 101 }), 400);
    expectRefusal(await rest(writer, 'POST', '/leads', { colour: 'red' }), 400);
    expectRefusal(await get(reader, '/leads?colour=eq.red'), 400);
    expectRefusal(await get(reader, '/nothing'), 404);
    expectRefusal(await rest(writer, 'POST', '/leads', '{'), 400);
  });

  test('of a key has PostgREST’s shape', async () => {
    const revoked = await createKey(api.db, one.organizationId);
    expect((await api.raw('GET', '/rest/v1/leads', { key: revoked.key })).status).toBe(200);
    await api.db.admin.query('update app.api_keys set revoked_at = now() where id = $1', [revoked.keyId]);
    for (const key of [undefined, 'nonsense', one.key.slice(0, -1), revoked.key]) {
      const reply = await api.raw('GET', '/rest/v1/leads', { key });
      expectRefusal(reply, 401);
      expect(reply.headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  test('cannot be got around by a JWT or a role of one’s own', async () => {
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ role: 'trunkline_owner' })).toString('base64url')}.`;
    expectRefusal(await api.raw('GET', '/rest/v1/leads', { key: none }), 401);
    const reply = await get(reader, '/leads?select=name', {
      'x-role': 'trunkline_owner',
      role: 'trunkline_owner',
      connection: 'x-request-id',
    });
    expect(reply.status).toBe(200);
    expect(reply.text).not.toContain('Other');
  });

  test('of a name that holds a NUL says that there is nothing, as of any other that there is none of', async () => {
    for (const path of ['/leads%00', '/leads%00x?select=id', '/rpc/score_lead%00'])
      expectRefusal(await get(one, path), 404, 'not_found');
    expect((await get(one, '/leads?select=name&name=eq.%00')).status).toBeLessThan(500);
  });

  test('of a cast that tells what roles and tables there are says so', async () => {
    await one.post('/leads', { name: 'x', company: 'x', source: '10' });
    for (const [separator, cast] of [
      ['&', 'source::regrole'],
      ['&', 'source%3A%3AREGROLE'],
      [';', 'source::regrole'],
      ['&', 'id,source::pg_catalog.regrole'],
      ['&', 'source::regclass'],
      ['&', 'source::aclitem'],
      ['&', 'source::_regrole'],
    ])
      expectRefusal(await get(one, `/leads?source=eq.10${separator}select=${cast}`), 400, 'invalid_request');
    const reply = await get(one, '/leads?source=eq.10&select=source::text,name&notes=not.eq.source::regrole');
    expect(reply.status).toBe(200);
  });

  test('of a body over 1 MiB is 413, said or not', async () => {
    const large = JSON.stringify({ name: 'x'.repeat(1024 * 1024) });
    expectRefusal(await rest(writer, 'POST', '/leads', large), 413, 'payload_too_large');
    const chunks = new ReadableStream({
      start(controller) {
        for (let n = 0; n < 3; n++) controller.enqueue(new TextEncoder().encode('x'.repeat(512 * 1024)));
        controller.close();
      },
    });
    const response = await fetch(`${api.url}/rest/v1/leads`, {
      method: 'POST',
      headers: { authorization: `Bearer ${writer.key}`, 'content-type': 'application/json' },
      body: chunks,
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(413);
    expect((await get(reader, '/leads?select=id&limit=1')).status).toBe(200);
  });
});

describe('a parent', () => {
  test('names the child it reads in X-Organization-Id, and reads under a grant', async () => {
    const child = await api.organization({ name: 'Child', parent: one.organizationId });
    await child.post('/leads', { name: 'Childs lead', company: 'C' });
    const naming = { 'x-organization-id': child.organizationId };
    expectRefusal(await get(one, '/leads?select=name', naming), 404);
    await child.post(`/organizations/${child.organizationId}/grants`, {
      parent_organization_id: one.organizationId,
      scopes: ['leads.read'],
    });
    expect(names(await get(one, '/leads?select=name', naming))).toEqual(['Childs lead']);
    expect(names(await get(one, '/leads?select=name'))).not.toContain('Childs lead');
    expectRefusal(await get(one, '/audit_log', naming), 404);
    expectRefusal(await get(other, '/leads', naming), 404);
    expectRefusal(await rest(one, 'POST', '/leads', { name: 'X' }, naming), 403);
    expectRefusal(await rest(one, 'PATCH', '/leads?name=eq.Childs%20lead', { name: 'X' }, naming), 403);
    expectRefusal(await get(one, '/leads', { 'x-organization-id': 'nope' }), 400, 'invalid_request');
  });
});

describe('the door', () => {
  test('takes a request that names the whole address, as those to a proxy do', async () => {
    const { hostname, port } = new URL(api.url);
    const asked = (path: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const lines = [`GET http://elsewhere.example${path} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${one.key}`];
        const socket = connect(Number(port), hostname, () =>
          socket.write(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`),
        );
        text(socket).then(resolve, reject);
      });
    expect(await asked('/rest/v1/leads?select=name&name=eq.Ann')).toMatch(/^HTTP\/1.1 200 .*\[\{"name":"Ann"\}\]/s);
    expect(await asked('/rest/v1/nowhere')).toMatch(/^HTTP\/1.1 404 /);
    // which it has an error for in its own shape
    expect(await asked('/rest/v1/%00')).toMatch(/^HTTP\/1.1 404 .*"hint":null/s);
  });

  test('carries request ids and limits, and keeps nothing', async () => {
    const { key } = await createKey(api.db, one.organizationId, { limit: { perMinute: 2, burst: 3 } });
    const replies = [];
    for (let n = 0; n < 5; n++) {
      replies.push(await api.raw('GET', '/rest/v1/leads?limit=1', { key, headers: { 'x-request-id': `corr_${n}` } }));
    }
    expect(replies.map((reply) => reply.status)).toEqual([200, 200, 200, 429, 429]);
    expect(replies.map((reply) => reply.headers.get('x-ratelimit-remaining'))).toEqual(['2', '1', '0', '0', '0']);
    expect(replies.map((reply) => reply.headers.get('x-request-id'))).toEqual([0, 1, 2, 3, 4].map((n) => `corr_${n}`));
    expect(replies.map((reply) => reply.headers.get('cache-control'))).toEqual(Array(5).fill('no-store'));
    expectRefusal(replies[3] as Reply, 429, 'rate_limit_exceeded');
  });

  test('stays open for others while an organization asks what takes for ever, and does not wait for it either', async () => {
    await one.post('/leads', { name: 'Endless', company: 'x', pain_points: `${'a'.repeat(3000)}b` });
    const forEver = encodeURIComponent('^(a*)(a*)(a*)(a*)(a*)(a*)\\1\\2\\3\\4\\5\\6a{7}b$');
    const asked = `${api.url}/rest/v1/leads?select=id&pain_points=match.${forEver}`;
    const leave = new AbortController();
    const ask = (signal?: AbortSignal) =>
      fetch(asked, { headers: { authorization: `Bearer ${reader.key}` }, ...(signal && { signal }) });
    const gone = Array.from({ length: 6 }, () => ask(leave.signal).catch(() => undefined));
    const running = async () => {
      const { rows } = await api.db.admin.query(
        "select pid, xact_start from pg_stat_activity where usename = 'postgrest' and datname = current_database() and query ~ 'pain_points' and state = 'active' order by pid",
      );
      return rows;
    };
    const first = await until(async () => {
      const queries = await running();
      return queries.length === 4 && queries;
    });
    // what their clients do not wait for goes on, and keeps its place
    leave.abort();
    await Promise.all(gone);
    let answered = 0;
    const waiting = Array.from({ length: 6 }, () => ask().then(() => answered++));
    expect((await get(other, '/leads?select=id')).status).toBe(200);
    expect(await running()).toEqual(first);
    expect(answered).toBe(0);
    await api.db.admin.query("update app.leads set pain_points = null where name = 'Endless'");
    const end = async () => {
      await api.db.admin.query(
        "select pg_cancel_backend(pid) from pg_stat_activity where usename = 'postgrest' and datname = current_database() and query ~ 'pain_points' and state = 'active'",
      );
      return answered === 6;
    };
    await until(end);
    await Promise.all(waiting);
    expect((await get(one, '/leads?select=id&limit=1')).status).toBe(200);
  });

  test('shares its limit with the contract’s', async () => {
    const { key } = await createKey(api.db, one.organizationId, { limit: { perMinute: 1, burst: 2 } });
    expect((await api.send('GET', '/health', { key })).status).toBe(200);
    expect((await api.raw('GET', '/rest/v1/leads?limit=1', { key })).status).toBe(200);
    expect((await api.send('GET', '/health', { key })).status).toBe(429);
  });

  test('says 503 when PostgREST is not there, while the contract goes on', async () => {
    const alone = await startApi({}, api.db);
    const reply = await alone.raw('GET', '/rest/v1/leads', { key: one.key });
    expectRefusal(reply, 503, 'service_unavailable');
    expect(reply.headers.get('retry-after')).toBe('5');
    expect((await alone.send('GET', '/leads', { key: one.key })).status).toBe(200);
    await alone.stop();
  });
});
