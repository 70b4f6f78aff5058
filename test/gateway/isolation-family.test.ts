import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eal } from '../../src/contracts/eal/index.ts';
import { type Api, type Caller, expectError, startApi } from '../support/api.ts';
import { type Family, foundFamily } from './family.ts';
import { CASES, type Case, label, rowsOf as rowsOfDatabase, sendCase } from './isolation-cases.ts';

// What a parent sees of its child, and a child of its parent, with keys of Expert AI Labs.

let api: Api;
let family: Family;
let one: Caller;
let parent: Caller;
let child: Caller;
let sibling: Caller;
let theirs: Record<string, string>;

beforeAll(async () => {
  api = await startApi();
  family = await foundFamily(api);
  ({ one, parent, child, sibling } = family);
  theirs = family.theirs.eal;
});
afterAll(() => api.stop());

const rowsOf = (...organizations: string[]): Promise<string> => rowsOfDatabase(api.db, ...organizations);
const grant = (scopes: string[], expiresAt?: string): Promise<string> => family.grant(scopes, expiresAt);

describe('a parent', () => {
  const reading: [name: string, scope: string, path: () => string][] = [
    ['its leads', 'leads.read', () => `/leads?organization_id=${child.organizationId}`],
    ['a lead', 'leads.read', () => `/leads/${theirs.leads}?organization_id=${child.organizationId}`],
    ['its audit log', 'audit_log.read', () => `/audit-log?organization_id=${child.organizationId}`],
    ['an entry', 'audit_log.read', () => `/audit-log/${theirs['audit-log']}?organization_id=${child.organizationId}`],
    ['the export', 'audit_log.read', () => `/audit-log/export.csv?organization_id=${child.organizationId}`],
  ];
  const others: Record<string, string[]> = {
    'leads.read': ['audit_log.read', 'calls.read'],
    'audit_log.read': ['leads.read', 'calls.read'],
  };

  test.each(reading)('reads of a child %s only under a grant in force', async (_name, scope, path) => {
    const refused = async (who: Caller, why: string) => {
      const reply = await who.get(path());
      expect.soft(reply.status, why).toBe(404);
      expectError(reply, 404, 'not_found');
    };
    await refused(parent, 'no grant');
    const other = await grant(others[scope] as string[]);
    await refused(parent, 'a grant of another scope');

    const given = await grant([scope], '2999-01-01T00:00:00Z');
    const reply = await parent.get(path());
    expect(reply.status).toBe(200);
    expect(reply.text).toContain(child.organizationId);
    expect(reply.text).not.toContain(parent.organizationId.concat('","name'));
    await refused(sibling, 'a sibling');
    await refused(one, 'a stranger');
    expect((await (await api.key(parent.organizationId, ['read'])).get(path())).status).toBe(200);

    await api.db.admin.query("update app.grants set expires_at = now() - interval '1 ms' where id = $1", [given]);
    await refused(parent, 'an expired grant');
    const again = await grant([scope]);
    expect((await parent.get(path())).status).toBe(200);
    await child.delete(`/organizations/${child.organizationId}/grants/${again}`);
    await refused(parent, 'a revoked grant');
    await child.delete(`/organizations/${child.organizationId}/grants/${other}`);
  });

  test('finds the leads of its child only where it says whose they are', async () => {
    const given = await grant(['leads.read', 'audit_log.read']);
    expect((await parent.get('/leads')).text).not.toContain(child.organizationId);
    expectError(await parent.get(`/leads/${theirs.leads}`), 404, 'not_found');
    expectError(await parent.get(`/audit-log/${theirs['audit-log']}`), 404, 'not_found');
    expect((await parent.get(`/leads?organization_id=${parent.organizationId}`)).body.data).toEqual([]);
    await child.delete(`/organizations/${child.organizationId}/grants/${given}`);
  });

  test.each(
    eal.routes
      .filter((route) => route.method !== 'GET' && route.path.includes('{') && !route.path.startsWith('/organizations'))
      .map((route) => [label(eal, route), route] as const),
  )('never changes anything of its child by %s, whatever was granted', async (_, route) => {
    const given = await grant(['leads.read', 'calls.read', 'audit_log.read']);
    const before = await rowsOf(child.organizationId);
    const { status, query } = CASES[label(eal, route)] as Case;
    const plain = await sendCase(api, family, eal, route, parent, theirs, query?.(family));
    expect.soft(plain.status).toBe(status);
    const named = await sendCase(api, family, eal, route, parent, theirs, `organization_id=${child.organizationId}`);
    expect.soft(named.status).toBe(400);
    expect(await rowsOf(child.organizationId)).toBe(before);
    await child.delete(`/organizations/${child.organizationId}/grants/${given}`);
  });

  test('does not read a child’s webhooks, keys and connections under any grant', async () => {
    const given = await grant(['leads.read', 'calls.read', 'audit_log.read']);
    for (const path of [`/webhooks/${theirs.webhooks}`, `/webhooks/${theirs.webhooks}/deliveries`]) {
      expectError(await parent.get(path), 404, 'not_found');
      expectError(await parent.get(`${path}?organization_id=${child.organizationId}`), 400, 'invalid_request');
    }
    expectError(await parent.get('/connectors/meta-lead-ads'), 404, 'not_found');
    expectError(await parent.get(`/connectors?organization_id=${child.organizationId}`), 400, 'invalid_request');
    for (const path of ['/webhooks', '/api-keys']) expect((await parent.get(path)).text).not.toContain(theirs.webhooks);
    await child.delete(`/organizations/${child.organizationId}/grants/${given}`);
  });

  test('can neither give itself a grant nor end one', async () => {
    const given = await grant(['leads.read']);
    const before = await rowsOf(child.organizationId);
    const grants = `/organizations/${child.organizationId}/grants`;
    const body = { parent_organization_id: parent.organizationId, scopes: ['leads.read'] };
    expectError(await parent.post(grants, body), 403, 'forbidden');
    expectError(await parent.delete(`${grants}/${given}`), 404, 'not_found');
    expect(await rowsOf(child.organizationId)).toBe(before);
    await child.delete(`${grants}/${given}`);
  });

  test('changes name and settings of its child, and the child can see who did', async () => {
    const reply = await parent.patch(`/organizations/${child.organizationId}`, {
      settings: { timezone: 'America/Denver' },
    });
    expect(reply.status).toBe(200);
    const [entry] = (await child.get('/audit-log?action=organization.updated&limit=1')).body.data;
    expect(entry.payload).toMatchObject({ key_id: parent.keyId, organization_id: child.organizationId });
  });
});

describe('a child', () => {
  test('reaches neither its parent nor its sibling', async () => {
    for (const other of [parent, sibling]) {
      const before = await rowsOf(other.organizationId);
      for (const path of ['/leads', '/audit-log', '/audit-log/export.csv']) {
        expectError(await child.get(`${path}?organization_id=${other.organizationId}`), 404, 'not_found');
      }
      expectError(await child.patch(`/organizations/${other.organizationId}`, { name: 'Mine' }), 404, 'not_found');
      const body = { parent_organization_id: child.organizationId, scopes: ['leads.read'] };
      expectError(await child.post(`/organizations/${other.organizationId}/grants`, body), 404, 'not_found');
      expect(await rowsOf(other.organizationId)).toBe(before);
    }
    expect((await child.get('/organizations')).body.data).toEqual([]);
  });

  test('lets nobody read but its own parent', async () => {
    for (const other of [sibling, one, child]) {
      const reply = await child.post(`/organizations/${child.organizationId}/grants`, {
        parent_organization_id: other.organizationId,
        scopes: ['leads.read'],
      });
      expectError(reply, 400, 'invalid_request', { field: 'parent_organization_id' });
    }
  });
});
