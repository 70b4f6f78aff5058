import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../src/log.ts';
import { type Api, type Caller, startApi, until } from '../support/api.ts';

let api: Api;
let one: Caller;
const lines: string[] = [];

beforeAll(async () => {
  const log = createLogger('trace', { write: (line: string) => void lines.push(line) });
  api = await startApi({ log });
  one = await api.organization();
});
afterAll(() => api.stop());

interface Line {
  level: string;
  requestId?: string;
  [field: string]: unknown;
}
const logged = (): Line[] => lines.map((line) => JSON.parse(line));

test('every request is one line: who, what, how long, and its id', async () => {
  const reply = await one.get('/leads?source=private-matter', { 'x-request-id': 'corr_logged' });
  expect(reply.status).toBe(200);
  await until(() => logged().some((line) => line.requestId === 'corr_logged'));
  expect(logged().filter((line) => line.requestId === 'corr_logged')).toEqual([
    {
      level: 'info',
      time: expect.any(String),
      requestId: 'corr_logged',
      method: 'GET',
      path: '/api/v1/leads',
      route: '/api/v1/leads',
      status: 200,
      ms: expect.any(Number),
      keyId: one.keyId,
      organizationId: one.organizationId,
    },
  ]);
});

test('no line holds a key, a secret, a token, or what was asked and answered', async () => {
  const secrets: string[] = [one.key];
  const webhook = await one.post('/webhooks', { url: 'https://hooks.example.com/', events: ['lead.created'] });
  const rotated = await one.post(`/webhooks/${webhook.body.id}/rotate-secret`);
  const key = await one.post('/api-keys', { name: 'A', scopes: ['read'] }, { 'idempotency-key': 'kept' });
  const newer = await one.post(`/api-keys/${key.body.id}/rotate`);
  const child = await one.post('/organizations', { name: 'Child', primary_admin_email: 'owner@example.com' });
  const link = new URL(child.body.invite_url).pathname;
  const opened = await api.raw('GET', link);
  const accepted = await api.raw('POST', link);
  await api.raw('POST', link);
  await api.raw('GET', `${link}/more`);
  for (const before of ['/', '/api/v1', '/x/..']) await api.raw('GET', `${before}${link}`);
  await api.raw('GET', link.replace('/invite', '/INVITE'));
  secrets.push(
    webhook.body.signing_secret,
    rotated.body.signing_secret,
    key.body.key,
    newer.body.key,
    accepted.body.key,
  );
  secrets.push(link.slice('/invite/'.length));
  expect(secrets).toEqual(secrets.map(() => expect.stringMatching(/.{20}/)));
  expect(opened.status).toBe(200);

  // failures are logged with more: a bad key, a bad body, a door that is shut
  await api.send('GET', '/leads', { key: newer.body.key.slice(0, -1) });
  await one.post('/leads', `{"email":"${one.key}`);
  await one.post('/leads', { email: 'sarah.mitchell@example.com', name: 'Sarah Mitchell' });
  const other = await api.ai93(one.organizationId);
  secrets.push(other.key);
  await other.get('/leads?q=Sarah+Mitchell');
  await other.post('/leads', { source: 'manual', displayName: 'Sarah Mitchell', email: 'sarah.mitchell@example.com' });
  await api.send('GET', '/leads', { key: `${other.key}0` });
  const shut = await api.raw('GET', '/rest/v1/leads?name=eq.Sarah', {
    key: one.key,
    headers: { 'x-request-id': 'corr_last' },
  });
  expect(shut.status).toBe(503);
  await api.send('GET', '/leads', { headers: { authorization: `Basic ${one.key}`, cookie: `session=${one.key}` } });
  await until(() => logged().some((line) => line.requestId === 'corr_last' && line.level === 'error'));

  const all = lines.join('');
  for (const secret of secrets) {
    expect(all).not.toContain(secret);
    // nor the part of it that is secret
    expect(all).not.toContain(secret.slice(-24));
  }
  expect(all).not.toMatch(/Bearer |eyJhbGciOi|whsec_|eal_live_|ai93_live_|sarah\.mitchell|Sarah|owner@example\.com/);
  expect(all).not.toContain('a secret of thirty-two characters');
  expect(all).toContain('/invite/[redacted]');
});

test('what goes wrong on our side is logged with its cause, under the id that the client sees', async () => {
  await api.db.admin.query('alter function app.merge_settings rename to merge_settings_away');
  const reply = await one.patch(`/organizations/${one.organizationId}`, { settings: { timezone: 'UTC' } });
  await api.db.admin.query('alter function app.merge_settings_away rename to merge_settings');
  expect(reply.status).toBe(500);
  expect(reply.body).toEqual({
    error: { code: 'internal_error', message: 'Something went wrong on our side.', details: {} },
  });
  const id = reply.headers.get('x-request-id');
  const line = logged().find((each) => each.requestId === id && each.level === 'error');
  expect(JSON.stringify(line)).toContain('merge_settings');
});
