import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { expectError } from '../support/api.ts';
import { api, ids, label, one, pathOf, reads, writesWithBody } from './errors-world.ts';

// What is wrong with a query is told in the documented envelope: status, stable code, field and reason. Bodies, paths and keys are in
// errors.test.ts.

const lists = ['/leads', '/audit-log', '/organizations', '/api-keys', '/webhooks/{id}/deliveries'];

describe('a query', () => {
  const numbers = ['0', '201', '-1', 'abc', '', '1.5', '1e2', '0x10', '99999999999999999999', '%00', '１'];
  test.each(lists)('of %s refuses a limit out of range, repeated or not a number', async (path) => {
    for (const limit of [...numbers, '5&limit=6']) {
      const reply = await one.get(`${path.replace('{id}', ids.webhooks as string)}?limit=${limit}`);
      expectError(reply, 400, 'invalid_request', { field: 'limit', reason: expect.stringMatching(/1 to 200|NUL/) });
    }
  });

  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const id = randomUUID();
  const at = '2026-04-27T13:22:05.114Z';
  const cursors: [string, string][] = [
    ['nothing', ''],
    ['no base64', '!!!'],
    ['no JSON', Buffer.from('hello').toString('base64url')],
    ['null', encode(null)],
    ['a number', encode(5)],
    ['a list', encode([at, id])],
    ['another shape', encode({ a: 1 })],
    ['no id', encode({ created_at: at })],
    ['an id that is SQL', encode({ created_at: at, id: "' or 1=1 --" })],
    ['an id that is an object', encode({ created_at: at, id: { $ne: null } })],
    ['a time that is SQL', encode({ created_at: "now()'; drop table app.leads; --", id })],
    ['a time that is no time', encode({ created_at: 'yesterday', id })],
    ['the year 0', encode({ created_at: '0000-01-01T00:00:00Z', id })],
    ['February 30', encode({ created_at: '2026-02-30T00:00:00Z', id })],
    ['NUL', encode({ created_at: at, id: `${id}\0` })],
    ['NUL as it is', '%00'],
    ['too much', 'a'.repeat(2000)],
    ['two cursors', `${encode({ created_at: at, id })}&cursor=x`],
  ];
  test.each(lists)('of %s refuses a malformed cursor', async (path) => {
    for (const [what, cursor] of cursors) {
      const reply = await one.get(`${path.replace('{id}', ids.webhooks as string)}?cursor=${cursor}`);
      expect.soft(reply.status, what).toBe(400);
      expectError(reply, 400, 'invalid_request', { field: 'cursor', reason: expect.any(String) });
    }
  });

  test.each(reads.map((route) => [label(route), route] as const))(
    'of %s refuses an unknown parameter',
    async (_, route) => {
      for (const query of ['colour=red', '__proto__=1', 'constructor=1', 'limit[]=1', 'id=1', 'Limit=5']) {
        const reply = await one.get(`${pathOf(route)}?${query}`);
        const field = decodeURIComponent(query.replace(/=.*/, ''));
        expectError(reply, 400, 'invalid_request', {
          ...(field && { field }),
          reason: expect.stringMatching(/unknown/),
        });
      }
    },
  );

  test.each(writesWithBody.map((route) => [label(route), route] as const))('of %s is refused', async (_, route) => {
    const reply = await api.send(route.method, `${pathOf(route)}?organization_id=${one.organizationId}`, {
      key: one.key,
      body: {},
    });
    expectError(reply, 400, 'invalid_request', { field: 'organization_id', reason: 'unknown query parameter' });
  });

  test.each(['/leads', '/audit-log', '/audit-log/export.csv', '/webhooks/{id}/deliveries'])(
    'of %s refuses times that are none',
    async (template) => {
      const path = template.replace('{id}', ids.webhooks as string);
      const times = [
        'yesterday',
        '',
        '2026',
        '2026-13-01',
        '2026-02-30',
        '2026-04-27T25:00',
        '0000-01-01',
        '+275760-09-13',
        '275760-09-13',
        '-000001-01-01',
        '0001-01-01T00:00:00%2B01:00',
        '9999-12-31T23:59:59-01:00',
        '1745783100',
        'infinity',
        '%00',
      ];
      for (const field of ['start_at', 'end_at']) {
        for (const time of times) {
          expectError(await one.get(`${path}?${field}=${time}`), 400, 'invalid_request', {
            field,
            reason: expect.any(String),
          });
        }
      }
      expectError(await one.get(`${path}?start_at=2026-02-01&end_at=2026-01-01`), 400, 'invalid_request', {
        field: 'end_at',
        reason: 'must not be before start_at',
      });
      for (const time of ['0001-01-01', '9999-12-31T23:59:59.999Z', '2026-04-27T13:22:05%2B05:30', '2024-02-29']) {
        expect((await one.get(`${path}?start_at=${time}`)).status, time).toBe(200);
      }
    },
  );

  test('refuses values that a filter cannot have', async () => {
    for (const [query, field] of [
      ['pipeline_stage=nope', 'pipeline_stage'],
      ['source=', 'source'],
      ['source=%00', 'source'],
      [`source=${'a'.repeat(101)}`, 'source'],
      ['source=a&source=b', 'source'],
      ['organization_id=nope', 'organization_id'],
      [`organization_id=%7B${randomUUID()}%7D`, 'organization_id'],
    ] as const) {
      expectError(await one.get(`/leads?${query}`), 400, 'invalid_request', { field, reason: expect.any(String) });
    }
    for (const path of ['/audit-log', '/audit-log/export.csv']) {
      for (const [query, field] of [
        ['source=nope', 'source'],
        ['action=', 'action'],
        ['action=%00', 'action'],
        ['action=a%00b', 'action'],
      ] as const) {
        expectError(await one.get(`${path}?${query}`), 400, 'invalid_request', { field, reason: expect.any(String) });
      }
    }
  });
});
