import { expect } from 'vitest';
import type { Api, Caller } from '../support/api.ts';

// Who there is in the tests of isolation: a family that has one of everything, and strangers to it.

export interface Family {
  /** a stranger to all others, under Expert AI Labs */
  one: Caller;
  /** the same organization under AI93, with a key of the business and with one of the whole workspace */
  locked: Caller;
  workspace: Caller;
  parent: Caller;
  child: Caller;
  sibling: Caller;
  /** what the child has, by contract and the first word of a path */
  theirs: Record<'eal' | 'ai93', Record<string, string>>;
  /** the child lets its parent read; returns the grant's id */
  grant(scopes: string[], expiresAt?: string): Promise<string>;
}

export async function foundFamily(api: Api): Promise<Family> {
  const one = await api.organization({ name: 'Stranger' });
  const parent = await api.organization({ name: 'Parent' });
  const child = await api.organization({ name: 'Child', parent: parent.organizationId });
  const sibling = await api.organization({ name: 'Sibling', parent: parent.organizationId });
  const grant: Family['grant'] = async (scopes, expiresAt) => {
    const reply = await child.post(`/organizations/${child.organizationId}/grants`, {
      parent_organization_id: parent.organizationId,
      scopes,
      ...(expiresAt && { expires_at: expiresAt }),
    });
    expect(reply.status).toBe(201);
    return reply.body.grant_id;
  };
  return {
    one,
    locked: await api.ai93(one.organizationId),
    workspace: await api.ai93(one.organizationId, { reach: 'workspace' }),
    parent,
    child,
    sibling,
    theirs: {
      eal: { ...(await furnish(api, child)), grant_id: await grant(['calls.read']) },
      ai93: await furnishBusiness(api, child.organizationId),
    },
    grant,
  };
}

export const META_SECRETS = {
  verify_token: 'a verify token',
  app_secret: 'an app secret',
  page_access_token: 'a page access token',
};

/** The ids that a tenant has, one of every kind. */
async function furnish(api: Api, caller: Caller): Promise<Record<string, string>> {
  const lead = await caller.post('/leads', { name: 'Secret Sarah', email: 'secret@example.com' });
  const webhook = await caller.post('/webhooks', {
    url: 'https://hooks.example.com/theirs',
    events: ['lead.created', 'audit.log.event'],
  });
  const call = await caller.post('/calls', { caller_name: 'Secret Sarah', transcript: 'Secret' });
  const vendor = 'meta-lead-ads';
  const settings = { page_ids: ['4711'], field_mapping: { Secret: 'name' } };
  expect((await caller.put(`/connectors/${vendor}`, { settings, secrets: META_SECRETS })).status).toBe(201);
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
    calls: call.body.id,
    webhooks: webhook.body.id,
    'api-keys': key.body.id,
    'audit-log': entry.body.data[0].id,
    delivery_id: rows[0].id,
    // no id: everybody may connect it
    vendor,
  };
}

/** The same under AI93: a lead with a reply and a hand-off, and a run. */
export async function furnishBusiness(api: Api, organizationId: string): Promise<Record<string, string>> {
  const caller = await api.ai93(organizationId);
  const { body } = await caller.post('/leads', {
    source: 'reddit',
    displayName: 'Secret Jane',
    email: 'secret@example.com',
    tags: ['secret'],
    context: { title: 'Secret storm' },
  });
  const reply = await caller.post(`/leads/${body.lead.id}/replies`, { message: 'Secret answer' });
  await caller.post(`/leads/${body.lead.id}/handoff`, { destination: 'secret@example.com' });
  await api.db.admin.query(
    "insert into app.scraper_runs (organization_id, source, status, error) values ($1, 'Secret source', 'failed', 'Secret')",
    [organizationId],
  );
  return { leads: body.lead.id, reply: reply.body.reply.id, business: body.lead.businessId };
}
