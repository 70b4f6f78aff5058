import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Route } from '../../../src/contracts/contract.ts';
import { eal } from '../../../src/contracts/eal/index.ts';
import { type Api, type Caller, startApi } from '../../support/api.ts';
import { addPushed } from '../../support/crm.ts';
import { createKey, type Reply } from '../../support/gateway.ts';
import { example, expectLike } from './example.ts';

// The world of the document's examples, with the ids and times that it prints: what can be reproduced must come out equal.

const ORGANIZATION = '8c2f0a14-0c8a-4a3a-9a4d-3e0f1d6c2a91';
const PARENT = 'ab12c3d4-e5f6-7890-abcd-ef1234567890';
const LEAD = '9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18';
const WEBHOOK = 'f4e9c2a8-7d31-4b6f-9c83-21e5d4a07b14';

let api: Api;
let franchise: Caller;
let parent: Caller;

/** An answer is like the example of an operation, and what the route declares. */
function expectDocumented(reply: Reply, name: string, status = 200): void {
  expect({ status: reply.status, error: reply.body?.error }).toEqual({ status, error: undefined });
  expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expectLike(reply.body, example(`${name}.response`));
  const route = eal.routes.find((one) => one.operation.id === name) as Route;
  expect(route.status ?? 200).toBe(status);
  expect(route.output?.safeParse(reply.body).error?.issues).toBeUndefined();
}

beforeAll(async () => {
  api = await startApi();
  const { admin } = api.db;
  await admin.query(
    `insert into app.organizations (id, parent_organization_id, name, slug, industry, settings, created_at) values
       ($2, null, 'PuroClean', 'puroclean', 'restoration', '{}', '2025-09-01T00:00:00Z'),
       ($1, null, 'PuroClean of North Metro Atlanta', 'north-metro', 'restoration',
        '{"timezone": "America/New_York", "default_locale": "en-US"}', '2025-09-12T14:23:01.418Z')`,
    [ORGANIZATION, PARENT],
  );
  franchise = api.as((await createKey(api.db, ORGANIZATION)).key);
  parent = api.as((await createKey(api.db, PARENT)).key);
});
afterAll(() => api.stop());

describe('Health & Identity', () => {
  test('GET /health tells a key what it resolves to', async () => {
    const { key } = await createKey(api.db, ORGANIZATION, { scopes: ['read', 'write'] });
    const reply = await api.as(key).get('/health');
    expectDocumented(reply, 'health.get');
    expect(reply.body).toEqual({ ...example('health.get.response'), timestamp: expect.any(String) });
    expect(Math.abs(Date.parse(reply.body.timestamp) - Date.now())).toBeLessThan(60_000);
  });

  test('GET /health tells a test key that it is one', async () => {
    const { key } = await createKey(api.db, ORGANIZATION, { scopes: ['read'], environment: 'test' });
    expect(key).toMatch(/^eal_test_/);
    expect((await api.as(key).get('/health')).body).toMatchObject({ environment: 'test', scopes: ['read'] });
  });

  test('GET /health without a key says that the API is up, and nothing of anybody', async () => {
    const reply = await api.send('GET', '/health');
    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({ status: 'ok', version: 'v1', timestamp: expect.any(String) });
    expectLike(reply.body.timestamp, example('health.get.response').timestamp);
  });
});

