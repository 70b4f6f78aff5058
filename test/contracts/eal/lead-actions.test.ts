import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { leadHandedOff, leadUpserted, reply, sourceList } from '../../../src/contracts/eal/lead-action-routes.ts';
import { leadList } from '../../../src/contracts/eal/outputs.ts';
import { type Api, type Caller, expectError, startApi } from '../../support/api.ts';

let api: Api;
let office: Caller;
beforeAll(async () => {
  api = await startApi();
  office = await api.organization();
});
afterAll(() => api.stop());

describe('create or update', () => {
  test('makes a lead, and finds it again by email or phone in any notation', async () => {
    const made = await office.post('/leads/upsert', {
      email: 'Sarah@example.com',
      phone: '(404) 555-0173',
      name: 'Sarah',
      source: 'website',
      tags: ['storm'],
    });
    expect(made.status).toBe(201);
    expect(leadUpserted.parse(made.body)).toMatchObject({ outcome: 'created', name: 'Sarah', source: 'website' });

    const byEmail = await office.post('/leads/upsert', { email: 'sarah@EXAMPLE.com', timeline: 'this_week' });
    expect([byEmail.status, byEmail.body.id, byEmail.body.outcome]).toEqual([200, made.body.id, 'updated']);
    expect(byEmail.body).toMatchObject({ name: 'Sarah', timeline: 'this_week' });

    const byPhone = await office.post('/leads/upsert', { phone: '+1 404 555 0173', name: null, source: 'google_ads' });
    expect([byPhone.status, byPhone.body.id, byPhone.body.outcome]).toEqual([200, made.body.id, 'unchanged']);
    expect(byPhone.body).toMatchObject({ name: 'Sarah', source: 'website' });
  });

  test('finds a lead by its id at the source, and moves its stage forward only', async () => {
    const told = { external_id: 'x-1', source: 'angi', name: 'Tom', pipeline_stage: 'qualified' };
    const { body } = await office.post('/leads/upsert', told);
    const again = await office.post('/leads/upsert', { ...told, pipeline_stage: 'new', lead_score: 40 });
    expect(again.body).toMatchObject({ id: body.id, pipeline_stage: 'qualified', lead_score: 40 });
  });

  test.each([
    [{ name: 'Nobody' }, 'email'],
    [{ external_id: 'x' }, 'email'],
    [{ email: 'nobody' }, 'email'],
    [{ email: 'a@example.com', lead_score: 101 }, 'lead_score'],
    [{ phone: '1' }, 'phone'],
    [{ phone: '4045550100', tags: 'a' }, 'tags'],
    [{ phone: '4045550100', context: [] }, 'context'],
    [{ phone: '4045550100', colour: 'red' }, 'colour'],
    [{ phone: '4045550100', ai_reasoning: 'x' }, 'ai_reasoning'],
  ])('refuses %j by its field', async (body, field) => {
    expectError(await office.post('/leads/upsert', body), 400, 'invalid_request', { field });
  });
});

describe('what happens to a lead', () => {
  let id: string;
  beforeAll(async () => {
    id = (await office.post('/leads', { email: 'tom@example.com', source: 'referral' })).body.id;
  });

  test('a hand-off is noted, and the same again changes nothing', async () => {
    const first = await office.post(`/leads/${id}/handoff`, { destination: 'jobnimbus', metadata: { job: 'jn_1' } });
    expect(first.status).toBe(200);
    expect(leadHandedOff.parse(first.body)).toMatchObject({ id, destination: 'jobnimbus', metadata: { job: 'jn_1' } });
    const again = await office.post(`/leads/${id}/handoff`, { destination: 'jobnimbus', metadata: { job: 'jn_1' } });
    expect(again.body).toEqual(first.body);
  });

  test('a reply is kept, and moves a new lead to replied', async () => {
    const made = await office.post(`/leads/${id}/replies`, { message: 'Yes.', received_at: '2026-04-27T19:22:01Z' });
    expect(made.status).toBe(201);
    expect(reply.parse(made.body)).toEqual({
      id: made.body.id,
      lead_id: id,
      message: 'Yes.',
      channel: null,
      received_at: '2026-04-27T19:22:01.000Z',
    });
    expect((await office.get(`/leads/${id}`)).body.pipeline_stage).toBe('replied');
  });

  test('what is wrong with either is told by its field', async () => {
    expectError(await office.post(`/leads/${id}/handoff`, {}), 400, 'invalid_request', { field: 'destination' });
    expectError(await office.post(`/leads/${id}/replies`, {}), 400, 'invalid_request', { field: 'message' });
    expectError(
      await office.post(`/leads/${id}/replies`, { message: 'x', received_at: 'soon' }),
      400,
      'invalid_request',
      {
        field: 'received_at',
      },
    );
    expectError(await office.post('/leads/nobody/replies', { message: 'x' }), 404, 'not_found');
    expectError(await office.post('/leads/nobody/handoff', { destination: 'x' }), 404, 'not_found');
  });
});

describe('leads by words', () => {
  let shop: Caller;
  beforeAll(async () => {
    shop = await api.organization();
    for (let n = 1; n <= 7; n++) {
      await shop.post('/leads/upsert', {
        email: `storm${n}@example.com`,
        name: `Müller ${n}`,
        source: n % 2 ? 'website' : 'angi',
        phone: `404555020${n}`,
      });
    }
    await shop.post('/leads', { email: 'other@example.com' });
  });

  test('are found page by page, each once', async () => {
    const names: (string | null)[] = [];
    let cursor = '';
    for (let page = 1; ; page++) {
      const { body } = await shop.get(`/leads?q=muller&limit=3${cursor}`);
      names.push(...leadList.parse(body).data.map((lead) => lead.name));
      if (!body.next_cursor) {
        expect(page).toBe(3);
        break;
      }
      cursor = `&cursor=${body.next_cursor}`;
    }
    expect(names).toEqual([7, 6, 5, 4, 3, 2, 1].map((n) => `Müller ${n}`));
  });

  test('combine with the other filters', async () => {
    const of = async (query: string) => (await shop.get(`/leads?${query}`)).body.data.length;
    expect(await of('q=muller&source=angi')).toBe(3);
    expect(await of('q=storm3')).toBe(1);
    expect(await of('q=(404)%20555-0205')).toBe(1);
    expect(await of('q=muller&end_at=2020-01-01')).toBe(0);
    expect(await of('q=muller&start_at=2020-01-01&end_at=2999-01-01&limit=200')).toBe(7);
    expect(await of('q=muller&pipeline_stage=won')).toBe(0);
  });

  test('and the sources they have are listed', async () => {
    const { body } = await shop.get('/leads/sources');
    expect(sourceList.parse(body).data).toEqual([{ source: 'angi' }, { source: 'website' }]);
  });
});

describe('the source of a change', () => {
  const sourceOf = async (headers: Record<string, string>) => {
    const { body } = await office.post('/leads', { email: `s${Object.values(headers)[0] ?? ''}@example.com` }, headers);
    const { rows } = await api.db.admin.query(
      "select source from audit.platform_events where organization_id = $1 and payload ->> 'lead_id' = $2",
      [office.organizationId, body.id],
    );
    return rows[0].source;
  };

  test('is n8n when a client says so, and never what only the platform can be', async () => {
    expect(await sourceOf({})).toBe('api');
    expect(await sourceOf({ 'x-trunkline-source': 'n8n' })).toBe('n8n');
    for (const claim of ['worker', 'system', 'cron', 'zapier']) {
      expect(await sourceOf({ 'x-trunkline-source': claim })).toBe('api');
    }
  });
});
