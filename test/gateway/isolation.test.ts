import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Route } from '../../src/contracts/contract.ts';
import { contracts } from '../../src/contracts/registry.ts';
import { type Api, type Caller, expectError, startApi } from '../support/api.ts';
import type { Reply } from '../support/gateway.ts';

// Every endpoint, every id of another tenant: 404, and no trace. A route without a case here fails the first test.

let api: Api;
/** who asks; a stranger to both of the others */
let one: Caller;
let parent: Caller;
let child: Caller;
let sibling: Caller;
/** what the child has, by the first word of a path */
let theirs: Record<string, string>;

const label = (route: Route): string => `${route.method} ${route.path}`;
const allRoutes = contracts.flatMap((contract) => contract.routes);

interface Case {
  body?: object;
  /** the ids that the path takes come from the foreign tenant; without ids, the answer must not hold anything of it */
  status: 404 | 403 | 200 | 201;
  /** of a list: tries to reach the foreign tenant by its filter */
  query?: () => string;
}

/** What each endpoint is given, and how it must answer a stranger. */
const CASES: Record<string, Case> = {
  'GET /health': { status: 200 },
  'GET /organizations/me': { status: 200 },
  'GET /organizations': { status: 200 },
  'POST /organizations': { status: 201, body: { name: 'Mine', primary_admin_email: 'me@example.com' } },
  'PATCH /organizations/{id}': { status: 404, body: { name: 'Taken over', settings: { timezone: 'UTC' } } },
  'POST /organizations/{id}/grants': { status: 404, body: { scopes: ['leads.read'] } },
  'DELETE /organizations/{id}/grants/{grant_id}': { status: 404 },
  'GET /leads': { status: 404, query: () => `organization_id=${child.organizationId}` },
  'POST /leads': { status: 201, body: { email: 'mine@example.com' } },
  'GET /leads/{id}': { status: 404 },
  'PATCH /leads/{id}': { status: 404, body: { name: 'Changed' } },
  'GET /audit-log': { status: 404, query: () => `organization_id=${child.organizationId}` },
  'GET /audit-log/export.csv': { status: 404, query: () => `organization_id=${child.organizationId}` },
  'GET /audit-log/{id}': { status: 404 },
  'GET /webhooks': { status: 200 },
  'POST /webhooks': { status: 201, body: { url: 'https://hooks.example.com/theirs', events: ['lead.created'] } },
  'GET /webhooks/{id}': { status: 404 },
  'PATCH /webhooks/{id}': { status: 404, body: { enabled: false } },
  'DELETE /webhooks/{id}': { status: 404 },
  'POST /webhooks/{id}/rotate-secret': { status: 404 },
  'POST /webhooks/{id}/test': { status: 404 },
  'POST /webhooks/{id}/recover': { status: 404, body: { since: '2020-01-01' } },
  'GET /webhooks/{id}/deliveries': { status: 404 },
  'GET /webhooks/{id}/deliveries/{delivery_id}': { status: 404 },
  'POST /webhooks/{id}/deliveries/{delivery_id}/retry': { status: 404 },
  'GET /api-keys': { status: 200 },
  'POST /api-keys': { status: 201, body: { name: 'Mine', scopes: ['read'] } },
  'POST /api-keys/{id}/rotate': { status: 404, body: { overlap_hours: 0 } },
  'DELETE /api-keys/{id}': { status: 404 },
};

const pathOf = (route: Route, ids: Record<string, string>): string =>
  route.path
    .replace('{id}', ids[route.path.split('/')[1] as string] ?? '')
    .replace(/\{(\w+)\}/g, (_, name) => ids[name] ?? '');

