import { expect } from 'vitest';
import { ai93 } from '../../../src/contracts/ai93/index.ts';
import type { Route } from '../../../src/contracts/contract.ts';
import { type Api, type Caller, startApi } from '../../support/api.ts';
import { createOrganization, type GatewaySettings, type Reply } from '../../support/gateway.ts';

/** A workspace of two businesses, and a stranger who has a workspace of their own. */
export interface World {
  api: Api;
  /** sees all of its workspace */
  workspace: Caller;
  /** locked to a business of the workspace */
  north: Caller;
  south: Caller;
  stranger: Caller;
  /** the id of an organization as AI93 writes it */
  biz(caller: Caller): string;
}

export async function startWorld(settings: GatewaySettings = {}): Promise<World> {
  const api = await startApi(settings);
  const parent = await createOrganization(api.db, 'Krew');
  const organization = async (name: string, above?: string) => createOrganization(api.db, name, above);
  const workspace = await api.ai93(parent, { reach: 'workspace' });
  const north = await api.ai93(await organization('Krew North', parent));
  const south = await api.ai93(await organization('Krew South', parent));
  const stranger = await api.ai93(await organization('Somebody else'), { reach: 'workspace' });
  const ids = new Map<string, string>();
  for (const { organizationId } of [workspace, north, south, stranger]) {
    const { rows } = await api.db.admin.query("select app.typeid('biz', $1) as id", [organizationId]);
    ids.set(organizationId, rows[0].id);
  }
  return { api, workspace, north, south, stranger, biz: (caller) => ids.get(caller.organizationId) as string };
}

/** An answer is what the route of an operation declares, field by field. */
export function expectAnswer(reply: Reply, operationId: string): Reply {
  const route = ai93.routes.find((one) => one.operation.id === operationId) as Route;
  expect({ status: reply.status, error: reply.body?.error, message: reply.body?.message }).toEqual({
    status: route.status ?? 200,
  });
  expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(route.output?.safeParse(reply.body).error?.issues).toBeUndefined();
  return reply;
}

/** Makes a lead and returns it as it was answered. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered
export async function newLead(caller: Caller, more: object = {}): Promise<any> {
  const reply = await caller.post('/leads', { source: 'manual', displayName: 'Jane Doe', ...more });
  return expectAnswer(reply, 'leads.create').body.lead;
}

/** Names of the leads of a list, as they come. */
export const namesOf = (reply: Reply): (string | null)[] =>
  expectAnswer(reply, 'leads.list').body.leads.map((lead: { displayName: string | null }) => lead.displayName);

/** What an organization's audit log has, by action, oldest first. */
export async function auditOf(api: Api, caller: Caller): Promise<string[]> {
  const { rows } = await api.db.admin.query<{ action: string }>(
    'select action from audit.platform_events where organization_id = $1 order by created_at, id',
    [caller.organizationId],
  );
  return rows.map((row) => row.action);
}

/** How many changes wait for the relay. */
export async function outboxSize(api: Api): Promise<number> {
  const { rows } = await api.db.admin.query<{ count: number }>('select count(*)::integer as count from app.outbox');
  return rows[0]?.count ?? 0;
}
