import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CSV_COLUMNS } from '../../../src/contracts/ai93/leads-csv.ts';
import type { Caller } from '../../support/api.ts';
import { expectFlatError } from '../../support/api.ts';
import { curlLine, example, expectHolds } from './example.ts';
import { expectAnswer, newLead, startWorld, type World } from './world.ts';

// A client written from the document works by changing host and key.

let world: World;
let north: Caller;
let folder: string;

beforeAll(async () => {
  world = await startWorld();
  ({ north } = world);
  folder = mkdtempSync(join(tmpdir(), 'trunkline-curl-'));
  // the lead of the document's list, found when it says
  const [lead] = example('leads.list.response').leads;
  await world.api.db.admin.query(
    `insert into app.leads (organization_id, name, source, target_type, context, created_at) values
       ($1, $2, $3, $4, $5, $6), ($1, 'Won last year', 'manual', 'customer_lead', '{}', '2025-12-31T23:59:59.999Z'),
       ($1, 'Won this year', 'manual', 'customer_lead', '{}', '2026-01-01T00:00:00Z')`,
    [north.organizationId, lead.displayName, lead.source, lead.targetType, lead.context, lead.createdAt],
  );
  await world.api.db.admin.query("update app.leads set pipeline_stage = 'won' where name like 'Won %'");
});
afterAll(async () => {
  await world.api.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

/** Runs a curl line of the document in a shell; returns what it printed. */
async function curl(name: string, edit: (line: string) => string = (line) => line): Promise<string> {
  const line = edit(curlLine(name, world.api.url, north.key));
  return (await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', line], { cwd: folder })).stdout;
}

describe('the curl line of', () => {
  test('GET /leads lists the new leads as the document prints them', async () => {
    const answer = JSON.parse(await curl('leads.list'));
    const documented = example('leads.list.response');
    expectHolds(answer, documented);
    expect(answer.count).toBe(answer.leads.length);
    const found = answer.leads.find(({ source }: { source: string }) => source === 'reddit');
    const { id: _id, businessId: _businessId, ...printed } = documented.leads[0];
    expect(found).toMatchObject(printed);
    expect(found.businessId).toBe(world.biz(north));
    expect(answer.leads.map(({ displayName }: { displayName: string }) => displayName)).not.toContain('Won this year');
  });

  test('GET /leads.csv writes the file, of what was converted since the date', async () => {
    await curl('leads.export');
    const [header, ...rows] = readFileSync(join(folder, 'leads.csv'), 'utf8').trimEnd().split('\n');
    expect(header).toBe(CSV_COLUMNS.join(','));
    expect(rows.map((row) => row.split(',')[5])).toEqual(['"Won this year"']);
  });

  test('POST /leads creates the lead of the document', async () => {
    const { lead } = JSON.parse(await curl('leads.create'));
    expectHolds({ lead: { id: lead.id, status: lead.status } }, example('leads.create.response'));
    expect(lead).toMatchObject({ status: 'new', ...example('leads.create.request') });
    expect((await north.get(`/leads/${lead.id}`)).body).toEqual({ lead });
  });

  test('POST /leads/{id}/handoff hands the lead off', async () => {
    const { id } = await newLead(north);
    const { lead } = JSON.parse(await curl('leads.handoff', (line) => line.replace('ld_abc', id)));
    expect(lead).toMatchObject({
      id,
      handoffDestination: 'krew',
      handedOffAt: expect.any(String),
      handoffMetadata: { krewLeadId: 'kl_xyz' },
    });
  });

  test('POST /leads/{id}/handoff with the id as printed finds nothing', async () => {
    expect(JSON.parse(await curl('leads.handoff'))).toEqual({ error: 'not_found', message: 'No such lead.' });
  });
});

describe('each endpoint answers with what its example holds', () => {
  test('GET /leads', async () => {
    const reply = await north.get('/leads?status=new&limit=10');
    expectHolds(expectAnswer(reply, 'leads.list').body, example('leads.list.response'));
  });

  test('GET /leads/{id}, in the shape of the list', async () => {
    const [listed] = (await north.get('/leads?source=reddit')).body.leads;
    const reply = expectAnswer(await north.get(`/leads/${listed.id}`), 'leads.get');
    expect(reply.body).toEqual({ lead: listed });
    expectHolds(reply.body.lead, example('leads.list.response').leads[0]);
  });

  test('POST /leads', async () => {
    const reply = await north.post('/leads', example('leads.create.request'));
    expectAnswer(reply, 'leads.create');
    expect(reply.status).toBe(201);
    expectHolds({ lead: { id: reply.body.lead.id, status: reply.body.lead.status } }, example('leads.create.response'));
  });

  test('POST /leads/{id}/handoff', async () => {
    const { id } = await newLead(north);
    const reply = await north.post(`/leads/${id}/handoff`, example('leads.handoff.request'));
    expectAnswer(reply, 'leads.handoff');
  });

  test('GET /sources lists the six', async () => {
    const reply = expectAnswer(await north.get('/sources'), 'sources.list');
    const named = ['reddit', 'realtor_ca', 'google_maps', 'public_tool', 'facebook_lead_ad', 'manual'];
    expect(reply.body.sources.map(({ id }: { id: string }) => id)).toEqual(named);
  });

  test('GET /scrapers/runs filters by source, status, since and limit', async () => {
    await world.api.db.admin.query(
      `insert into app.scraper_runs (organization_id, source, status, started_at, finished_at, leads_found, error) values
         ($1, 'reddit', 'succeeded', '2026-05-01T00:00:00Z', '2026-05-01T00:01:00Z', 3, null),
         ($1, 'reddit', 'failed', '2026-05-02T00:00:00Z', '2026-05-02T00:01:00Z', 0, 'HTTP 503'),
         ($1, 'google_maps', 'running', '2026-05-03T00:00:00Z', null, 0, null)`,
      [north.organizationId],
    );
    const runs = async (query: string) =>
      expectAnswer(await north.get(`/scrapers/runs${query}`), 'scrapers.runs.list').body.runs.map(
        (run: { source: string; status: string }) => `${run.source} ${run.status}`,
      );
    expect(await runs('')).toEqual(['google_maps running', 'reddit failed', 'reddit succeeded']);
    expect(await runs('?source=reddit')).toEqual(['reddit failed', 'reddit succeeded']);
    expect(await runs('?status=failed')).toEqual(['reddit failed']);
    expect(await runs('?since=2026-05-02')).toEqual(['google_maps running', 'reddit failed']);
    expect(await runs('?limit=1')).toEqual(['google_maps running']);
    expect(await runs('?source=reddit&status=running')).toEqual([]);
  });
});

describe('errors', () => {
  test('are the two texts of the document: 403 with its own words', async () => {
    const reader = await world.api.ai93(north.organizationId, { scopes: ['leads:read'] });
    const reply = await reader.post('/leads', example('leads.create.request'));
    expect([reply.status, reply.body]).toEqual([403, example('error.response')]);
  });

  test.each([
    ['leads:read', 'GET', '/leads'],
    ['leads:read', 'GET', '/leads.csv'],
    ['leads:read', 'GET', '/leads/ld_abc'],
    ['leads:write', 'POST', '/leads'],
    ['leads:handoff', 'POST', '/leads/ld_abc/handoff'],
    ['sources:read', 'GET', '/sources'],
    ['sources:read', 'GET', '/scrapers/runs'],
  ])('%s is the scope of %s %s, and no other stands for it', async (scope, method, path) => {
    const others = ['leads:read', 'leads:write', 'leads:handoff', 'sources:read'].filter((one) => one !== scope);
    const { key } = await world.api.ai93(north.organizationId, { scopes: others });
    const reply = await world.api.send(method, path, { key, ...(method === 'POST' && { body: {} }) });
    expectFlatError(reply, 403, 'missing_scope', `API key lacks required scope: ${scope}`);
    const { key: holder } = await world.api.ai93(north.organizationId, { scopes: [scope] });
    const allowed = await world.api.send(method, path, { key: holder, ...(method === 'POST' && { body: {} }) });
    expect(allowed.status).not.toBe(403);
  });

  test.each([
    ['an invalid key', 401, 'GET', '/leads', { key: 'ai93_live_nonsense' }, 'unauthorized'],
    ['a missing field', 400, 'POST', '/leads', { body: { displayName: 'x' } }, 'invalid_request'],
    ['a malformed body', 400, 'POST', '/leads', { body: '{' }, 'invalid_request'],
    ['an unknown lead', 404, 'GET', '/leads/ld_abc', {}, 'not_found'],
  ])('%s is %i', async (_what, status, method, path, options, code) => {
    expectFlatError(await world.api.send(method, path, { key: north.key, ...options }), status, code);
  });
});

test('the key’s prefix decides between the two contracts of the path, for answers and for errors', async () => {
  const eal = await world.api.key(north.organizationId);
  expect((await eal.get('/leads')).body).toMatchObject({ data: expect.any(Array), next_cursor: null });
  expect((await eal.get('/leads/ld_abc')).body.error).toMatchObject({ code: 'not_found', details: {} });
  // a path that only the other contract has
  expectFlatError(await north.get('/audit-log'), 404, 'not_found');
  expect((await eal.get('/sources')).body.error.code).toBe('not_found');
  expect((await world.api.send('GET', '/leads', { key: 'eal_live_x' })).body.error.code).toBe('unauthorized');
});
