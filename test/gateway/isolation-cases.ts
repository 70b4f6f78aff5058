import { expect } from 'vitest';
import type { Contract, Route } from '../../src/contracts/contract.ts';
import type { Api, Caller } from '../support/api.ts';
import type { TestDatabase } from '../support/database.ts';
import type { Reply } from '../support/gateway.ts';
import { type Family, META_SECRETS } from './family.ts';

export interface Case {
  body?: object | ((family: Family) => object);
  /** the ids that the path takes come from the foreign tenant; without ids, the answer must not hold anything of it */
  status: 404 | 403 | 200 | 201;
  /** of a list: tries to reach the foreign tenant by its filter */
  query?: (family: Family) => string;
}

const child = (family: Family): string => `organization_id=${family.child.organizationId}`;
const business = (family: Family): string => `businessId=${family.theirs.ai93.business}`;
/** a grant to the family's parent, whoever gives it */
const toParent = (family: Family): object => ({
  parent_organization_id: family.parent.organizationId,
  scopes: ['leads.read'],
});

/** What each endpoint is given, and how it must answer a stranger. */
export const CASES: Record<string, Case> = {
  'eal GET /health': { status: 200 },
  'eal GET /organizations/me': { status: 200 },
  'eal GET /organizations/me/dispatch-settings': { status: 200 },
  'eal PATCH /organizations/me/dispatch-settings': { status: 200, body: { auto_dispatch: false } },
  'eal GET /organizations': { status: 200 },
  'eal POST /organizations': { status: 201, body: { name: 'Mine', primary_admin_email: 'me@example.com' } },
  'eal PATCH /organizations/{id}': { status: 404, body: { name: 'Taken over', settings: { timezone: 'UTC' } } },
  'eal POST /organizations/{id}/grants': { status: 404, body: toParent },
  'eal DELETE /organizations/{id}/grants/{grant_id}': { status: 404 },
  'eal GET /leads': { status: 404, query: child },
  'eal POST /leads': { status: 201, body: { email: 'mine@example.com' } },
  'eal GET /leads/{id}': { status: 404 },
  'eal PATCH /leads/{id}': { status: 404, body: { name: 'Changed' } },
  'eal POST /leads/{id}/score': { status: 404 },
  'eal POST /leads/{id}/push-to-crm': { status: 404 },
  'eal POST /leads/upsert': { status: 201, body: { email: 'upserted@example.com' } },
  'eal POST /leads/{id}/handoff': { status: 404, body: { destination: 'mine' } },
  'eal POST /leads/{id}/replies': { status: 404, body: { message: 'Mine' } },
  'eal GET /leads/sources': { status: 200 },
  'eal GET /calls': { status: 404, query: child },
  'eal POST /calls': { status: 201, body: { caller_number: '+14045550173' } },
  'eal GET /calls/stats': { status: 404, query: child },
  'eal GET /calls/{id}': { status: 404 },
  'eal PATCH /calls/{id}': { status: 404, body: { classification: 'water', dispatch_decision: 'auto_dispatch' } },
  'eal GET /audit-log': { status: 404, query: child },
  'eal GET /audit-log/export.csv': { status: 404, query: child },
  'eal GET /audit-log/{id}': { status: 404 },
  'eal GET /webhooks': { status: 200 },
  'eal POST /webhooks': { status: 201, body: { url: 'https://hooks.example.com/theirs', events: ['lead.created'] } },
  'eal GET /webhooks/{id}': { status: 404 },
  'eal PATCH /webhooks/{id}': { status: 404, body: { enabled: false } },
  'eal DELETE /webhooks/{id}': { status: 404 },
  'eal POST /webhooks/{id}/rotate-secret': { status: 404 },
  'eal POST /webhooks/{id}/test': { status: 404 },
  'eal POST /webhooks/{id}/recover': { status: 404, body: { since: '2020-01-01' } },
  'eal GET /webhooks/{id}/deliveries': { status: 404 },
  'eal GET /webhooks/{id}/deliveries/{delivery_id}': { status: 404 },
  'eal POST /webhooks/{id}/deliveries/{delivery_id}/retry': { status: 404 },
  'eal GET /connector-vendors': { status: 200 },
  'eal GET /connectors': { status: 200 },
  'eal GET /connectors/{vendor}': { status: 404 },
  // one of its own, which no other request is to find
  'eal PUT /connectors/{vendor}': { status: 201, body: { secrets: META_SECRETS }, query: () => 'name=mine' },
  'eal DELETE /connectors/{vendor}': { status: 404 },
  'eal POST /connectors/{vendor}/test': { status: 404 },
  'eal POST /connectors/{vendor}/rotate-token': { status: 404 },
  'eal POST /connectors/{vendor}/retry': { status: 404 },
  'eal GET /api-keys': { status: 200 },
  'eal POST /api-keys': { status: 201, body: { name: 'Mine', scopes: ['read'] } },
  'eal POST /api-keys/{id}/rotate': { status: 404, body: { overlap_hours: 0 } },
  'eal DELETE /api-keys/{id}': { status: 404 },

  'ai93 GET /health': { status: 200 },
  'ai93 GET /leads': { status: 404, query: business },
  'ai93 GET /leads.csv': { status: 404, query: business },
  'ai93 POST /leads': {
    status: 404,
    body: ({ theirs }: Family) => ({ source: 'manual', displayName: 'Mine', businessId: theirs.ai93.business }),
  },
  'ai93 GET /leads/{id}': { status: 404 },
  'ai93 PATCH /leads/{id}': { status: 404, body: { status: 'lost', tags: [], notes: 'Changed' } },
  'ai93 POST /leads/{id}/handoff': { status: 404, body: { destination: 'mine' } },
  'ai93 GET /leads/{id}/handoffs': { status: 404 },
  'ai93 POST /leads/{id}/replies': { status: 404, body: { message: 'Mine' } },
  'ai93 GET /leads/{id}/replies': { status: 404 },
  'ai93 GET /sources': { status: 200 },
  'ai93 GET /scrapers/runs': { status: 404, query: business },
};