describe('Organizations', () => {
  test('GET /organizations/me', async () => {
    const reply = await franchise.get('/organizations/me');
    expectDocumented(reply, 'organizations.me');
    expect(reply.body).toEqual(example('organizations.me.response'));
  });

  test('POST /organizations creates a child, with an invitation of seven days', async () => {
    const reply = await parent.post('/organizations', example('organizations.create.request'));
    expectDocumented(reply, 'organizations.create', 201);
    expect(reply.body).toMatchObject({ name: 'PuroClean of West Cobb', parent_organization_id: PARENT });
    expect(reply.body.invite_url).toMatch(new RegExp(`^${api.url}/invite/itok_[A-Za-z0-9_-]{32}$`));
    expect(Date.parse(reply.body.invite_expires_at) - Date.parse(reply.body.created_at)).toBe(7 * 86_400_000);
    const { rows } = await api.db.admin.query('select industry, settings from app.organizations where id = $1', [
      reply.body.id,
    ]);
    expect(rows).toEqual([{ industry: 'restoration', settings: { timezone: 'America/New_York' } }]);
  });

  test('PATCH /organizations/{id} merges settings', async () => {
    const { body: child } = await parent.post('/organizations', example('organizations.create.request'));
    const reply = await parent.patch(`/organizations/${child.id}`, example('organizations.update.request'));
    expectDocumented(reply, 'organizations.update');
    expect(reply.body.settings).toEqual(example('organizations.update.response').settings);

    const change = (settings: object) => parent.patch(`/organizations/${child.id}`, { settings });
    await change({ integrations: { callrail: true, jobnimbus: false } });
    const merged = await change({ integrations: { jobnimbus: true }, default_locale: 'es-US' });
    expect(merged.body.settings).toEqual({
      timezone: 'America/New_York',
      default_locale: 'es-US',
      integrations: { callrail: true, jobnimbus: true },
    });
    const removed = await change({ default_locale: null, integrations: null });
    expect(removed.body.settings).toEqual({ timezone: 'America/New_York' });
  });

  test('PATCH /organizations/{id} changes the name of the own organization', async () => {
    const { organizationId, key } = await api.organization({ name: 'Before' });
    const one = api.as(key);
    expect((await one.patch(`/organizations/${organizationId}`, { name: 'After' })).status).toBe(200);
    expect((await one.get('/organizations/me')).body.name).toBe('After');
  });

  test('POST /organizations/{id}/grants lets the parent read, and GET /organizations shows it', async () => {
    await api.db.admin.query('update app.organizations set parent_organization_id = $2 where id = $1', [
      ORGANIZATION,
      PARENT,
    ]);
    const request = example('organizations.grants.create.request');
    const reply = await franchise.post(`/organizations/${ORGANIZATION}/grants`, request);
    expectDocumented(reply, 'organizations.grants.create', 201);
    expect(reply.body).toEqual({
      ...example('organizations.grants.create.response'),
      grant_id: reply.body.grant_id,
      created_at: reply.body.created_at,
    });

    const list = await parent.get('/organizations');
    expectDocumented(list, 'organizations.list');
    const shown = list.body.data.find((one: { id: string }) => one.id === ORGANIZATION);
    expect(shown).toEqual(example('organizations.list.response').data[0]);
    await api.db.admin.query('delete from app.grants');
    await api.db.admin.query('update app.organizations set parent_organization_id = null where id = $1', [
      ORGANIZATION,
    ]);
  });

  test('GET /organizations is an empty list for an organization without children', async () => {
    expect((await franchise.get('/organizations')).body).toEqual({ data: [], next_cursor: null });
  });
});

