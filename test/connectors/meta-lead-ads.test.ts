import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { retryReceipts, rotateHookToken, saveConnection } from '../../src/domain/connections.ts';
import { createOrganization } from '../support/gateway.ts';
import { until } from '../worker/fixtures.ts';
import { leadsOf, receiptsOf } from './fixtures.ts';
import {
  db,
  deliver,
  deliverTo,
  gateway,
  graph,
  hook,
  operator,
  organization,
  secrets,
  settled,
  worker,
} from './meta-setup.ts';
import { graphApi, graphError, metaDelivery, metaPayload } from './vendors/meta-lead-ads.ts';

describe('the handshake', () => {
  const handshake = (query: Record<string, string>) => gateway.request('GET', `${hook}?${new URLSearchParams(query)}`);

  test('echoes the challenge as plain text to who knows the verify token', async () => {
    const query = { 'hub.mode': 'subscribe', 'hub.verify_token': secrets.verify_token as string };
    const reply = await handshake({ ...query, 'hub.challenge': '<b>1158201444</b>' });
    expect([reply.status, reply.text]).toEqual([200, '<b>1158201444</b>']);
    expect(reply.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test.each([
    ['another token', { 'hub.mode': 'subscribe', 'hub.verify_token': 'meatyhamhock', 'hub.challenge': '1' }],
    ['another mode', { 'hub.mode': 'unsubscribe', 'hub.verify_token': 'meatyhamhock-7261', 'hub.challenge': '1' }],
    ['nothing', {}],
  ])('refuses %s', async (_what, query) => {
    const reply = await handshake(query as Record<string, string>);
    expect(reply.status).toBe(403);
    expect(reply.body).toEqual({ error: { code: 'forbidden', message: 'The handshake is refused.', details: {} } });
  });
});

describe('a delivery', () => {
  test('is stored as it came, answered, and becomes a lead that is audited and announced like any other', async () => {
    expect(await deliver(metaPayload('901'))).toBe(200);
    expect(await receiptsOf(db, organization)).toMatchObject([{ state: 'pending', attempts: 0 }]);
    expect(graph.requests).toEqual([]);
    await worker();
    await settled('done');

    const [lead, ...more] = await leadsOf(db, organization);
    expect(more).toEqual([]);
    expect(lead).toMatchObject({
      source: 'facebook_lead_ad',
      external_id: '901',
      name: 'Sarah Mitchell',
      email: 'sarah.mitchell@example.com',
      phone: '+14045550142',
      company: 'Mitchell Roofing',
    });
    expect(lead?.context).toMatchObject({
      leadgenId: '901',
      pageId: '111',
      answers: { 'what_happened?': 'A pipe burst' },
    });
    const [receipt] = await receiptsOf(db, organization);
    expect(receipt).toMatchObject({ state: 'done', attempts: 1, error: null, lead_ids: [lead?.id] });
    const entries = await db.admin.query(
      "select source, correlation_id from audit.platform_events where organization_id = $1 and action = 'lead.created'",
      [organization],
    );
    expect(entries.rows).toEqual([{ source: 'worker', correlation_id: `hook_${receipt?.id}` }]);
    const health = await db.admin.query(
      'select last_received_at, last_lead_at, failing_since, waiting from api.connections where organization_id = $1',
      [organization],
    );
    expect(health.rows).toEqual([
      { last_received_at: expect.any(Date), last_lead_at: expect.any(Date), failing_since: null, waiting: '0' },
    ]);
  });

  test('asks the Graph API with the token in a header, and with the proof of the app secret', async () => {
    await deliver(metaPayload('902'));
    await worker();
    await settled('done');
    const [request] = graph.requests;
    expect(request?.headers.authorization).toBe(`Bearer ${secrets.page_access_token}`);
    expect(request?.path).toMatch(/^\/hook\/902\?fields=id%2C.*&appsecret_proof=[0-9a-f]{64}$/);
  });

  test('that comes again, or twice at once, makes exactly one lead', async () => {
    await worker();
    await worker();
    await Promise.all([1, 2, 3, 4].map(() => deliver(metaPayload('903', '903'))));
    await settled('done', 4);
    expect((await leadsOf(db, organization)).map((lead) => lead.external_id)).toEqual(['903']);
    const made = (await receiptsOf(db, organization)).flatMap((receipt) => receipt.lead_ids);
    expect(made).toHaveLength(1);
  });

  test('announces several leads, of which those of other pages are passed over', async () => {
    const input = { vendor: 'meta-lead-ads', settings: { api_url: graph.url, page_ids: ['111'] } };
    await operator.run(organization, saveConnection, input);
    const other = metaPayload('906') as { entry: { changes: { value: { page_id: string } }[] }[] };
    for (const { changes } of other.entry) for (const { value } of changes) value.page_id = '222';
    await deliver(metaPayload('904', '905'));
    await deliver(other);
    await worker();
    await settled('done', 2);
    expect((await leadsOf(db, organization)).map((lead) => lead.external_id).toSorted()).toEqual(['904', '905']);
  });

  test('whose answers only JavaScript takes for an address and a number still makes its lead', async () => {
    const answers = [
      { name: 'full_name', values: ['Sarah'] },
      { name: 'email', values: ['sa\u0085rah@example.com'] },
      { name: 'phone_number', values: ['1😀'] },
    ];
    graph.answer({
      body: JSON.stringify({ id: '918', field_data: answers }),
      headers: { 'content-type': 'application/json' },
    });
    await deliver(metaPayload('918'));
    await worker();
    await settled('done');
    expect(await leadsOf(db, organization)).toMatchObject([{ name: 'Sarah', email: null, phone: null }]);
  });

  test('with ids written as numbers that JavaScript cannot hold keeps them exact', async () => {
    const body = JSON.stringify(metaPayload('907')).replace('"907"', '98765432109876543');
    const signature = createHmac('sha256', secrets.app_secret as string)
      .update(body)
      .digest('hex');
    const reply = await gateway.request('POST', hook, {
      body,
      headers: { 'x-hub-signature-256': `sha256=${signature}` },
    });
    expect(reply.status).toBe(200);
    await worker();
    await settled('done');
    expect((await leadsOf(db, organization)).map((lead) => lead.external_id)).toEqual(['98765432109876543']);
  });

  test('of an organization makes leads of no other', async () => {
    const other = await createOrganization(db, 'Another');
    const theirs = await operator.connect(other, 'meta-lead-ads', { settings: { api_url: graph.url }, secrets });
    await deliver(metaPayload('908'));
    await gateway.request('POST', theirs, metaDelivery(metaPayload('908'), secrets.app_secret as string));
    await worker();
    await until(async () => (await leadsOf(db, other)).length === 1);
    await settled('done');
    expect(await leadsOf(db, organization)).toHaveLength(1);
  });
});

describe('a forged delivery stores nothing', () => {
  test.each([
    ['signed with another secret', () => deliver(metaPayload('1'), 'another secret')],
    ['not signed', async () => (await gateway.request('POST', hook, { body: metaPayload('1') })).status],
    [
      'signed for another body',
      async () => {
        const { headers } = metaDelivery(metaPayload('1'), secrets.app_secret as string);
        return (await gateway.request('POST', hook, { body: JSON.stringify(metaPayload('2')), headers })).status;
      },
    ],
  ])('%s', async (_how, send) => {
    expect(await send()).toBe(401);
    expect(await receiptsOf(db, organization)).toEqual([]);
    const { rows } = await db.admin.query('select last_error from api.connections where organization_id = $1', [
      organization,
    ]);
    expect(rows).toEqual([{ last_error: 'A call was refused: its signature does not match.' }]);
  });
});

describe('when Meta does not answer well', () => {
  test('an outage is waited out', async () => {
    graph.answer((request, number) => (number < 3 ? { status: 500, body: 'oops' } : graphApi(request)));
    await deliver(metaPayload('910'));
    await worker();
    await settled('done');
    expect(await receiptsOf(db, organization)).toMatchObject([{ attempts: 3, error: null }]);
    expect(await leadsOf(db, organization)).toHaveLength(1);
  });

  test('a token that is refused ends in dead with a reason an operator can act on, and retry starts anew', async () => {
    graph.answer(
      graphError(401, 190, `Error validating access token ${secrets.page_access_token}: session has expired`),
    );
    await deliver(metaPayload('911'));
    await worker();
    await settled('dead');
    const [dead] = await receiptsOf(db, organization);
    expect(dead).toMatchObject({ attempts: 1 });
    expect(dead?.error).toMatch(
      /answered 401: Error validating access token \[redacted\]: session has expired \(code 190\)\.$/,
    );
    const health = await db.admin.query(
      'select dead, last_error, failing_since from api.connections where organization_id = $1',
      [organization],
    );
    expect(health.rows).toEqual([{ dead: '1', last_error: dead?.error, failing_since: expect.any(Date) }]);

    graph.answer(graphApi);
    expect(await operator.run(organization, retryReceipts, { vendor: 'meta-lead-ads' })).toMatchObject({ retried: 1 });
    await settled('done');
    expect(await leadsOf(db, organization)).toHaveLength(1);
  });

  test('the schedule ends: given up, and kept', async () => {
    graph.answer({ status: 503 });
    await deliver(metaPayload('912'));
    await worker();
    await settled('dead');
    expect(await receiptsOf(db, organization)).toMatchObject([
      { attempts: 4, error: expect.stringContaining('answered 503') },
    ]);
  });

  test('its wish to wait is honoured, also when it is told in its own way', async () => {
    graph.answer({
      ...graphError(400, 80_005, 'There have been too many leadgen api calls to this Page account.'),
      headers: { 'x-business-use-case-usage': '{"111":[{"type":"leadgen","estimated_time_to_regain_access":30}]}' },
    });
    await deliver(metaPayload('913'));
    await worker();
    await settled('failed');
    const [waiting] = await receiptsOf(db, organization);
    expect((waiting?.next_attempt_at.getTime() ?? 0) - Date.now()).toBeGreaterThan(25 * 60_000);
  });

  test('its wish to wait for years is honoured for a day', async () => {
    const header = '{"111":[{"type":"leadgen","estimated_time_to_regain_access":1e300}]}';
    graph.answer({ ...graphError(400, 80_005, 'Too many calls.'), headers: { 'x-business-use-case-usage': header } });
    await deliver(metaPayload('917'));
    await worker();
    await settled('failed');
    const [waiting] = await receiptsOf(db, organization);
    expect((waiting?.next_attempt_at.getTime() ?? 0) - Date.now()).toBeLessThan(24 * 3600_000 + 1000);
  });

  test('whatever it says is read in a moment', async () => {
    graph.answer(graphError(400, 190, `${'.'.repeat(300_000)}x`));
    await deliver(metaPayload('919'));
    const began = process.cpuUsage();
    await worker();
    await settled('dead');
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1e6).toBeLessThan(5);
  });

  test('a lead that is gone does not hold up the others of its delivery', async () => {
    graph.answer((request) =>
      request.path.startsWith('/hook/914')
        ? graphError(400, 100, 'Unsupported get request. Object does not exist', { error_subcode: 33 })
        : graphApi(request),
    );
    await deliver(metaPayload('914', '915'));
    await worker();
    await settled('dead');
    expect((await leadsOf(db, organization)).map((lead) => lead.external_id)).toEqual(['915']);
  });

  test.each([
    ['an error of its own', graphError(500, 1, 'An unknown error occurred')],
    [
      'what cannot be read',
      { status: 200, headers: { 'content-type': 'application/json' }, body: '{"field_data":"x"}' },
    ],
  ])(
    'a lead that it answers with %s, at every attempt, does not hold up the others of its delivery',
    async (_what, answer) => {
      graph.answer((request) => (request.path.startsWith('/hook/918') ? answer : graphApi(request)));
      await deliver(metaPayload('918', '919'));
      await worker();
      await settled('dead');
      expect((await leadsOf(db, organization)).map((lead) => lead.external_id)).toEqual(['919']);
    },
  );

  test('a token that may not read ads still brings the lead', async () => {
    graph.answer((request) =>
      request.path.includes('campaign_id') ? graphError(403, 200, 'Requires ads_management') : graphApi(request),
    );
    await deliver(metaPayload('916'));
    await worker();
    await settled('done');
    expect(await leadsOf(db, organization)).toMatchObject([
      { external_id: '916', email: 'sarah.mitchell@example.com' },
    ]);
  });
});

test('a hook that was given another address is unknown under the one before', async () => {
  const rotated = await operator.run(organization, rotateHookToken, { vendor: 'meta-lead-ads' });
  expect(await deliver(metaPayload('930'))).toBe(404);
  deliverTo(new URL(rotated.hook_url).pathname);
  expect(await deliver(metaPayload('930'))).toBe(200);
});
