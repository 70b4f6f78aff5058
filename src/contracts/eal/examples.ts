import { callExample, classifiedExample } from './calls-examples.ts';

// Examples as the document prints them; the reference shows them, and the tests run them.

const LEAD = '9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18';
const ORGANIZATION = '8c2f0a14-0c8a-4a3a-9a4d-3e0f1d6c2a91';
const PARENT = 'ab12c3d4-e5f6-7890-abcd-ef1234567890';
const WEBHOOK = 'f4e9c2a8-7d31-4b6f-9c83-21e5d4a07b14';

const summary = {
  id: LEAD,
  organization_id: ORGANIZATION,
  name: 'Sarah Mitchell',
  company: null,
  email: 'sarah.mitchell@example.com',
  source: 'google_ads',
  lead_score: 87,
  pipeline_stage: 'qualified',
  industry: null,
  company_size: null,
  created_at: '2026-04-27T13:22:05.114Z',
  updated_at: '2026-04-27T13:22:09.218Z',
};

const { created_at, updated_at, ...described } = summary;
const fullLead = {
  ...described,
  industry: 'residential',
  pain_points: 'Recurring basement moisture after spring rain',
  timeline: 'this_week',
  budget_range: null,
  ai_reasoning: 'High urgency: water damage signal, recent storm event, in-radius',
  qualification_completed_at: '2026-04-27T13:22:09.218Z',
  created_at,
  updated_at,
};

const entry = {
  id: 'a4b1c8d2-7e30-4f1a-9c83-21e5d4a07b14',
  organization_id: ORGANIZATION,
  action: 'lead.updated',
  source: 'api',
  correlation_id: 'corr_z3p7w2',
  payload: {
    lead_id: LEAD,
    diff: { pipeline_stage: { from: 'qualified', to: 'won' }, lead_score: { from: 87, to: 92 } },
    key_id: 'k7e2c8a1-4d65-4e2b-8a91-3c0e7d4b2f18',
  },
  created_at: '2026-04-27T18:55:42.001Z',
};

const subscription = {
  url: 'https://crm-bridge.example.com/webhook',
  events: ['call.qualified', 'lead.created', 'claim.scope.ready'],
  description: 'Production CRM bridge',
};
const webhook = {
  id: WEBHOOK,
  ...subscription,
  signing_secret_prefix: 'whsec_a1b2c3',
  enabled: true,
  created_at: '2026-02-14T09:11:00.000Z',
};
const delivered = { last_delivery_at: '2026-04-27T17:42:18.001Z', last_delivery_status: 200 };
const delivery = {
  id: 'whd_01kq80ht4hft9sbsqq10cj795n',
  event: 'call.qualified',
  status: 'delivered',
  response_status: 200,
  latency_ms: 142,
  attempt: 1,
  delivered_at: '2026-04-27T17:42:18.001Z',
};
const key = {
  id: '2f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18',
  name: 'Production',
  key_prefix: 'eal_live_a1b2c3',
  environment: 'live',
  scopes: ['read', 'write'],
  last_used_at: null,
  expires_at: '2027-04-27T00:00:00.000Z',
  revoked_at: null,
  created_at: '2026-04-27T17:09:33.001Z',
};

const email = {
  message_id: 'msg_01kq86qebhex683de7x3rac4y4',
  channel: 'email',
  to: 'sarah.mitchell@example.com',
  lead_id: LEAD,
};

/** The body of a delivery. */
const event = (type: string, created_at: string, data: object) => ({
  id: 'evt_5f1c8a324d65e2b8',
  type,
  created_at,
  organization_id: ORGANIZATION,
  data,
});