describe('Leads', () => {
  beforeAll(async () => {
    await api.db.admin.query(
      `insert into app.leads (organization_id, id, name, email, source, lead_score, pipeline_stage, industry, pain_points, timeline,
                              ai_reasoning, qualification_completed_at, created_at, updated_at) values
         ($1, $2, 'Sarah Mitchell', 'sarah.mitchell@example.com', 'google_ads', 87, 'qualified', 'residential',
          'Recurring basement moisture after spring rain', 'this_week', 'High urgency: water damage signal, recent storm event, in-radius',
          '2026-04-27T13:22:09.218Z', '2026-04-27T13:22:05.114Z', '2026-04-27T13:22:09.218Z'),
         ($1, default, 'Somebody before', null, null, 0, 'new', null, null, null, null, null, '2026-04-01T00:00:00Z', '2026-04-01T00:00:00Z')`,
      [ORGANIZATION, LEAD],
    );
  });

  test('GET /leads, with the cursor of the document', async () => {
    const reply = await franchise.get('/leads?limit=1&end_at=2026-04-30');
    expectDocumented(reply, 'leads.list');
    // the document's list shows this lead with another industry than its single record does
    const documented = example('leads.list.response');
    documented.data[0].industry = 'residential';
    expect(reply.body).toEqual(documented);
    expect(JSON.parse(Buffer.from(reply.body.next_cursor, 'base64url').toString())).toEqual({
      created_at: '2026-04-27T13:22:05.114Z',
      id: LEAD,
    });
    const next = await franchise.get(`/leads?end_at=2026-04-30&cursor=${documented.next_cursor}`);
    expect(next.body).toMatchObject({ data: [{ name: 'Somebody before' }], next_cursor: null });
  });

  test('GET /leads/{id}', async () => {
    const reply = await franchise.get(`/leads/${LEAD}`);
    expectDocumented(reply, 'leads.get');
    expect(reply.body).toEqual(example('leads.get.response'));
  });

  test('POST /leads', async () => {
    const reply = await franchise.post('/leads', example('leads.create.request'));
    expectDocumented(reply, 'leads.create', 201);
    expect(reply.body).toEqual({
      ...example('leads.create.response'),
      id: reply.body.id,
      created_at: reply.body.created_at,
      updated_at: reply.body.created_at,
    });
    expect(Math.abs(Date.parse(reply.body.created_at) - Date.now())).toBeLessThan(60_000);
  });

  test('POST /leads takes a name and a company in place of an email', async () => {
    expect((await franchise.post('/leads', { name: 'Daniel Park', company: 'Sandy Springs' })).status).toBe(201);
    expect((await franchise.post('/leads', { email: 'only@example.com' })).status).toBe(201);
    expect((await franchise.post('/leads', { email: null, name: 'A', company: 'B' })).status).toBe(201);
  });

  test('PATCH /leads/{id} changes every whitelisted field, and empties one with null', async () => {
    const { body: lead } = await franchise.post('/leads', example('leads.create.request'));
    const changes = {
      name: 'Sarah M.',
      company: 'Mitchell & Co',
      email: 'sarah@example.com',
      source: 'referral',
      lead_score: 100,
      pipeline_stage: 'contacted',
      industry: 'commercial',
      company_size: '11-50',
      pain_points: 'Leak\nin two lines',
      timeline: 'this_month',
      budget_range: '$5k',
      ai_reasoning: '“quoted” ✓ 😀',
    };
    expect((await franchise.patch(`/leads/${lead.id}`, changes)).status).toBe(200);
    expect((await franchise.get(`/leads/${lead.id}`)).body).toMatchObject(changes);
    await franchise.patch(`/leads/${lead.id}`, { company: null, pain_points: null });
    expect((await franchise.get(`/leads/${lead.id}`)).body).toMatchObject({ company: null, pain_points: null });
  });

  test('POST /leads/{id}/push-to-crm', async () => {
    await addPushed(api.db, ORGANIZATION, LEAD, null, '2026-04-27T19:03:42.118Z');
    const reply = await franchise.post(`/leads/${LEAD}/push-to-crm`);
    expectDocumented(reply, 'leads.push_to_crm');
    expect(reply.body).toEqual(example('leads.push_to_crm.response'));
  });

  test('PATCH /leads/{id}, and its entry in the audit log with the diff of the document', async () => {
    const reply = await franchise.patch(`/leads/${LEAD}`, example('leads.update.request'), {
      'x-request-id': 'corr_z3p7w2',
    });
    expectDocumented(reply, 'leads.update');
    expect(reply.body).toEqual({ ...example('leads.update.response'), updated_at: reply.body.updated_at });

    const list = await franchise.get('/audit-log?action=lead.updated&limit=1');
    expectDocumented(list, 'audit_log.list');
    const [entry] = list.body.data;
    const [documented] = example('audit_log.list.response').data;
    const { keyId } = (
      await api.db.admin.query('select payload ->> $1 as "keyId" from audit.platform_events where id = $2', [
        'key_id',
        entry.id,
      ])
    ).rows[0];
    expect(entry).toEqual({
      ...documented,
      id: entry.id,
      created_at: entry.created_at,
      payload: { ...documented.payload, key_id: keyId },
    });
    expect(entry.payload.diff).toEqual({
      pipeline_stage: { from: 'qualified', to: 'won' },
      lead_score: { from: 87, to: 92 },
    });
  });
});

