import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, type Caller, expectError, expectFlatError, startApi } from '../support/api.ts';
import type { Reply } from '../support/gateway.ts';

// Bodies byte by byte: what is stored is what was sent, or the client is told that it cannot be.

let api: Api;
let eal: Caller;
let ai93: Caller;

beforeAll(async () => {
  api = await startApi();
  eal = await api.organization();
  ai93 = await api.ai93(eal.organizationId);
});
afterAll(() => api.stop());

const newLead = (more: object) => ({ source: 'manual', displayName: 'Jane', ...more });
/** A lead whose JSON is written by hand. */
const post = (json: string, headers?: Record<string, string>): Promise<Reply> => ai93.post('/leads', json, headers);

describe('an encoding', () => {
  const latin1 = async (caller: Caller, json: string): Promise<Reply> => {
    const response = await fetch(`${api.url}/api/v1/leads`, {
      method: 'POST',
      headers: { authorization: `Bearer ${caller.key}`, 'content-type': 'application/json' },
      body: Buffer.from(json, 'latin1'),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
  };

  test('other than UTF-8 is refused, where letters of it would be lost', async () => {
    const message = 'The body is not valid UTF-8.';
    expectFlatError(await latin1(ai93, JSON.stringify(newLead({ notes: 'Zoë' }))), 400, 'invalid_request', message);
    expectError(await latin1(eal, '{"name":"Zoë","company":"A"}'), 400, 'invalid_request');
    expect((await latin1(ai93, JSON.stringify(newLead({ notes: 'Zoe' })))).status).toBe(201);
  });

  test.each(['utf-8', 'UTF8', '"utf8"', '"UTF-8"'])('may be called %s', async (charset) => {
    const reply = await post(JSON.stringify(newLead({ notes: 'Zoë' })), {
      'content-type': `application/json; charset=${charset}`,
    });
    expect([reply.status, reply.body.lead.notes]).toEqual([201, 'Zoë']);
  });
});

describe('a number', () => {
  const BIG = '{"dealId": 12345678901234567890, "list": [-9007199254740993, 0.5]}';

  test('that JavaScript would round is stored and answered as it was sent', async () => {
    const reply = await post(`\uFEFF{"source":"manual","displayName":"Jane","context":${BIG}}`);
    expect(reply.status, reply.text).toBe(201);
    expect(reply.text).toContain('"dealId": 12345678901234567890');
    expect(reply.text).toContain('[-9007199254740993, 0.5]');
    const upserted = await eal.post('/leads/upsert', `{"email":"big@example.com","context":${BIG}}`);
    expect(upserted.status, upserted.text).toBeLessThan(300);
    const { rows } = await api.db.admin.query(
      "select distinct context ->> 'dealId' as deal from app.leads where context ? 'dealId'",
    );
    expect(rows).toEqual([{ deal: '12345678901234567890' }]);
  });

  test('tells two hand-offs apart', async () => {
    const { id } = (await post(JSON.stringify(newLead({})))).body.lead;
    const ids = ['17841400000000001', '17841400000000000', '17841400000000000', '17841400000000001'];
    for (const dealId of ids) {
      const reply = await ai93.post(`/leads/${id}/handoff`, `{"destination":"krew","metadata":{"dealId":${dealId}}}`);
      expect(reply.text).toContain(`"handoffMetadata" : {"dealId": ${dealId}}`);
    }
    expect((await ai93.get(`/leads/${id}/handoffs`)).body.count).toBe(3);
  });

  test('that is no number of anything is refused', async () => {
    for (const number of ['1e400', '-1e400', `1${'0'.repeat(2000)}`]) {
      const reply = await post(`{"source":"manual","displayName":"Jane","context":{"a":[${number}]}}`);
      expectFlatError(reply, 400, 'invalid_request', 'Invalid value for context.a.0: is too large a number.');
    }
  });

  test('is no object, however long', async () => {
    for (const field of ['context', 'displayName', 'tags', 'businessId', 'source']) {
      const reply = await post(
        JSON.stringify(newLead({ [field]: 0 })).replace(`"${field}":0`, `"${field}":${'9'.repeat(20)}`),
      );
      expectFlatError(reply, 400, 'invalid_request', new RegExp(`Invalid value for ${field}`));
    }
    expectFlatError(await post('9'.repeat(20)), 400, 'invalid_request', /must be a JSON object/);
    const nested = '{"source":"public_tool","displayName":"Jane","context":{"tool":99999999999999999999}}';
    expectFlatError(await post(nested), 400, 'invalid_request', /context\.tool: must be a string/);
  });
});

test('a plus sign that nobody escaped is one, in the time of a query', async () => {
  const { createdAt } = (await post(JSON.stringify(newLead({})))).body.lead;
  const inTwoHours = new Date(Date.parse(createdAt) + 7_200_000).toISOString().slice(0, -1);
  for (const offset of ['+02:00', '+0200', '+02', '%2B02:00', '%2b02']) {
    const reply = await ai93.get(`/leads?since=${inTwoHours}${offset}&limit=1`);
    expect([reply.status, reply.body.count], offset).toEqual([200, 1]);
  }
  for (const wrong of ['2026-01-01 02:00', '2026-01-01+02:00', '2026-01-01T00:00 2', '2026-01-01T00:00+99:00']) {
    expectFlatError(await ai93.get(`/leads?since=${wrong}`), 400, 'invalid_request', /since/);
  }
});