/** Everything that belongs to organizations, row by row. */
async function rowsOf(...organizations: string[]): Promise<string> {
  const { rows: tables } = await api.db.admin.query(
    `select c.table_schema || '.' || c.table_name as name
       from information_schema.columns as c join information_schema.tables as t using (table_schema, table_name)
      where c.column_name = 'organization_id' and c.table_schema in ('app', 'audit') and t.table_type = 'BASE TABLE'
        and c.table_name !~ '_[0-9]{4}_[0-9]{2}$|_default$'
      order by 1`,
  );
  expect(tables.length).toBeGreaterThan(10);
  const parts: unknown[] = [];
  for (const { name } of tables) {
    const { rows } = await api.db.admin.query(
      `select coalesce(jsonb_agg(to_jsonb(r) - 'last_used_at' order by to_jsonb(r)::text), '[]') as all from ${name} as r where organization_id = any ($1)`,
      [organizations],
    );
    parts.push([name, rows[0].all]);
  }
  const { rows } = await api.db.admin.query(
    'select jsonb_agg(to_jsonb(o) order by id) as all from app.organizations as o where id = any ($1)',
    [organizations],
  );
  return JSON.stringify([...parts, rows[0].all]);
}

const send = (route: Route, caller: Caller, ids: Record<string, string>, query = ''): Promise<Reply> => {
  const { body } = CASES[label(route)] ?? {};
  const grant = route.path.endsWith('/grants') && { parent_organization_id: parent.organizationId };
  return api.send(route.method, `${pathOf(route, ids)}${query && `?${query}`}`, {
    key: caller.key,
    ...(route.method !== 'GET' && { body: { ...body, ...grant } }),
  });
};

/** The ids that a tenant has, one of every kind. */
async function furnish(caller: Caller): Promise<Record<string, string>> {
  const lead = await caller.post('/leads', { name: 'Secret Sarah', email: 'secret@example.com' });
  const webhook = await caller.post('/webhooks', {
    url: 'https://hooks.example.com/theirs',
    events: ['lead.created', 'audit.log.event'],
  });
  const key = await caller.post('/api-keys', { name: 'Secret key', scopes: ['admin'] });
  const entry = await caller.get('/audit-log?limit=1');
  const { rows } = await api.db.admin.query(
    `with event as (
       insert into app.events (organization_id, public_id, type, snapshot, change_id, occurred_at)
       values ($1, 'evt_0123456789abcdef', 'lead.created', '{}', uuidv7(), now()) returning id),
     delivery as (
       insert into app.deliveries (organization_id, endpoint_id, event_id, state, attempts) select $1, $2, id, 'dead_letter', 1 from event returning id)
     insert into app.delivery_attempts (organization_id, delivery_id, endpoint_id, event_type, attempt, status, latency_ms, attempted_at)
     select $1, id, $2, 'lead.created', 1, 'dead_letter', 1, now() from delivery returning app.typeid('whd', id) as id`,
    [caller.organizationId, webhook.body.id],
  );
  return {
    organizations: caller.organizationId,
    leads: lead.body.id,
    webhooks: webhook.body.id,
    'api-keys': key.body.id,
    'audit-log': entry.body.data[0].id,
    delivery_id: rows[0].id,
  };
}

/** The child lets its parent read; returns the grant's id. */
const grant = async (scopes: string[], expiresAt?: string): Promise<string> => {
  const reply = await child.post(`/organizations/${child.organizationId}/grants`, {
    parent_organization_id: parent.organizationId,
    scopes,
    ...(expiresAt && { expires_at: expiresAt }),
  });
  expect(reply.status).toBe(201);
  return reply.body.grant_id;
};

beforeAll(async () => {
  api = await startApi();
  one = await api.organization({ name: 'Stranger' });
  parent = await api.organization({ name: 'Parent' });
  child = await api.organization({ name: 'Child', parent: parent.organizationId });
  sibling = await api.organization({ name: 'Sibling', parent: parent.organizationId });
  theirs = { ...(await furnish(child)), grant_id: await grant(['calls.read']) };
});
afterAll(() => api.stop());

test('every route of every contract has its case', () => {
  expect(Object.keys(CASES).sort()).toEqual(allRoutes.map(label).sort());
});