describe('Audit log', () => {
  beforeAll(async () => {
    const [entry] = example('audit_log.list.response').data;
    await api.db.admin.query(
      `insert into audit.platform_events (organization_id, id, action, source, correlation_id, payload, created_at)
       values ($1, $2, $3, $4, $5, $6, $7), ($1, uuidv7(), 'lead.created', 'n8n', 'corr_before', '{}', '2026-04-01T00:00:00Z')`,
      [ORGANIZATION, entry.id, entry.action, entry.source, entry.correlation_id, entry.payload, entry.created_at],
    );
  });

  test('GET /audit-log, with the cursor of the document', async () => {
    const reply = await franchise.get('/audit-log?limit=1&end_at=2026-04-30T00:00:00Z');
    expectDocumented(reply, 'audit_log.list');
    expect(reply.body).toEqual(example('audit_log.list.response'));
    const next = await franchise.get(`/audit-log?end_at=2026-04-30&cursor=${reply.body.next_cursor}`);
    expect(next.body).toMatchObject({ data: [{ correlation_id: 'corr_before' }], next_cursor: null });
  });

  test('GET /audit-log filters by action, source and time, also together', async () => {
    const correlations = async (query: string) =>
      (await franchise.get(`/audit-log?end_at=2026-04-30&${query}`)).body.data.map(
        (entry: { correlation_id: string }) => entry.correlation_id,
      );
    expect(await correlations('')).toEqual(['corr_z3p7w2', 'corr_before']);
    expect(await correlations('action=lead.updated')).toEqual(['corr_z3p7w2']);
    expect(await correlations('source=n8n')).toEqual(['corr_before']);
    expect(await correlations('start_at=2026-04-02')).toEqual(['corr_z3p7w2']);
    expect(await correlations('source=n8n&action=lead.updated')).toEqual([]);
    expect(await correlations('source=n8n&action=lead.created&start_at=2026-04-01T00:00:00.000Z')).toEqual([
      'corr_before',
    ]);
  });

  test('GET /audit-log/{id} is the entry of the list', async () => {
    const { body } = await franchise.get('/audit-log?limit=1');
    const reply = await franchise.get(`/audit-log/${body.data[0].id}`);
    expectDocumented(reply, 'audit_log.get');
    expect(reply.body).toEqual(body.data[0]);
  });

  test('GET /audit-log/export.csv has the same filters', async () => {
    const reply = await franchise.get('/audit-log/export.csv?end_at=2026-04-30&source=api');
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(reply.headers.get('content-disposition')).toMatch(/^attachment; filename="[\w-]+\.csv"$/);
    const [header, line, ...more] = reply.text.trimEnd().split('\n');
    expect(header).toBe('id,organization_id,action,source,correlation_id,payload,created_at');
    expect(line).toMatch(/^a4b1c8d2-.*,lead\.updated,api,corr_z3p7w2,"\{.*\}",2026-04-27T18:55:42\.001Z$/);
    expect(more).toEqual([]);
  });
});

