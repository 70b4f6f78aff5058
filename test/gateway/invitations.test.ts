import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, type Caller, expectError, inParallel, startApi } from '../support/api.ts';
import type { Reply } from '../support/gateway.ts';

let api: Api;
let parent: Caller;

beforeAll(async () => {
  api = await startApi();
  parent = await api.organization();
});
afterAll(() => api.stop());

/** What a browser sends. */
const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

async function invite(name = 'PuroClean of West Cobb'): Promise<{ id: string; link: string }> {
  const { body } = await parent.post('/organizations', { name, primary_admin_email: 'owner@example.com' });
  return { id: body.id, link: new URL(body.invite_url).pathname };
}
const open = (link: string, headers?: Record<string, string>): Promise<Reply> => api.raw('GET', link, { headers });
const accept = (link: string, headers?: Record<string, string>): Promise<Reply> => api.raw('POST', link, { headers });
const keysOf = async (id: string): Promise<number> =>
  (await api.db.admin.query('select from app.api_keys where organization_id = $1', [id])).rowCount ?? 0;
const expire = (id: string) =>
  api.db.admin.query("update app.invitations set expires_at = now() - interval '1 second' where organization_id = $1", [
    id,
  ]);

function expectPage(reply: Reply, status: number): void {
  expect(reply.status).toBe(status);
  expect(reply.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(reply.headers.get('cache-control')).toBe('no-store');
  expect(reply.headers.get('content-security-policy')).toMatch(
    /default-src 'none'.*form-action 'self'.*frame-ancestors 'none'/,
  );
  expect(reply.headers.get('referrer-policy')).toBe('no-referrer');
  expect(reply.headers.get('x-frame-options')).toBe('DENY');
  expect(reply.headers.get('vary')).toMatch(/accept/i);
  expect(reply.text).toMatch(/^<!doctype html>/);
  expect(reply.text).not.toMatch(/<script|https?:\/\//);
}

describe('for curl', () => {
  test('opening the link shows whose invitation it is, and changes nothing', async () => {
    const { id, link } = await invite();
    for (let n = 0; n < 3; n++) {
      const reply = await open(link);
      expect(reply.status).toBe(200);
      expect(reply.headers.get('cache-control')).toBe('no-store');
      expect(reply.body).toEqual({
        organization: 'PuroClean of West Cobb',
        email: 'owner@example.com',
        state: 'open',
        expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      });
    }
    expect(await keysOf(id)).toBe(0);
  });

  test('accepting it makes the first admin key, shown once', async () => {
    const { id, link } = await invite();
    const reply = await accept(link);
    expect(reply.status).toBe(201);
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.body).toEqual({
      organization: 'PuroClean of West Cobb',
      organization_id: id,
      scopes: ['admin', 'read', 'write'],
      key: expect.stringMatching(/^eal_live_[0-9A-Za-z]{38}$/),
      _warning: 'Save this key now. It will not be shown again.',
    });
    const owner = api.as(reply.body.key);
    expect((await owner.get('/organizations/me')).body).toMatchObject({
      id,
      parent_organization_id: parent.organizationId,
    });
    expect((await owner.get('/api-keys')).status).toBe(200);
    expectError(await accept(link), 409, 'conflict');
    expect((await open(link)).body.state).toBe('accepted');
    expect(await keysOf(id)).toBe(1);
    const actions = (await owner.get('/audit-log')).body.data.map((entry: { action: string }) => entry.action);
    expect(actions).toEqual(expect.arrayContaining(['invitation.accepted', 'api_key.created']));
  });

  test('one that has expired, or never was, cannot be accepted', async () => {
    const { id, link } = await invite();
    await expire(id);
    expect((await open(link)).body.state).toBe('expired');
    expectError(await accept(link), 410, 'gone');
    expect(await keysOf(id)).toBe(0);
    for (const strange of [
      '/invite/itok_nothing',
      '/invite/x',
      `${link}x`,
      '/invite/%00',
      "/invite/'%20or%201=1",
      `/invite/${'a'.repeat(3000)}`,
    ]) {
      expectError(await open(strange), 404, 'not_found');
      expectError(await accept(strange), 404, 'not_found');
    }
    for (const strange of ['/invite', '/invite/', `${link}/more`]) expectError(await open(strange), 404, 'not_found');
    expectError(await open('/invite/%zz'), 400, 'invalid_request');
  });
});

describe('in a browser', () => {
  test('opening the link shows the organization and a button', async () => {
    const { id, link } = await invite();
    const reply = await open(link, BROWSER);
    expectPage(reply, 200);
    expect(reply.text).toContain('PuroClean of West Cobb');
    expect(reply.text).toContain('owner@example.com');
    expect(reply.text).toMatch(/<form method="post"><button type="submit">/);
    expect(await keysOf(id)).toBe(0);
  });

  test('accepting it shows the key on a page, once', async () => {
    const { link } = await invite();
    const form = { ...BROWSER, 'content-type': 'application/x-www-form-urlencoded' };
    const reply = await accept(link, form);
    expectPage(reply, 201);
    const [key] = /eal_live_[0-9A-Za-z]{38}/.exec(reply.text) ?? [];
    expect((await api.as(key as string).get('/organizations/me')).status).toBe(200);
    const again = await accept(link, form);
    expectPage(again, 409);
    expect(again.text).not.toContain('eal_live_');
    const shown = await open(link, BROWSER);
    expectPage(shown, 200);
    expect(shown.text).toContain('accepted already');
    expect(shown.text).not.toContain('<form');
  });

  test('one that has expired or is unknown says so', async () => {
    const { id, link } = await invite();
    await expire(id);
    const expired = await open(link, BROWSER);
    expectPage(expired, 200);
    expect(expired.text).toContain('has expired');
    expectPage(await accept(link, BROWSER), 410);
    expectPage(await open('/invite/itok_nothing', BROWSER), 404);
  });

  test('a name is text, never markup', async () => {
    const name = `<script>alert(1)</script>"'&<img src=x onerror=alert(1)>`;
    const { link } = await invite(name);
    for (const reply of [await open(link, BROWSER), await accept(link, BROWSER)]) {
      expect(reply.text).not.toMatch(/<script|<img/);
      expect(reply.text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;&lt;img');
    }
  });
});

test('accepted twice at the same moment, it makes one key', async () => {
  const { id, link } = await invite();
  const replies = await inParallel(Array.from({ length: 10 }), () => accept(link), 10);
  expect(replies.map((reply) => reply.status).sort()).toEqual([201, ...Array(9).fill(409)]);
  expect(await keysOf(id)).toBe(1);
});

test('the database does not hold the token', async () => {
  const { id, link } = await invite();
  const { rows } = await api.db.admin.query(
    `select (select string_agg(i::text, '') from app.invitations as i where organization_id = $1)
         || (select string_agg(e::text, '') from audit.platform_events as e where organization_id = $1)
         || (select string_agg(o::text, '') from app.outbox as o where organization_id = $1) as all`,
    [id],
  );
  expect(rows[0].all).toContain('owner@example.com');
  expect(rows[0].all).not.toContain(link.replace('/invite/itok_', ''));
});
