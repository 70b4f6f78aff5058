import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, callList, callStatistics } from '../../../src/contracts/eal/calls.ts';
import { type Api, type Caller, expectError, startApi } from '../../support/api.ts';

let api: Api;
let office: Caller;
beforeAll(async () => {
  api = await startApi();
  office = await api.organization();
});
afterAll(() => api.stop());

const told = {
  source: 'phone_system',
  external_id: 'c-1',
  tracking_number: '+17705550199',
  caller_number: '(404) 555-0173',
  duration_seconds: 0,
  received_at: '2026-04-27T17:42:11.214Z',
};

describe('a call that a tracker tells of', () => {
  test('is made once, and learns what a later message knows', async () => {
    const first = await office.post('/calls', { ...told, campaign: 'storm', answered: true });
    expect(first.status).toBe(201);
    expect(call.parse(first.body)).toMatchObject({
      caller_number: '(404) 555-0173',
      transcript: null,
      classification: null,
    });

    const again = await office.post('/calls', {
      source: told.source,
      external_id: told.external_id,
      duration_seconds: 142,
      transcript: 'Caller: I have water …',
      keywords: ['flood'],
    });
    expect(again.status).toBe(200);
    expect(again.body).toMatchObject({
      id: first.body.id,
      duration_seconds: 142,
      transcript: 'Caller: I have water …',
      tracking_number: told.tracking_number,
      received_at: told.received_at,
    });
    const { rows } = await api.db.admin.query(
      'select extra, answered, caller_key from app.calls where organization_id = $1',
      [office.organizationId],
    );
    expect(rows).toEqual([
      { extra: { campaign: 'storm', keywords: ['flood'] }, answered: true, caller_key: '14045550173' },
    ]);
  });

  test('is fetched by its id, and not found under any other', async () => {
    const [{ id }] = (await office.get('/calls')).body.data;
    expect(call.parse((await office.get(`/calls/${id}`)).body).id).toBe(id);
    for (const other of ['call_00000000000000000000000000', 'call_x', id.replace('call_', 'lead_')]) {
      expectError(await office.get(`/calls/${other}`), 404, 'not_found');
    }
    expectError(await (await api.organization()).get(`/calls/${id}`), 404, 'not_found');
  });

  test.each([
    ['duration_seconds', -1],
    ['duration_seconds', 1.5],
    ['caller_number', 7],
    ['direction', 'sideways'],
    ['recording_url', 'ftp://recordings.example.com/1'],
    ['received_at', 'yesterday'],
    ['received_at', new Date(Date.now() + 48 * 3_600_000).toISOString()],
    ['answered', 'yes'],
  ])('with %s %j is refused by its name', async (field, value) => {
    expectError(await office.post('/calls', { ...told, [field]: value }), 400, 'invalid_request', { field });
  });

  test.each([{}, { callerNumber: '+14045550173' }, { caller_number: null, duration_seconds: 5 }])(
    'is refused when nothing is told of it: %j',
    async (nothing) => {
      expectError(await office.post('/calls', nothing), 400, 'invalid_request', { reason: expect.any(String) });
    },
  );

  test('needs the scope to write', async () => {
    const reader = await api.key(office.organizationId, ['read']);
    expectError(await reader.post('/calls', told), 403, 'forbidden');
  });
});