describe('Webhooks', () => {
  beforeAll(async () => {
    await api.db.admin.query(
      `with endpoint as (
         insert into app.webhook_endpoints (organization_id, id, contract, url, events, description, created_at)
         values ($1, $2, 'eal', 'https://crm-bridge.example.com/webhook', '{call.qualified,lead.created,claim.scope.ready}',
                 'Production CRM bridge', '2026-02-14T09:11:00Z')),
       secret as (
         insert into app.webhook_secrets (organization_id, id, endpoint_id, ciphertext, prefix) values ($1, uuidv7(), $2, 'x', 'whsec_a1b2c3')),
       health as (
         insert into app.webhook_health (organization_id, endpoint_id, last_delivery_at, last_delivery_status)
         values ($1, $2, '2026-04-27T17:42:18.001Z', 200)),
       event as (
         insert into app.events (organization_id, id, public_id, type, snapshot, change_id, occurred_at)
         values ($1, $2, 'evt_0123456789abcdef', 'call.qualified', '{}', $2, now())),
       delivery as (
         insert into app.deliveries (organization_id, id, endpoint_id, event_id, state, attempts) values ($1, $2, $2, $2, 'delivered', 1))
       insert into app.delivery_attempts (organization_id, delivery_id, endpoint_id, event_type, attempt, status, response_status, latency_ms,
                                          response_body, attempted_at)
       values ($1, $2, $2, 'call.qualified', 1, 'delivered', 200, 142, 'thanks', '2026-04-27T17:42:18.001Z')`,
      [ORGANIZATION, WEBHOOK],
    );
  });

  test('GET /webhooks', async () => {
    const reply = await franchise.get('/webhooks');
    expectDocumented(reply, 'webhooks.list');
    expect(reply.body).toEqual(example('webhooks.list.response'));
  });

  test('GET /webhooks/{id}', async () => {
    const reply = await franchise.get(`/webhooks/${WEBHOOK}`);
    expectDocumented(reply, 'webhooks.get');
    expect(reply.body).toEqual(example('webhooks.get.response'));
  });

  test('GET /webhooks/{id}/deliveries', async () => {
    const reply = await franchise.get(`/webhooks/${WEBHOOK}/deliveries`);
    expectDocumented(reply, 'webhooks.deliveries.list');
    const documented = example('webhooks.deliveries.list.response');
    expect(reply.body).toEqual({ ...documented, data: [{ ...documented.data[0], id: reply.body.data[0].id }] });
    expect(reply.body.data[0].id).toMatch(/^whd_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
  });

  test('POST /webhooks shows the signing secret once', async () => {
    const one = await api.organization();
    const reply = await one.post('/webhooks', example('webhooks.create.request'));
    expectDocumented(reply, 'webhooks.create', 201);
    const { id, created_at, signing_secret, signing_secret_prefix } = reply.body;
    expect(reply.body).toEqual({
      ...example('webhooks.create.response'),
      id,
      created_at,
      signing_secret,
      signing_secret_prefix: signing_secret.slice(0, 12),
    });
    const shown = await one.get(`/webhooks/${id}`);
    expect(shown.body).toEqual({
      ...example('webhooks.create.request'),
      id,
      created_at,
      signing_secret_prefix,
      enabled: true,
      last_delivery_at: null,
      last_delivery_status: null,
    });
    expect(shown.text).not.toContain(signing_secret);
  });

  test('POST /webhooks with an address that is registered answers with the endpoint, and no secret', async () => {
    const one = await api.organization();
    const request = example('webhooks.create.request');
    const first = await one.post('/webhooks', request);
    const again = await one.post('/webhooks', { ...request, events: ['lead.updated'], description: 'Another' });
    expect(again.status).toBe(200);
    expect(again.body).toEqual((await one.get(`/webhooks/${first.body.id}`)).body);
    expect((await one.get('/webhooks')).body.data).toHaveLength(1);
  });

  test('POST /webhooks/{id}/rotate-secret', async () => {
    const one = await api.organization();
    const { body: made } = await one.post('/webhooks', example('webhooks.create.request'));
    const reply = await one.post(`/webhooks/${made.id}/rotate-secret`);
    expectDocumented(reply, 'webhooks.rotate_secret');
    expect(reply.body).toEqual({
      ...example('webhooks.rotate_secret.response'),
      id: made.id,
      signing_secret: reply.body.signing_secret,
      signing_secret_prefix: reply.body.signing_secret.slice(0, 12),
    });
    expect(reply.body.signing_secret).not.toBe(made.signing_secret);
    expect((await one.get(`/webhooks/${made.id}`)).body.signing_secret_prefix).toBe(reply.body.signing_secret_prefix);
  });

  test('DELETE /webhooks/{id}', async () => {
    const one = await api.organization();
    const { body: made } = await one.post('/webhooks', example('webhooks.create.request'));
    const reply = await one.delete(`/webhooks/${made.id}`);
    expectDocumented(reply, 'webhooks.delete');
    expect(reply.body).toEqual({ ...example('webhooks.delete.response'), id: made.id });
    expect((await one.get(`/webhooks/${made.id}`)).status).toBe(404);
    expect((await one.delete(`/webhooks/${made.id}`)).status).toBe(404);
    expect((await one.get('/webhooks')).body).toEqual({ data: [] });
  });

  test('every one of the eleven event names can be subscribed to, in any order', async () => {
    const events = [
      'review.received',
      'call.received',
      'call.classified',
      'call.qualified',
      'lead.created',
      'lead.updated',
      'outreach.email.sent',
      'outreach.email.replied',
      'claim.scope.ready',
      'review.requested',
      'audit.log.event',
    ];
    const one = await api.organization();
    const reply = await one.post('/webhooks', { url: 'https://hooks.example.com/', events });
    expect(reply.status).toBe(201);
    expect(reply.body.events).toEqual(events);
  });
});
