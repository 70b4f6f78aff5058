import http from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, type Caller, expectError, startApi, until } from '../support/api.ts';
import { parseCsv } from '../support/csv.ts';
import { type GatewayChild, startGatewayChild } from './gateway-child.ts';

const MANY = 200_000;

let api: Api;
let one: Caller;
let big: Caller;

beforeAll(async () => {
  api = await startApi();
  one = await api.organization();
  big = await api.organization();
  const awkward = [
    'a,b',
    'say "hi"',
    'two\nlines',
    'two\r\nlines',
    '"',
    ',',
    '=1+1',
    "'; drop",
    'ünï — 😀',
    '\\N',
    '\t',
    '{}',
  ];
  for (const [n, name] of awkward.entries()) {
    const { body } = await one.post('/leads', { name: `${name}.`, company: 'B' });
    await one.patch(`/leads/${body.id}`, { lead_score: n, pain_points: name.trim() || 'tab' });
  }
  await api.db.admin.query(
    `insert into audit.platform_events (organization_id, id, action, source, correlation_id, payload, created_at)
     select $1, uuidv7(), 'lead.updated', 'api', 'corr_' || n, jsonb_build_object('diff', jsonb_build_object('pain_points', jsonb_build_object('from', null, 'to', repeat('x', 200)))),
            now() - n * interval '1 ms'
       from generate_series(1, ${MANY}) as n`,
    [big.organizationId],
  );
});
afterAll(() => api.stop());

const exported = async (caller: Caller, query = ''): Promise<Record<string, string>[]> => {
  const reply = await caller.get(`/audit-log/export.csv?${query}`);
  expect(reply.status).toBe(200);
  return parseCsv(reply.text);
};

describe('the export', () => {
  test('is what the list is, entry by entry, whatever characters it holds', async () => {
    const { body } = await one.get('/audit-log?limit=200');
    const rows = await exported(one);
    expect(rows.map(({ payload, ...row }) => ({ ...row, payload: JSON.parse(payload as string) }))).toEqual(body.data);
    expect(rows.length).toBeGreaterThan(24);
  });

  test('has the filters of the list', async () => {
    const { body: all } = await one.get('/audit-log?limit=200');
    const at = all.data[10].created_at;
    for (const query of [
      'action=lead.updated',
      'source=system',
      `start_at=${at}`,
      `end_at=${at}`,
      `action=lead.created&source=api&start_at=${at}`,
      'action=nothing.happened',
    ]) {
      const { body } = await one.get(`/audit-log?limit=200&${query}`);
      expect(
        (await exported(one, query)).map((row) => row.id),
        query,
      ).toEqual(body.data.map((entry: { id: string }) => entry.id));
    }
  });

  test('takes a filter for what it says, also one that looks like SQL', async () => {
    for (const action of [
      "' or 1=1 --",
      "x'; select pg_sleep(9); --",
      '$1',
      '\\',
      "\\' or true --",
      ') to stdout; --',
    ]) {
      expect(await exported(one, `action=${encodeURIComponent(action)}`)).toEqual([]);
    }
  });

  test('of nothing is the header alone', async () => {
    const reply = await one.get('/audit-log/export.csv?end_at=2000-01-01');
    expect(reply.text).toBe('id,organization_id,action,source,correlation_id,payload,created_at\n');
  });

  test('may be asked for again the moment it has ended, however often', async () => {
    const business = await api.ai93(one.organizationId);
    const statuses: number[] = [];
    for (let n = 0; n < 150; n++) {
      statuses.push((await one.get('/audit-log/export.csv')).status, (await business.get('/leads.csv')).status);
    }
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });

  test('takes no page, as it has none', async () => {
    for (const query of ['limit=5', 'cursor=abc']) {
      expectError(await one.get(`/audit-log/export.csv?${query}`), 400, 'invalid_request', {
        field: query.split('=')[0],
      });
    }
  });

  test('of a child is the child’s, under a grant', async () => {
    const parent = await api.organization();
    const child = await api.organization({ parent: parent.organizationId });
    await child.post('/leads', { email: 'a@example.com' });
    const query = `organization_id=${child.organizationId}`;
    expectError(await parent.get(`/audit-log/export.csv?${query}`), 404, 'not_found', { field: 'organization_id' });
    await child.post(`/organizations/${child.organizationId}/grants`, {
      parent_organization_id: parent.organizationId,
      scopes: ['audit_log.read'],
    });
    const rows = await exported(parent, query);
    expect(new Set(rows.map((row) => row.organization_id))).toEqual(new Set([child.organizationId]));
    expect(rows.map((row) => row.action)).toContain('lead.created');
  });
});

describe('however much it is', () => {
  let child: GatewayChild;

  const begin = async (query = ''): Promise<http.IncomingMessage> => {
    const headers = { authorization: `Bearer ${big.key}` };
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get(`${child.url}/api/v1/audit-log/export.csv${query}`, { headers }, resolve).on('error', reject);
    });
    expect(response.statusCode).toBe(200);
    return response;
  };
  const underWay = async (): Promise<number> =>
    (
      await api.db.admin.query(
        "select from pg_stat_activity where datname = current_database() and application_name = 'trunkline export' and state <> 'idle'",
      )
    ).rowCount ?? 0;

  beforeAll(async () => {
    child = await startGatewayChild(api.db.loginUrl('gateway'));
  });
  afterAll(() => child.stop());

  test('memory does not grow with it, and nothing is left out', async () => {
    // a fifth of it first, for what the process loads and the garbage it lets lie
    const fifth = new Date(Date.now() - (MANY * 4) / 5).toISOString();
    for await (const _ of await begin(`?end_at=${fifth}`));
    const before = await child.peakKiB();
    let lines = 0;
    let bytes = 0;
    for await (const chunk of await begin()) {
      bytes += chunk.length;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
    }
    expect(lines).toBeGreaterThanOrEqual(MANY + 1);
    expect(bytes).toBeGreaterThan(64 * 1024 * 1024);
    expect((await child.peakKiB()) - before).toBeLessThan(64 * 1024);
  });

  test('a client that does not read is waited for, and what it has not read is not kept in memory', async () => {
    const before = await child.peakKiB();
    const slow = await begin();
    slow.pause();
    await until(async () => (await underWay()) === 1);
    // the whole of it, while the other stands still
    for await (const _ of await begin());
    expect((await child.peakKiB()) - before).toBeLessThan(64 * 1024);
    slow.destroy();
    await until(async () => (await underWay()) === 0);
  });

  test('a client that goes away frees what it used', async () => {
    // more of them than there are connections for exports
    for (let round = 0; round < 6; round++) {
      const response = await begin();
      await new Promise((resolve) => response.once('data', resolve));
      response.destroy();
    }
    const aborted = http.get(`${child.url}/api/v1/audit-log/export.csv`, {
      headers: { authorization: `Bearer ${big.key}` },
    });
    aborted.on('error', () => {});
    aborted.destroy();
    await until(async () => (await underWay()) === 0);
    (await begin('?end_at=2000-01-01')).resume();
  });
});
