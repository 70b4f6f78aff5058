import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import type { Route } from '../../src/contracts/contract.ts';
import { eal } from '../../src/contracts/eal/index.ts';
import { type Api, type Caller, startApi } from '../support/api.ts';
import { META_SECRETS } from './family.ts';

// A gateway, and an organization with one of each resource, for every test of the file that imports this.

export let api: Api;
export let one: Caller;
/** of what there is, by resource */
export let ids: Record<string, string>;

beforeAll(async () => {
  api = await startApi();
  one = await api.organization();
  const lead = await one.post('/leads', { email: 'sarah@example.com' });
  const webhook = await one.post('/webhooks', { url: 'https://hooks.example.com/', events: ['lead.created'] });
  const key = await one.post('/api-keys', { name: 'Another', scopes: ['read'] });
  const entry = await one.get('/audit-log?limit=1');
  ids = {
    leads: lead.body.id,
    webhooks: webhook.body.id,
    'api-keys': key.body.id,
    'audit-log': entry.body.data[0].id,
    organizations: one.organizationId,
    grant_id: randomUUID(),
    delivery_id: `whd_${'0'.repeat(26)}`,
    vendor: 'meta-lead-ads',
  };
  // where nobody listens
  const settings = { api_url: 'http://127.0.0.1:9' };
  await one.put('/connectors/meta-lead-ads', { settings, secrets: META_SECRETS });
});
afterAll(() => api.stop());

/** A path of the route, with ids of what there is. */
export const pathOf = (route: Route, names: Record<string, string> = ids): string => {
  const kind = route.path.split('/')[1] as string;
  return route.path.replace('{id}', names[kind] as string).replace(/\{(\w+)\}/g, (_, name) => names[name] as string);
};
export const label = (route: Route): string => `${route.method} ${route.path}`;
export const writesWithBody = eal.routes.filter((route) => route.method !== 'GET');
export const reads = eal.routes.filter((route) => route.method === 'GET' && route.path !== '/health');