export const label = (contract: Contract, route: Route): string => `${contract.name} ${route.method} ${route.path}`;

export const pathOf = (route: Route, ids: Record<string, string>): string =>
  route.path
    .replace('{id}', ids[route.path.split('/')[1] as string] ?? '')
    .replace(/\{(\w+)\}/g, (_, name) => ids[name] ?? '');

/** Sends what the case of a route says, with a caller's key and somebody's ids. */
export function sendCase(
  api: Api,
  family: Family,
  contract: Contract,
  route: Route,
  caller: Caller,
  ids: Record<string, string>,
  query = '',
): Promise<Reply> {
  const { body = {} } = CASES[label(contract, route)] ?? {};
  return api.send(route.method, `${pathOf(route, ids)}${query && `?${query}`}`, {
    key: caller.key,
    ...(route.method !== 'GET' && { body: typeof body === 'function' ? body(family) : body }),
  });
}

/** Everything that belongs to organizations, row by row. */
export async function rowsOf(db: TestDatabase, ...organizations: string[]): Promise<string> {
  const { rows: tables } = await db.admin.query(
    `select c.table_schema || '.' || c.table_name as name
       from information_schema.columns as c join information_schema.tables as t using (table_schema, table_name)
      where c.column_name = 'organization_id' and c.table_schema in ('app', 'audit') and t.table_type = 'BASE TABLE'
        and c.table_name !~ '_[0-9]{4}_[0-9]{2}$|_default$'
      order by 1`,
  );
  expect(tables.length).toBeGreaterThan(10);
  const parts: unknown[] = [];
  for (const { name } of tables) {
    const { rows } = await db.admin.query(
      `select coalesce(jsonb_agg(to_jsonb(r) - 'last_used_at' order by to_jsonb(r)::text), '[]') as all from ${name} as r where organization_id = any ($1)`,
      [organizations],
    );
    parts.push([name, rows[0].all]);
  }
  const { rows } = await db.admin.query(
    'select jsonb_agg(to_jsonb(o) order by id) as all from app.organizations as o where id = any ($1)',
    [organizations],
  );
  return JSON.stringify([...parts, rows[0].all]);
}