const events = {
  'call.received': event('call.received', '2026-04-27T17:42:11.214Z', callExample),
  'call.classified': event('call.classified', '2026-04-27T17:42:16.402Z', classifiedExample),
  'call.qualified': event('call.qualified', '2026-04-27T17:42:17.114Z', classifiedExample),
  'lead.created': event('lead.created', fullLead.created_at, fullLead),
  'lead.updated': event('lead.updated', entry.created_at, {
    ...fullLead,
    lead_score: 92,
    pipeline_stage: 'won',
    updated_at: entry.created_at,
  }),
  'outreach.email.sent': event('outreach.email.sent', '2026-04-27T19:30:14.001Z', { ...email, status: 'sent' }),
  'outreach.email.replied': event('outreach.email.replied', '2026-04-27T20:04:51.730Z', {
    ...email,
    status: 'replied',
  }),
  'claim.scope.ready': event('claim.scope.ready', '2026-04-27T18:13:40.092Z', {
    id: 'clm_01kq8231arec5v195ptzmza0nk',
    loss_type: 'water',
    status: 'ready_for_review',
    scope_item_count: 14,
    photo_count: 38,
  }),
  'review.requested': event('review.requested', '2026-04-27T21:00:00.000Z', { platform: 'google', lead_id: LEAD }),
  'review.received': event('review.received', '2026-04-28T09:12:30.551Z', {
    platform: 'google',
    review_id: 'g_review_z2x8c4v1',
    rating: 5,
    review_text: 'PuroClean was at our house within 45 minutes after a pipe burst...',
  }),
  'audit.log.event': event('audit.log.event', entry.created_at, entry),
};

