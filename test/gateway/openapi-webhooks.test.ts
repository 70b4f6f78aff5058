import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deliveryHeaders } from '../../src/worker/headers.ts';
import { createKey, createOrganization } from '../support/gateway.ts';
import { documentOf, documents, JSON_TYPE, jsonOf } from './documents.ts';
import { type Stage, startStage } from './example-world.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());

const bodyOf = (name: string): string[] => ['webhooks', name, 'post', 'requestBody', 'content', JSON_TYPE, 'schema'];

describe.each(documents)('webhooks of %s', (_contract, { contract, document, faults }) => {
  const webhooks = Object.entries(document.webhooks);

  test('are the events that the database knows, described alike', async () => {
    const { rows } = await stage.db.admin.query(
      'select type as name, description from app.event_types where contract = $1',
      [contract.name],
    );
    const events = contract.deliveries.events.map(({ name, description }) => ({ name, description }));
    expect(new Set(events)).toEqual(new Set(rows));
    expect(webhooks.map(([name]) => name).sort()).toEqual(rows.map(({ name }) => name).sort());
    expect(webhooks).toHaveLength({ eal: 11, ai93: 5, leadscraper: 0 }[contract.name]);
  });

  test.each(webhooks)('%s: the example fits its schema', (name, { post }) => {
    const json = jsonOf(post.requestBody?.content);
    expect(faults(bodyOf(name), json?.example)).toEqual([]);
    const event = contract.deliveries.events.find((one) => one.name === name);
    expect(event?.body.safeParse(json?.example).error?.issues).toBeUndefined();
    expect(json?.example).toMatchObject({ type: name });
  });

  test.each(webhooks)('%s: tells of 410 what it does', (_name, { post }) => {
    expect(Object.keys(post.responses)).toEqual(
      contract.name === 'ai93' ? ['2XX', 'default'] : ['410', '2XX', 'default'],
    );
  });

  test.each(webhooks)('%s: has the headers that a delivery has', (name, { post }) => {
    const sent = deliveryHeaders(contract.name, {
      eventId: 'evt_5f1c8a324d65e2b8',
      eventType: name,
      attemptId: 'whd_1',
      attempt: 1,
      body: Buffer.from('{}'),
      secrets: ['whsec_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6'],
      timestamp: 1_777_311_738,
    });
    const shown = post.parameters.flatMap((one) => ('name' in one ? [one.name.toLowerCase()] : []));
    expect(Object.keys(sent)).toEqual(expect.arrayContaining(shown));
    const usual = ['content-type', 'user-agent'];
    expect(shown).toEqual(expect.arrayContaining(Object.keys(sent).filter((header) => !usual.includes(header))));
  });
});

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered
type Send = (method: string, path: string, body: object) => Promise<any>;

/** The events that come of what a key of an organization of its own sends below /api/v1, by type. */
async function eventsOf(contract: 'eal' | 'ai93', types: string[], scopes: string[], work: (send: Send) => unknown) {
  const organization = await createOrganization(stage.db);
  const { key } = await createKey(stage.db, organization, { contract, scopes });
  await stage.db.admin.query(
    "insert into app.webhook_endpoints (organization_id, contract, url, events) values ($1, $2, 'https://a.example.com/', $3)",
    [organization, contract, types],
  );
  await work(async (method, path, body) => {
    const reply = await stage.gateway.request(method, `/api/v1${path}`, { key, body });
    expect(reply.status, reply.text).toBeLessThan(300);
    return reply.body;
  });
  await stage.db.as('worker', null, 'select * from app.relay_outbox(1000)');
  const { rows } = await stage.db.admin.query(
    'select e.type, app.event_body($1, e) as body from app.events e where e.organization_id = $2 order by e.id',
    [contract, organization],
  );
  return rows.map(({ type, body }) => [type as string, JSON.parse(body)] as const);
}

test('real events of Expert AI Labs fit their schemas', async () => {
  const types = ['lead.created', 'lead.updated', 'audit.log.event'];
  const events = await eventsOf('eal', types, ['write'], async (send) => {
    const lead = await send('POST', '/leads', { email: 'a@example.com' });
    await send('PATCH', `/leads/${lead.id}`, { lead_score: 92 });
  });
  expect(new Set(events.map(([type]) => type))).toEqual(new Set(types));
  for (const [type, body] of events) expect(documentOf('eal').faults(bodyOf(type), body)).toEqual([]);
});

test('real events of AI93 fit their schemas, and one change is as many events as it should be', async () => {
  const { document, faults } = documentOf('ai93');
  const types = Object.keys(document.webhooks);
  const events = await eventsOf('ai93', types, ['leads:write', 'leads:handoff'], async (send) => {
    const { lead } = await send('POST', '/leads', { source: 'manual', displayName: 'Jane Doe' });
    await send('POST', `/leads/${lead.id}/replies`, { message: 'Yes' });
    await send('PATCH', `/leads/${lead.id}`, { notes: 'nothing that is announced' });
    await send('PATCH', `/leads/${lead.id}`, { status: 'converted' });
    await send('POST', `/leads/${lead.id}/handoff`, { destination: 'krew' });
    await send('POST', `/leads/${lead.id}/handoff`, { destination: 'krew' });
  });
  expect(events.map(([type]) => type).sort()).toEqual(
    [...types, 'lead.status_changed'].sort(), // of the reply, and of the conversion
  );
  for (const [type, body] of events) expect(faults(bodyOf(type), body)).toEqual([]);
});