describe('calls that are classified', () => {
  let busy: Caller;
  beforeAll(async () => {
    busy = await api.organization();
    await api.db.admin.query(
      `insert into app.calls (organization_id, source, received_at, status, intent, confidence, urgency, qualified, classified_at)
       select $1, 'api', t.at, 'classified', t.intent, 0.9, 'low', t.intent = 'water', t.at + t.took * interval '1 second'
         from (values (now() - interval '1 hour', 'water', 5), (now() - interval '2 days', 'water', 11), (now() - interval '3 days', 'sales_pitch', 20),
                      (now() - interval '8 days', 'wrong_number', 30), (now() - interval '40 days', 'mold', 60)) as t (at, intent, took)`,
      [busy.organizationId],
    );
    await api.db.admin.query("insert into app.calls (organization_id, source) values ($1, 'api')", [
      busy.organizationId,
    ]);
  });

  const intents = async (query: string) =>
    callList.parse((await busy.get(`/calls?${query}`)).body).data.map((one) => one.classification);

  test('are listed newest first, and filtered', async () => {
    expect(await intents('')).toEqual([null, 'water', 'water', 'sales_pitch', 'wrong_number', 'mold']);
    expect(await intents('classification=sales')).toEqual(['sales_pitch']);
    expect(await intents('classification=junk')).toEqual(['sales_pitch', 'wrong_number']);
    expect(await intents('classification=water&qualified=true')).toEqual(['water', 'water']);
    expect(await intents('qualified=false')).toEqual(['sales_pitch', 'wrong_number', 'mold']);
    expect(await intents('status=received')).toEqual([null]);
    expectError(await busy.get('/calls?classification=pizza'), 400, 'invalid_request', { field: 'classification' });
    expect(await intents('dispatch_decision=review')).toEqual([]);
    await api.db.admin.query(
      "update app.calls set dispatch_action = 'review' where organization_id = $1 and intent = 'mold'",
      [busy.organizationId],
    );
    expect(await intents('dispatch_decision=review')).toEqual(['mold']);
    expectError(await busy.get('/calls?dispatch_decision=later'), 400, 'invalid_request', {
      field: 'dispatch_decision',
    });
    expectError(await busy.get('/calls?qualified=1'), 400, 'invalid_request', { field: 'qualified' });
  });

  test('come in pages', async () => {
    const first = await busy.get('/calls?limit=4');
    const rest = await busy.get(`/calls?limit=4&cursor=${first.body.next_cursor}`);
    expect([first.body.data.length, rest.body.data.length, rest.body.next_cursor]).toEqual([4, 2, null]);
    expect(new Set([...first.body.data, ...rest.body.data].map((one) => one.id)).size).toBe(6);
  });

  test('are counted by window, with the median time to classification', async () => {
    const statistics = async (query: string) => callStatistics.parse((await busy.get(`/calls/stats${query}`)).body);
    expect(await statistics('')).toEqual({
      window: '7d',
      total_calls: 4,
      qualified: 2,
      junk_filtered: 1,
      by_intent: { water: 2, fire: 0, mold: 0, biohazard: 0, sales_pitch: 1, wrong_number: 0, other: 0 },
      median_classification_seconds: 11,
    });
    expect(await statistics('?window=24h')).toMatchObject({ total_calls: 2, median_classification_seconds: 5 });
    expect(await statistics('?window=30d')).toMatchObject({ total_calls: 5, junk_filtered: 2 });
    expect(await statistics('?window=90d')).toMatchObject({ total_calls: 6, by_intent: { mold: 1 } });
    expectError(await busy.get('/calls/stats?window=1y'), 400, 'invalid_request', { field: 'window' });
  });

  test('are read by a parent under a grant of calls.read alone', async () => {
    const parent = await api.organization();
    const child = await api.organization({ parent: parent.organizationId });
    await child.post('/calls', { caller_number: '+14045550173' });
    const path = `?organization_id=${child.organizationId}`;
    for (const list of ['/calls', '/calls/stats']) expectError(await parent.get(list + path), 404, 'not_found');
    await child.post(`/organizations/${child.organizationId}/grants`, {
      parent_organization_id: parent.organizationId,
      scopes: ['calls.read'],
    });
    expect((await parent.get(`/calls${path}`)).body.data).toHaveLength(1);
    expect((await parent.get(`/calls/stats${path}`)).body.total_calls).toBe(1);
  });
});

test('a lead is scored anew, with what each rule brought', async () => {
  const { body: lead } = await office.post('/leads', {
    name: 'Sarah Mitchell',
    email: 'sarah@mitchell.example',
    timeline: 'this_week',
    pain_points: 'Water damage',
  });
  expect(lead.lead_score).toBe(0);
  const scored = await office.post(`/leads/${lead.id}/score`);
  expect(scored.status).toBe(200);
  expect(Object.keys(scored.body)).toEqual(['id', 'lead_score', 'ai_reasoning', 'scored_at']);
  const brought = [...scored.body.ai_reasoning.matchAll(/\(([+-]\d\.\d\d)\)/g)].map(([, points]) => Number(points));
  expect(scored.body.lead_score).toBe(Math.round(100 * brought.reduce((sum, points) => sum + points, 0)));
  expect((await office.get(`/leads/${lead.id}`)).body).toMatchObject({
    lead_score: scored.body.lead_score,
    ai_reasoning: scored.body.ai_reasoning,
  });
});

test('the reasons are one sentence, heaviest first, with signals that the lead does not tell by itself', async () => {
  const { body: lead } = await office.post('/leads', {
    name: 'Sarah Mitchell',
    email: 'sarah@mitchell-roofing.com',
    timeline: 'this_week',
  });
  const { body: scored } = await office.post(`/leads/${lead.id}/score`);
  expect(scored).toEqual({
    id: lead.id,
    lead_score: 25,
    ai_reasoning: 'Needs it now (+0.15); business email (+0.05); email address validated (+0.05)',
    scored_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  });
});
