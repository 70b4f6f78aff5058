import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { eal } from '../../src/contracts/eal/index.ts';
import { inParallel } from '../support/api.ts';
import { seeded } from '../support/seeded.ts';
import { api, ids, one, pathOf } from './errors-world.ts';

// Requests made of whatever comes: each is answered, never with a failure of ours. AI93's are in anything-ai93.test.ts.

describe('a request that is no proper HTTP', () => {
  const speak = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(api.url);
      const socket = net.connect(Number(port), hostname, () => socket.write(text));
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      socket.on('close', () => resolve(answer));
      socket.on('error', reject);
    });
  const close = 'Host: x\r\nConnection: close\r\n';

  test('does not bring the gateway down', async () => {
    expect(await speak('NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    expect(await speak(`GET //// HTTP/1.1\r\n${close}\r\n`)).toMatch(/^HTTP\/1.1 404 /);
    expect(await speak(`GET http://[ HTTP/1.1\r\n${close}\r\n`)).toMatch(/^HTTP\/1.1 4\d\d /);
    expect(await speak(`GET /api/v1/leads?a=\\x HTTP/1.1\r\n${close}\r\n`)).toMatch(/^HTTP\/1.1 401 /);
    expect(await speak(`OPTIONS * HTTP/1.1\r\n${close}\r\n`)).toMatch(/^HTTP\/1.1 4\d\d /);
    expect(
      await speak(
        `POST /api/v1/leads HTTP/1.1\r\nAuthorization: Bearer ${one.key}\r\nContent-Length: 0\r\n${close}\r\n`,
      ),
    ).toMatch(/^HTTP\/1.1 400 /);
    expect((await one.get('/health')).status).toBe(200);
  });
});

describe('whatever is sent', () => {
  test('is answered, never with a failure of ours', async () => {
    const random = seeded(20_260_427);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const scalars: unknown[] = [
      null,
      true,
      0,
      -1,
      1.5,
      1e308,
      '',
      ' ',
      'a',
      '\0',
      '\ud83d',
      '2026-01-01',
      '9999-12-31T23:59:59Z',
      'a@b.co',
      '9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18',
      'x'.repeat(300),
      "'; select 1; --",
      '$1',
      '%s',
      '\u202e',
      '"',
      '\\',
      'lead.created',
      'read',
    ];
    const value = (depth = 0): unknown => {
      const roll = random();
      if (depth > 3 || roll < 0.7) return pick(scalars);
      if (roll < 0.85) return Array.from({ length: Math.floor(random() * 3) }, () => value(depth + 1));
      return Object.fromEntries(
        Array.from({ length: Math.floor(random() * 3) }, () => [String(pick(scalars)), value(depth + 1)]),
      );
    };
    const fields = [
      'id',
      'name',
      'company',
      'email',
      'source',
      'lead_score',
      'pipeline_stage',
      'settings',
      'primary_admin_email',
      'url',
      'events',
      'description',
      'enabled',
      'retry_schedule',
      'scopes',
      'expires_at',
      'overlap_hours',
      'since',
      'event',
      'parent_organization_id',
      'limit',
      'cursor',
      'start_at',
      'end_at',
      'organization_id',
      'status',
      'action',
      'secrets',
      'receipt',
      '__proto__',
    ];
    const requests = Array.from({ length: 600 }, () => {
      const route = pick(eal.routes);
      const some = Object.fromEntries(Array.from({ length: Math.floor(random() * 4) }, () => [pick(fields), value()]));
      const names = Object.fromEntries(
        Object.entries(ids).map(([name, id]) => [
          name,
          random() < 0.7 ? id : encodeURIComponent(String(pick(scalars)).toWellFormed()) || 'x',
        ]),
      );
      const query = Object.entries(some)
        .map(([name, one]) => `${name}=${encodeURIComponent(String(JSON.stringify(one)))}`)
        .join('&');
      return route.method === 'GET'
        ? { method: 'GET', path: `${pathOf(route, names)}?${query}` }
        : { method: route.method, path: pathOf(route, names), body: JSON.stringify(some) };
    });
    // the key that calls must outlive what its requests do
    const caller = await api.key(one.organizationId);
    await inParallel(requests, async ({ method, path, body }) => {
      const reply = await api.send(method, path, { key: caller.key, body });
      expect(reply.status, `${method} ${path} ${body ?? ''}`).toBeLessThan(500);
      if (reply.status < 400) return;
      expect(reply.body, `${method} ${path} ${body ?? ''}`).toEqual({
        error: { code: expect.any(String), message: expect.any(String), details: expect.any(Object) },
      });
    });
  });
});