export const examples = {
  events,
  health: {
    response: {
      status: 'ok',
      version: 'v1',
      tenant_id: ORGANIZATION,
      environment: 'live',
      scopes: ['read', 'write'],
      timestamp: '2026-04-27T19:22:01.118Z',
    },
  },
  organization: {
    response: {
      id: ORGANIZATION,
      name: 'PuroClean of North Metro Atlanta',
      industry: 'restoration',
      parent_organization_id: null,
      settings: { timezone: 'America/New_York', default_locale: 'en-US' },
      created_at: '2025-09-12T14:23:01.418Z',
    },
  },
  organizationList: {
    response: {
      data: [
        {
          id: ORGANIZATION,
          name: 'PuroClean of North Metro Atlanta',
          industry: 'restoration',
          grants: ['leads.read', 'calls.read', 'audit_log.read'],
        },
      ],
      next_cursor: null,
    },
  },
  organizationCreate: {
    request: {
      name: 'PuroClean of West Cobb',
      industry: 'restoration',
      settings: { timezone: 'America/New_York' },
      primary_admin_email: 'owner@example.com',
    },
    response: {
      id: '5b2c7a31-4f98-4a7d-9e2b-c1f7e4a18b62',
      name: 'PuroClean of West Cobb',
      parent_organization_id: PARENT,
      invite_url: 'https://www.expertailabs.ai/invite/itok_a1f3...',
      invite_expires_at: '2026-05-04T17:00:00.000Z',
      created_at: '2026-04-27T17:00:12.314Z',
    },
  },
  organizationPatch: {
    request: { settings: { timezone: 'America/New_York', default_locale: 'en-US' } },
    response: {
      id: '5b2c7a31-4f98-4a7d-9e2b-c1f7e4a18b62',
      settings: { timezone: 'America/New_York', default_locale: 'en-US' },
      updated_at: '2026-04-27T17:02:55.901Z',
    },
  },
  grant: {
    request: {
      parent_organization_id: PARENT,
      scopes: ['leads.read', 'calls.read', 'audit_log.read'],
      expires_at: '2027-04-27T00:00:00.000Z',
    },
    response: {
      grant_id: WEBHOOK,
      parent_organization_id: PARENT,
      scopes: ['leads.read', 'calls.read', 'audit_log.read'],
      created_at: '2026-04-27T17:09:33.001Z',
      expires_at: '2027-04-27T00:00:00.000Z',
    },
  },
  grantRevoke: { response: { grant_id: WEBHOOK, revoked: true } },
  leadList: {
    query: { pipeline_stage: 'qualified', limit: '50' },
    response: {
      data: [summary],
      next_cursor:
        'eyJjcmVhdGVkX2F0IjoiMjAyNi0wNC0yN1QxMzoyMjowNS4xMTRaIiwiaWQiOiI5ZjFjOGEzMi00ZDY1LTRlMmItOGE5MS0zYzBlN2Q0YjJmMTgifQ',
    },
  },
  lead: { response: fullLead },
  leadCreate: {
    request: {
      name: 'Sarah Mitchell',
      email: 'sarah.mitchell@example.com',
      source: 'website',
      industry: 'residential',
      pipeline_stage: 'new',
    },
    response: {
      ...summary,
      source: 'website',
      lead_score: 0,
      pipeline_stage: 'new',
      industry: 'residential',
      updated_at: '2026-04-27T13:22:05.114Z',
    },
  },
  leadScore: {
    response: {
      id: LEAD,
      lead_score: 35,
      ai_reasoning:
        'Describes an urgent problem (+0.20); Needs it now (+0.20); Email given (+0.10); Business email (+0.05)',
      scored_at: '2026-04-27T19:01:15.214Z',
    },
  },
  leadPush: {
    response: {
      id: LEAD,
      crm_sync: {
        vendor: 'jobnimbus',
        external_id: 'jn_117422',
        status: 'ok',
        last_synced_at: '2026-04-27T19:03:42.118Z',
      },
    },
  },
  leadPatch: {
    request: { pipeline_stage: 'won', lead_score: 92 },
    response: {
      id: LEAD,
      organization_id: ORGANIZATION,
      name: 'Sarah Mitchell',
      company: null,
      email: 'sarah.mitchell@example.com',
      source: 'google_ads',
      lead_score: 92,
      pipeline_stage: 'won',
      updated_at: '2026-04-27T18:55:42.001Z',
    },
  },
  auditList: {
    query: { action: 'lead.updated' },
    response: {
      data: [entry],
      next_cursor:
        'eyJjcmVhdGVkX2F0IjoiMjAyNi0wNC0yN1QxODo1NTo0Mi4wMDFaIiwiaWQiOiJhNGIxYzhkMi03ZTMwLTRmMWEtOWM4My0yMWU1ZDRhMDdiMTQifQ',
    },
  },
  auditEntry: { response: entry },
  auditExport: {
    csv: `id,organization_id,action,source,correlation_id,payload,created_at
${entry.id},${entry.organization_id},${entry.action},${entry.source},${entry.correlation_id},"{""diff"": {""lead_score"": {""to"": 92, ""from"": 87}}}",${entry.created_at}
`,
  },
  webhookList: { response: { data: [{ ...webhook, ...delivered }] } },
  webhook: { response: { ...webhook, ...delivered } },
  webhookCreate: {
    request: subscription,
    response: {
      ...webhook,
      signing_secret: 'whsec_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6',
      _warning: 'Save this signing_secret now. It will not be shown again.',
    },
  },
  webhookPatch: {
    request: { enabled: true, events: ['lead.created', 'lead.updated'] },
    response: { ...webhook, events: ['lead.created', 'lead.updated'], ...delivered },
  },
  webhookDelete: { response: { id: WEBHOOK, deleted: true } },
  secretRotate: {
    response: {
      id: WEBHOOK,
      url: subscription.url,
      signing_secret_prefix: 'whsec_z9y8x7',
      signing_secret: 'whsec_z9y8x7w6v5u4t3s2r1q0p9o8n7m6l5k4',
      _warning:
        'Save this signing_secret now. It will not be shown again. The previous secret remains valid for 24 hours.',
    },
  },
  deliveryList: { response: { data: [delivery], next_cursor: null } },
  delivery: {
    response: {
      ...delivery,
      event_id: 'evt_5f1c8a324d65e2b8',
      next_attempt_at: null,
      error: null,
      response_body: 'ok',
    },
  },
  deliveryRetry: { response: { id: delivery.id, status: 'pending' } },
  webhookTest: {
    request: { event: 'lead.created' },
    response: { event_id: 'evt_5f1c8a324d65e2b8', event: 'lead.created', status: 'pending' },
  },
  webhookRecover: { request: { since: '2026-04-26T00:00:00.000Z' }, response: { id: WEBHOOK, recovered: 12 } },
  keyList: { response: { data: [key], next_cursor: null } },
  keyCreate: {
    request: { name: 'Production', scopes: ['read', 'write'], expires_at: '2027-04-27T00:00:00.000Z' },
    response: { ...key, key: 'eal_live_a1b2c3d4...', _warning: 'Save this key now. It will not be shown again.' },
  },
  keyRotate: {
    request: { overlap_hours: 24 },
    response: {
      ...key,
      expires_at: null,
      key: 'eal_live_z9y8x7w6...',
      key_prefix: 'eal_live_z9y8x7',
      _warning: 'Save this key now. It will not be shown again.',
    },
  },
  keyRevoke: { response: { id: key.id, revoked: true } },
};