describe('a stranger', () => {
  test.each(allRoutes.map((route) => [label(route), route] as const))(
    'finds nothing of another tenant by %s, and leaves no trace',
    async (name, route) => {
      const { status, query } = CASES[name] as Case;
      const before = await rowsOf(child.organizationId, parent.organizationId, sibling.organizationId);
      const reply = await send(route, one, theirs, query?.());
      expect(reply.status).toBe(status);
      if (status >= 400) expectError(reply, status, status === 404 ? 'not_found' : 'forbidden');
      for (const id of Object.values(theirs)) {
        // the refusal may say back what was asked for, nothing else
        expect(reply.text.replaceAll(pathOf(route, theirs), '')).not.toContain(id);
      }
      expect(reply.text).not.toMatch(/Secret|secret@/);
      expect(await rowsOf(child.organizationId, parent.organizationId, sibling.organizationId)).toBe(before);
    },
  );

  test.each(allRoutes.filter((route) => route.path.includes('{')).map((route) => [label(route), route] as const))(
    'cannot tell by %s an id of another tenant from one that does not exist',
    async (name, route) => {
      const nobody = Object.fromEntries(
        Object.entries(theirs).map(([kind, id]) => [
          kind,
          kind === 'delivery_id' ? `whd_${'0'.repeat(26)}` : `00000000-0000-4000-8000${id.slice(23)}`,
        ]),
      );
      const { query } = CASES[name] as Case;
      const real = await send(route, one, theirs, query?.());
      const none = await send(route, one, nobody, query?.());
      expect([none.status, none.text]).toEqual([real.status, real.text]);
    },
  );

  test('registers an address that another tenant has, for itself', async () => {
    const mine = await one.post('/webhooks', { url: 'https://hooks.example.com/theirs', events: ['lead.created'] });
    expect(mine.body.id).not.toBe(theirs.webhooks);
    expect((await child.get(`/webhooks/${theirs.webhooks}`)).body.events).toEqual(['lead.created', 'audit.log.event']);
  });

  test('cannot mix its own ids with another tenant’s', async () => {
    const { body: mine } = await one.post('/webhooks', {
      url: 'https://hooks.example.com/mine',
      events: ['lead.created'],
    });
    for (const path of [`/webhooks/${mine.id}/deliveries/${theirs.delivery_id}`]) {
      expectError(await one.get(path), 404, 'not_found');
      expectError(await one.post(`${path}/retry`), 404, 'not_found');
    }
    expectError(await one.delete(`/organizations/${one.organizationId}/grants/${theirs.grant_id}`), 404, 'not_found');
  });

  test('does not page through another tenant’s rows with its cursor', async () => {
    await child.post('/leads', { email: 'second@example.com' });
    const { body } = await child.get('/leads?limit=1');
    const page = await one.get(`/leads?cursor=${body.next_cursor}`);
    expect(page.text).not.toContain(child.organizationId);
  });

  test('does not name another organization in a header or a body', async () => {
    const headers = { 'x-organization-id': child.organizationId };
    expect((await one.get('/organizations/me', headers)).body.id).toBe(one.organizationId);
    expect((await one.get('/leads', headers)).text).not.toContain(child.organizationId);
    expect((await one.post('/leads', { email: 'a@example.com' }, headers)).body.organization_id).toBe(
      one.organizationId,
    );
    expectError(
      await one.post('/leads', { email: 'a@example.com', organization_id: child.organizationId }),
      400,
      'invalid_request',
      { field: 'organization_id' },
    );
  });
});

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
    allRoutes
      .filter((route) => route.method !== 'GET' && route.path.includes('{') && !route.path.startsWith('/organizations'))
      .map((route) => [label(route), route] as const),
  )('never changes anything of its child by %s, whatever was granted', async (_, route) => {
    const given = await grant(['leads.read', 'calls.read', 'audit_log.read']);
    const before = await rowsOf(child.organizationId);
    const plain = await send(route, parent, theirs);
    expect.soft(plain.status).toBe(404);
    const named = await send(route, parent, theirs, `organization_id=${child.organizationId}`);
    expect.soft(named.status).toBe(400);
    expect(await rowsOf(child.organizationId)).toBe(before);
    await child.delete(`/organizations/${child.organizationId}/grants/${given}`);
  });

  test('does not read a child’s webhooks and keys under any grant', async () => {
    const given = await grant(['leads.read', 'calls.read', 'audit_log.read']);
    for (const path of [`/webhooks/${theirs.webhooks}`, `/webhooks/${theirs.webhooks}/deliveries`]) {
      expectError(await parent.get(path), 404, 'not_found');
      expectError(await parent.get(`${path}?organization_id=${child.organizationId}`), 400, 'invalid_request');
    }
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
