import { connectorNamed } from '../../../connectors/registry.ts';

// Connections, with Meta Lead Ads for an example.

const configuration = connectorNamed('meta-lead-ads')?.configuration;
const base = {
  id: '2e6b90d4-51c7-4f0e-8c3a-7a1d0f9b6e52',
  vendor: 'meta-lead-ads',
  name: 'default',
  enabled: true,
};
const health = {
  status: 'ok',
  last_received_at: '2026-04-27T13:22:05.114Z',
  last_lead_at: '2026-04-27T13:22:05.870Z',
  last_call_at: null,
  last_polled_at: null,
  failing_since: null,
  last_error: null,
  last_error_at: null,
  held_until: null,
  waiting: 0,
  dead: 0,
  leads_7d: 12,
};
const times = { created_at: '2026-04-20T09:00:00.000Z', updated_at: '2026-04-20T09:00:00.000Z' };
const settings = { page_ids: ['104857600000017'], field_mapping: { 'what_happened?': 'notes' } };
const secrets = ['app_secret', 'page_access_token', 'verify_token'];
const configured = { settings: configuration?.mask(settings, secrets), token_prefix: 'q7Zk2M' };
const shownOnce = {
  hook_url: 'https://trunkline.example.com/hooks/meta-lead-ads/q7Zk2MvXc0aTtE5yWbN8hJrL3sPdGfUi',
  _warning: 'Save this hook_url now. Its token will not be shown again.',
};
const saved = { ...base, ...configured, ...times };

export const examples = {
  vendors: {
    response: {
      data: [
        {
          vendor: 'meta-lead-ads',
          title: 'Meta Lead Ads (Facebook, Instagram)',
          description: 'Leads from instant forms of Facebook and Instagram ads, as they are sent in.',
          hook: true,
          test: true,
          setup: ['In the Meta app, add the product Webhooks, choose the object Page, …'],
          fields: [
            {
              name: 'app_secret',
              label: 'App secret',
              help: 'App settings, Basic. What Meta sends is signed with it.',
              kind: 'text',
              secret: true,
              required: true,
              default: null,
            },
          ],
        },
      ],
    },
  },
  list: { response: { data: [{ ...base, ...health, ...times }] } },
  one: { response: { ...base, ...health, ...times, ...configured } },
  save: {
    query: { name: 'north' },
    request: {
      settings,
      secrets: {
        verify_token: 'any-text-that-you-choose',
        app_secret: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
        page_access_token: 'EAAB0example0token',
      },
    },
    response: { ...saved, name: 'north', created: true, ...shownOnce },
  },
  saved: { ...saved, name: 'north', created: false },
  delete: { response: { id: base.id, deleted: true } },
  test: {
    request: { secrets: { page_access_token: 'EAAB0another0token' } },
    response: { ok: true, message: 'The token is for the page PuroClean of North Metro Atlanta (104857600000017).' },
  },
  rotate: {
    response: { id: base.id, vendor: base.vendor, name: base.name, token_prefix: 'q7Zk2M', ...shownOnce },
  },
  retry: { response: { vendor: base.vendor, name: base.name, retried: 3 } },
};
