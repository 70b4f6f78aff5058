import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newLead, startWorld, type World } from '../contracts/ai93/world.ts';
import type { Caller } from '../support/api.ts';
import type { Reply } from '../support/gateway.ts';

// AI93's keys at the SQL-minded door: the same rows as over HTTP, by the same scopes.

let world: World;
let north: Caller;
let workspace: Caller;

const rest = (caller: Caller, method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  world.api.raw(method, `/rest/v1${path}`, { key: caller.key, body, headers });
const businesses = (reply: Reply): Set<string> => {
  expect(reply.status, reply.text).toBe(200);
  return new Set(reply.body.map((row: { organization_id: string }) => row.organization_id));
};
const scoped = (owner: Caller, scopes: string[]) =>
  world.api.ai93(owner.organizationId, { scopes, reach: owner === workspace ? 'workspace' : 'organization' });

const VIEWS = ['/leads', '/lead_replies', '/lead_handoffs', '/scraper_runs', '/lead_pipeline'];

beforeAll(async () => {
  world = await startWorld({ withPostgrest: true });
  ({ north, workspace } = world);
  for (const caller of [workspace, north, world.south, world.stranger]) {
    const { id } = await newLead(caller);
    await caller.post(`/leads/${id}/replies`, { message: 'Yes' });
    await caller.post(`/leads/${id}/handoff`, { destination: 'krew' });
    await world.api.db.admin.query("insert into app.scraper_runs (organization_id, source) values ($1, 'reddit')", [
      caller.organizationId,
    ]);
  }
  const eal = await world.api.key(north.organizationId);
  await eal.post('/webhooks', { url: 'https://hooks.example.com/?token=abc', events: ['lead.created'] });
});
afterAll(() => world.api.stop());

describe('reading', () => {
  test.each(VIEWS)(
    '%s holds the rows of a locked key’s business, and of every business of a workspace key',
    async (view) => {
      const { organizationId: top } = workspace;
      const { organizationId: south } = world.south;
      const path = `${view}?select=organization_id`;
      expect(businesses(await rest(north, 'GET', path))).toEqual(new Set([north.organizationId]));
      expect(businesses(await rest(workspace, 'GET', path))).toEqual(new Set([top, north.organizationId, south]));
      expect(businesses(await rest(workspace, 'GET', `${path}&organization_id=eq.${south}`))).toEqual(new Set([south]));
      expect(
        businesses(await rest(workspace, 'GET', `${path}&organization_id=eq.${world.stranger.organizationId}`)),
      ).toEqual(new Set());
    },
  );

  test('a header opens no other business, to whichever key', async () => {
    const header = (caller: Caller) => ({ 'x-organization-id': caller.organizationId });
    expect((await rest(north, 'GET', '/leads', undefined, header(world.south))).status).toBe(404);
    // a workspace key would be answered with all of its businesses: it is told to filter instead
    for (const caller of [world.stranger, world.south]) {
      const refused = await rest(workspace, 'GET', '/leads', undefined, header(caller));
      expect(refused).toMatchObject({ status: 400, body: { hint: 'X-Organization-Id' } });
    }
  });

  test('needs the scope of what is read', async () => {
    for (const owner of [north, workspace]) {
      const leads = await scoped(owner, ['leads:read']);
      const sources = await scoped(owner, ['sources:read']);
      for (const view of VIEWS) {
        const ofSources = view === '/scraper_runs';
        expect((await rest(leads, 'GET', view)).status, view).toBe(ofSources ? 403 : 200);
        expect((await rest(sources, 'GET', view)).status, view).toBe(ofSources ? 200 : 403);
      }
    }
  });

  test.each([
    [['leads:write']],
    [['leads:handoff']],
    [['leads:write', 'leads:handoff']],
    [['leads:handoff', 'sources:read']],
  ])('with %j reads no lead, neither by asking nor by writing', async (scopes) => {
    for (const owner of [north, workspace]) {
      const caller = await scoped(owner, scopes);
      for (const view of VIEWS.filter((one) => one !== '/scraper_runs')) {
        expect((await rest(caller, 'GET', view)).status, view).toBe(403);
      }
      const prefer = { prefer: 'return=representation' };
      for (const [method, path] of [
        ['POST', '/leads'],
        ['PATCH', '/leads?notes=is.null'],
      ] as const) {
        const reply = await rest(caller, method, path, { notes: 'x', ...(method === 'POST' && { name: 'x' }) }, prefer);
        expect([method, reply.status]).toEqual([method, 403]);
      }
    }
  });

  test('shows no webhooks, deliveries or connections, for which AI93 has no scope, nor the audit log', async () => {
    for (const owner of [north, workspace]) {
      const caller = await world.api.ai93(owner.organizationId, {
        reach: owner === workspace ? 'workspace' : 'organization',
      });
      for (const view of ['/webhook_health', '/webhook_deliveries', '/connections', '/hook_receipts', '/audit_log']) {
        const reply = await rest(caller, 'GET', view);
        expect([view, reply.status]).toEqual([view, 403]);
      }
    }
    expect(
      (await rest(await world.api.key(north.organizationId, ['read']), 'GET', '/webhook_health')).body,
    ).toHaveLength(1);
  });
});

describe('writing', () => {
  test('a locked key adds and changes its business’ leads, a workspace key every business’', async () => {
    const add = async (caller: Caller) =>
      (await rest(caller, 'POST', '/leads', { name: 'By the door' }, { prefer: 'return=representation' })).body[0];
    expect((await add(north)).organization_id).toBe(north.organizationId);
    expect((await add(workspace)).organization_id).toBe(workspace.organizationId);

    const change = async (caller: Caller) =>
      businesses(
        await rest(caller, 'PATCH', '/leads?id=not.is.null', { notes: 'x' }, { prefer: 'return=representation' }),
      );
    expect(await change(north)).toEqual(new Set([north.organizationId]));
    expect(await change(workspace)).toEqual(
      new Set([workspace.organizationId, north.organizationId, world.south.organizationId]),
    );
    const { rows } = await world.api.db.admin.query('select from app.leads where organization_id = $1 and notes = $2', [
      world.stranger.organizationId,
      'x',
    ]);
    expect(rows).toEqual([]);
  });

  test('names no business, and hands nothing off past the history', async () => {
    for (const caller of [north, workspace]) {
      for (const body of [
        { name: 'x', organization_id: world.south.organizationId },
        { name: 'x', handed_off_at: '2026-01-01' },
        { name: 'x', reply_count: 5 },
      ]) {
        expect((await rest(caller, 'POST', '/leads', body)).status).toBe(403);
      }
      expect((await rest(caller, 'POST', '/lead_handoffs', { destination: 'x' })).status).toBe(403);
    }
  });

  test('a reply by the door counts as one over HTTP', async () => {
    const { id } = await newLead(north);
    const { rows } = await world.api.db.admin.query("select app.typeid_uuid('ld', $1) as id", [id]);
    expect((await rest(north, 'POST', '/lead_replies', { lead_id: rows[0].id, message: 'Yes' })).status).toBe(201);
    expect((await north.get(`/leads/${id}`)).body.lead).toMatchObject({ status: 'replied', replyCount: 1 });
  });
});

test('a revoked workspace key is refused here too, at once', async () => {
  const doomed = await world.api.ai93(workspace.organizationId, { reach: 'workspace' });
  expect((await rest(doomed, 'GET', '/leads')).status).toBe(200);
  await world.api.db.admin.query('update app.api_keys set revoked_at = now() where id = $1', [doomed.keyId]);
  expect((await rest(doomed, 'GET', '/leads')).status).toBe(401);
});
