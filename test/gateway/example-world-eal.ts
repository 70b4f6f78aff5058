import { expect } from 'vitest';
import { addPushed } from '../support/crm.ts';
import type { TestDatabase } from '../support/database.ts';
import { createKey, createOrganization } from '../support/gateway.ts';
import type { Stage, World } from './example-world.ts';
import { META_SECRETS } from './family.ts';

const YEAR_MS = 365 * 24 * 3600 * 1000;

/** A franchise with one of everything, and its parent. */
export async function ealWorld({ db, gateway }: Stage): Promise<World> {
  const parent = await createOrganization(db, 'PuroClean');
  const franchise = await createOrganization(db, 'PuroClean of North Metro Atlanta', parent);
  const { key } = await createKey(db, franchise);
  const { key: parentKey } = await createKey(db, parent);

  const post = async (path: string, body: object) => {
    const reply = await gateway.request('POST', `/api/v1${path}`, { key, body });
    expect(reply.status, reply.text).toBe(201);
    return reply.body;
  };
  const lead = await post('/leads', { name: 'Sarah Mitchell', email: 'sarah.mitchell@example.com' });
  await addPushed(db, franchise, lead.id);
  const call = await post('/calls', { caller_number: '+14045550173', transcript: 'Caller: Hi, I have water coming …' });
  const webhook = await post('/webhooks', { url: 'https://crm.example.com/hook', events: ['lead.created'] });
  const grant = await post(`/organizations/${franchise}/grants`, {
    parent_organization_id: parent,
    scopes: ['leads.read'],
  });
  const apiKey = await post('/api-keys', { name: 'Another', scopes: ['read'] });
  await connect(gateway, key);
  const audit = await gateway.request('GET', '/api/v1/audit-log?limit=1', { key });
  const ids: Record<string, Record<string, string>> = {
    leads: { id: lead.id },
    calls: { id: call.id },
    audit_log: { id: audit.body.data[0].id },
    webhooks: { id: webhook.id, delivery_id: await addAttempt(db, franchise, webhook.id) },
    api_keys: { id: apiKey.id },
    connectors: { vendor: 'meta-lead-ads' },
    organizations: { id: franchise, grant_id: grant.grant_id },
  };
  return {
    organizationId: franchise,
    instead: {},
    keyFor: (operationId) => (['organizations.list', 'organizations.create'].includes(operationId) ? parentKey : key),
    idsFor: (operationId) => ids[operationId.split('.')[0] ?? ''] ?? {},
    bodyFor: (body) => ({
      ...body,
      ...('parent_organization_id' in body && { parent_organization_id: parent }),
      ...('expires_at' in body && { expires_at: new Date(Date.now() + YEAR_MS).toISOString() }),
    }),
  };
}

/** What the examples name, at an address where nobody listens: they leave this machine alone. */
async function connect(gateway: Stage['gateway'], key: string): Promise<void> {
  const body = { settings: { api_url: 'http://127.0.0.1:9' }, secrets: META_SECRETS };
  const reply = await gateway.request('PUT', '/api/v1/connectors/meta-lead-ads', { key, body });
  expect(reply.status, reply.text).toBe(201);
}

/** One attempt in the delivery log of a webhook; returns its public id. */
async function addAttempt(db: TestDatabase, organizationId: string, webhookId: string): Promise<string> {
  const { rows } = await db.admin.query(
    `with event as (
       insert into app.events (organization_id, public_id, type, snapshot, change_id, occurred_at)
       values ($1, 'evt_5f1c8a324d65e2b8', 'lead.created', '{}', uuidv7(), now()) returning id),
     delivery as (
       insert into app.deliveries (organization_id, endpoint_id, event_id, state, attempts)
       select $1, $2, id, 'delivered', 1 from event returning id)
     insert into app.delivery_attempts (organization_id, delivery_id, endpoint_id, event_type, attempt, status,
                                        response_status, latency_ms, response_body, attempted_at)
     select $1, id, $2, 'lead.created', 1, 'delivered', 200, 142, 'ok', now() from delivery
     returning app.typeid('whd', id) as public_id`,
    [organizationId, webhookId],
  );
  return rows[0].public_id;
}
