import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pushToCrm } from '../../src/worker/tasks/push-to-crm.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { json } from '../connectors/http-service.ts';
import { httpCrm, ownCrm } from '../connectors/vendors/http-crm.ts';
import { hubSpotPortal } from '../connectors/vendors/hubspot.ts';
import { jobNimbusAccount } from '../connectors/vendors/jobnimbus.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { type Answer, type ReceivedRequest, type Receiver, startReceiver } from '../support/receiver.ts';
import { addCall, addLead, type CrmRow, connectCrm, crmOf, requestPush } from './crm-fixtures.ts';
import { claimsOf, createOrganization, startTestWorker, until } from './fixtures.ts';

let db: TestDatabase;
let crm: Receiver;
let organization: string;
const workers: Worker[] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  db = await createDatabase();
  crm = await startReceiver();
});
afterAll(async () => {
  await db.drop();
  await crm.close();
});
beforeEach(async () => {
  organization = await createOrganization(db);
  crm.requests.length = 0;
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const worker of workers.splice(0)) await worker.stop();
  // what still waits is no business of the next test's workers
  await db.admin.query('delete from app.tasks');
});

const work = async (count = 1) => {
  for (
    let number = 0;
    number < count;
    number += 1 // leads are not scored: what else changes them is no matter here
  )
    workers.push(await startTestWorker(db, { tasks: { kinds: [pushToCrm], retrySchedule: [0.2, 0.4], pollMs: 50 } }));
};
const TOKEN = { access_token: 'pat-na1-7261-4d65-4e2b-8a91' };
const connectHubSpot = (settings: object = {}, more: { name?: string; enabled?: boolean } = {}) =>
  connectCrm(db, organization, 'hubspot', { api_url: crm.url, ...settings }, TOKEN, more);
const settled = (lead: string, state: string): Promise<CrmRow> =>
  until(async () => (await crmOf(db, lead)).find((record, index) => index === 0 && record.state === state), `${state}`);
const push = (lead: string, call?: string) => requestPush(db, organization, lead, call ?? null);
const creations = (path: string) =>
  crm.requests.filter((request) => request.method === 'POST' && new RegExp(`${path}$`).test(request.path));
const leadRow = async (id: string) => (await db.admin.query('select * from app.leads where id = $1', [id])).rows[0];

describe('a lead that is pushed', () => {
  test('is a contact there, and says so here', async () => {
    const portal = hubSpotPortal();
    crm.answer(portal.answer);
    await connectHubSpot();
    const lead = await addLead(db, organization);
    expect(await push(lead)).toMatchObject([{ state: 'pending', vendor: 'hubspot', external_id: null }]);
    await work();
    expect(await settled(lead, 'ok')).toMatchObject({
      vendor: 'hubspot',
      external_id: '100',
      url: 'https://app.hubspot.example/record/100',
      last_error: null,
      next_attempt_at: null,
    });
    expect(portal.contacts).toMatchObject([{ properties: { firstname: 'Sarah', lastname: 'Mitchell' } }]);
    expect(await leadRow(lead)).toMatchObject({
      crm_vendor: 'hubspot',
      crm_external_id: '100',
      crm_status: 'ok',
      crm_last_synced_at: expect.any(Date),
    });
    const { rows } = await db.admin.query(
      `select action, source from audit.platform_events
        where organization_id = $1 and action like any ('{crm_%,lead.updated}') order by id`,
      [organization],
    );
    expect(rows.at(-1)).toEqual({ action: 'crm_record.updated', source: 'worker' });
    expect(rows.map(({ action }) => action)).not.toContain('lead.updated');
  });

  test('is one contact, however often it is asked for at once and by how many workers', async () => {
    const portal = hubSpotPortal();
    crm.answer(portal.answer);
    await connectHubSpot();
    await work(2);
    const leads = await Promise.all(Array.from({ length: 5 }, () => addLead(db, organization)));
    await Promise.all(leads.flatMap((lead) => Array.from({ length: 6 }, () => push(lead))));
    for (const lead of leads) expect(await crmOf(db, lead)).toHaveLength(1);
    for (const lead of leads) await settled(lead, 'ok');
    await until(
      async () =>
        (
          await db.admin.query("select from app.tasks where organization_id = $1 and kind = 'push_to_crm'", [
            organization,
          ])
        ).rowCount === 0,
    );
    expect(portal.contacts).toHaveLength(5);
    expect(creations('/contacts')).toHaveLength(5);
  });

  test('is not sent again as it is; as it has become, it is the same contact', async () => {
    const portal = hubSpotPortal();
    crm.answer(portal.answer);
    await connectHubSpot();
    await work();
    const lead = await addLead(db, organization);
    await push(lead);
    await settled(lead, 'ok');
    const asked = crm.requests.length;
    expect(await push(lead)).toMatchObject([{ state: 'ok', external_id: '100' }]);

    await db.admin.query("update app.leads set phone = '+14045550142' where id = $1", [lead]);
    expect(await push(lead)).toMatchObject([{ state: 'pending', external_id: '100' }]);
    await settled(lead, 'ok');
    expect(crm.requests.slice(asked).map(({ method }) => method)).toEqual(['PATCH']);
    expect(portal.contacts).toMatchObject([{ id: '100', properties: { phone: '+14045550142' } }]);

    // what is sent depends on the settings too
    await connectHubSpot({ field_mapping: { city: 'source' } });
    await db.admin.query("update app.leads set source = 'website' where id = $1", [lead]);
    expect(await push(lead)).toMatchObject([{ state: 'pending' }]);
    await settled(lead, 'ok');
    expect(portal.contacts).toMatchObject([{ properties: { city: 'website' } }]);
  });

  test('is pushed as it has become, when it changes and is asked for again meanwhile', async () => {
    const portal = hubSpotPortal();
    const answer = Promise.withResolvers<void>();
    crm.answer(async (request) => {
      if (request.method === 'POST') await answer.promise;
      return portal.answer(request);
    });
    await connectHubSpot();
    await work();
    const lead = await addLead(db, organization);
    await push(lead);
    await until(() => creations('/contacts').length === 1, 'the request');
    await db.admin.query("update app.leads set name = 'Sarah Jones' where id = $1", [lead]);
    await push(lead);
    answer.resolve();
    await until(() => portal.contacts[0]?.properties.lastname === 'Jones', 'the new name');
    expect(await settled(lead, 'ok')).toMatchObject({ external_id: '100' });
    expect(portal.contacts).toHaveLength(1);
  });

  test('that was deleted there is made anew', async () => {
    const portal = hubSpotPortal();
    crm.answer(portal.answer);
    await connectHubSpot();
    await work();
    const lead = await addLead(db, organization);
    await push(lead);
    await settled(lead, 'ok');
    portal.contacts.splice(0, 1, { id: '7', properties: { email: 'somebody@example.com' }, associations: [] });
    await db.admin.query("update app.leads set notes = 'x', company = 'Acme' where id = $1", [lead]);
    await push(lead);
    expect(await settled(lead, 'ok')).toMatchObject({ external_id: '101' });
  });

  test('is the contact that HubSpot knows already by its address or reference', async () => {
    const portal = hubSpotPortal({ unique: ['email', 'trunkline_id'] });
    portal.contacts.push({ id: '100', properties: { email: 'sarah@example.com' }, associations: [] });
    crm.answer(portal.answer);
    await connectHubSpot({ reference_property: 'trunkline_id' });
    await work();
    const lead = await addLead(db, organization, { email: 'Sarah@example.com' });
    await push(lead);
    expect(await settled(lead, 'ok')).toMatchObject({ external_id: '100' });
    expect(portal.contacts).toMatchObject([{ properties: { trunkline_id: lead } }]);
  });

  test('is one contact although somebody else made it a moment ago', async () => {
    const portal = hubSpotPortal();
    crm.answer((request) => {
      const hidden = request.method === 'GET' && request.path.includes('idProperty=email');
      return hidden ? json({ status: 'error', message: 'Object not found' }, 404) : portal.answer(request);
    });
    portal.contacts.push({ id: '100', properties: { email: 'race@example.com' }, associations: [] });
    await connectHubSpot();
    await work();
    const lead = await addLead(db, organization, { email: 'race@example.com' });
    await push(lead);
    expect(await settled(lead, 'ok')).toMatchObject({ external_id: '100' });
  });
});

describe.each([
  ['hubspot', TOKEN, () => hubSpotPortal(), '/contacts'],
  ['jobnimbus', { api_key: 'jilqy9efy8jk79v9' }, () => jobNimbusAccount(), '/contacts'],
  ['http-crm', { signing_secret: httpCrm.secrets.signing_secret as string }, () => ownCrm(), '/hook'],
] as const)('%s, when the worker is killed after its answer', (vendor, secrets, account, path) => {
  test.each([
    ['an address', {}],
    ['a number only', { email: null, phone: '+14045550142' }],
    ['a name only', { email: null, phone: null }],
  ])('has one contact of a lead with %s', async (_with, columns) => {
    const own = account();
    crm.answer(own.answer);
    const settings = vendor === 'http-crm' ? { url: crm.url } : { api_url: crm.url };
    await connectCrm(db, organization, vendor, settings, secrets);
    const lead = await addLead(db, organization, columns);
    await push(lead);
    const [record] = await crmOf(db, lead);
    // what a worker leaves that is killed between the answer and the record of it: a claim, and a contact there
    const { rows } = await db.admin.query('select * from app.claim_crm_push($1, $2, $3)', [
      organization,
      record?.id,
      '1 hour',
    ]);
    const claimed = rows[0];
    await work();
    await db.admin.query('update app.crm_records set claimed_until = now() where id = $1', [record?.id]);
    await push(lead);
    const { external_id: first } = await settled(lead, 'ok');
    expect(creations(path).length).toBeGreaterThan(0);
    const made = creations(path).length;

    await db.admin.query(
      "update app.crm_records set state = 'pending', external_id = null, synced_hash = null where id = $1",
      [record?.id],
    );
    await push(lead);
    expect(await settled(lead, 'ok')).toMatchObject({ external_id: first });
    if (vendor !== 'http-crm') expect(creations(path)).toHaveLength(made);
    else expect('keys' in own && own.keys.size).toBe(1);
    // whoever lost his claim records nothing
    const lost = await db.as(
      'tenant',
      claimsOf(organization),
      "select app.settle_crm_push($1, $2, null, '[]', 'late') as held",
      [record?.id, claimed.claim],
    );
    expect(lost).toEqual([{ held: false }]);
    expect(await crmOf(db, lead)).toMatchObject([{ state: 'ok', last_error: null }]);
  });
});

test('a worker that is killed while HubSpot makes the contact leaves one contact', async () => {
  const portal = hubSpotPortal();
  let hanging = true;
  crm.answer((request) => {
    const answer = portal.answer(request);
    return hanging && request.method === 'POST' ? { hang: true } : answer;
  });
  await connectHubSpot();
  const child = fork(join(import.meta.dirname, 'worker-process.ts'), [db.loginUrl('worker')], { execArgv: [] });
  children.push(child);
  await once(child, 'message');
  const lead = await addLead(db, organization);
  await push(lead);
  await until(() => portal.contacts.length === 1, 'the contact');
  child.kill('SIGKILL');
  await once(child, 'exit');
  hanging = false;
  expect(await crmOf(db, lead)).toMatchObject([{ state: 'pending', external_id: null, attempts: 1 }]);

  // its lease is over
  await db.admin.query('update app.crm_records set claimed_until = now() where lead_id = $1', [lead]);
  await work();
  await push(lead);
  expect(await settled(lead, 'ok')).toMatchObject({ external_id: '100' });
  expect(portal.contacts).toHaveLength(1);
});

describe('a CRM that does not take it', () => {
  const failing = (...answers: Answer[]) => {
    const portal = hubSpotPortal();
    let asked = 0;
    crm.answer((request: ReceivedRequest) => answers[asked++] ?? portal.answer(request));
    return portal;
  };

  test('is tried again, and what went wrong can be seen meanwhile', async () => {
    const portal = hubSpotPortal();
    const seen = Promise.withResolvers<void>();
    let asked = 0;
    crm.answer(async (request) => {
      if (++asked <= 2) return { status: 503 };
      // not before somebody has looked
      await seen.promise;
      return portal.answer(request);
    });
    const connection = await connectHubSpot();
    await work();
    const lead = await addLead(db, organization);
    await push(lead);
    expect(await settled(lead, 'failed')).toMatchObject({
      last_error: expect.stringMatching(/answered 503\.$/),
      external_id: null,
    });
    seen.resolve();
    const health = async () =>
      (await db.admin.query('select * from api.connections where id = $1', [connection])).rows[0];
    expect(await settled(lead, 'ok')).toMatchObject({ last_error: null, attempts: 3 });
    expect(await health()).toMatchObject({ last_error: expect.stringMatching(/503/), failing_since: null });
  });

  test('that says when to come back is asked then', async () => {
    failing({ status: 429, headers: { 'retry-after': '3600' }, body: '{}' });
    await connectHubSpot();
    await work();
    const lead = await addLead(db, organization);
    await push(lead);
    const { next_attempt_at: next } = await settled(lead, 'failed');
    expect((next as Date).getTime() - Date.now()).toBeGreaterThan(3_000_000);
  });

  test('that asks for a pause gets it from every lead, and once it is over has them all', async () => {
    const portal = failing({ status: 429, headers: { 'retry-after': '3600' }, body: '{}' });
    const connection = await connectHubSpot();
    await work();
    await push(await addLead(db, organization));
    await until(() => crm.requests.length === 1, 'the request that is told to wait');
    const held = async () =>
      (await db.admin.query('select held_until from api.connections where id = $1', [connection])).rows[0].held_until;
    await until(async () => (await held()) !== null, 'the pause');
    const others = await Promise.all(Array.from({ length: 5 }, () => addLead(db, organization)));
    await Promise.all(others.map((lead) => push(lead)));
    const waiting = async () =>
      (await db.admin.query("select from app.tasks where state = 'waiting' and run_at > now() + interval '30 minutes'"))
        .rowCount;
    await until(async () => (await waiting()) === 5, 'the others to wait');
    expect(crm.requests).toHaveLength(1);
    // nothing went wrong with them
    expect(await crmOf(db, others[0] as string)).toMatchObject([{ state: 'pending', attempts: 0, last_error: null }]);

    await connectHubSpot({ deal_stage: 'qualifiedtobuy' });
    expect(await held()).toBeNull();
    await Promise.all(others.map((lead) => push(lead)));
    for (const lead of others) await settled(lead, 'ok');
    expect(portal.contacts.length).toBeGreaterThanOrEqual(5);
  });

  test.each([
    ['SECONDLY', 1],
    ['TEN_SECONDLY_ROLLING', 10],
    ['DAILY', 900],
  ])('HubSpot’s limit %s, which comes without Retry-After, is waited for %i s', async (policyName, seconds) => {
    failing(
      json({ status: 'error', message: 'You have reached your limit.', errorType: 'RATE_LIMIT', policyName }, 429),
    );
    const connection = await connectHubSpot();
    await work();
    await push(await addLead(db, organization));
    const pause = async (): Promise<number | null> =>
      (
        await db.admin.query(
          'select extract(epoch from held_until - last_error_at)::float as pause from api.connections where id = $1',
          [connection],
        )
      ).rows[0].pause;
    expect(await until(pause, 'the pause')).toBeCloseTo(seconds, 1);
  });

  test('and says no, is asked again when somebody asks, or corrects the connection', async () => {
    const portal = failing(json({ status: 'error', message: 'Property values were not valid' }, 400));
    await connectHubSpot();
    await work();
    const lead = await addLead(db, organization);
    await push(lead);
    expect(await settled(lead, 'failed')).toMatchObject({
      last_error: expect.stringContaining('Property values were not valid'),
      next_attempt_at: null,
    });
    expect(await leadRow(lead)).toMatchObject({ crm_status: 'failed', crm_external_id: null });
    await connectHubSpot({ deal_stage: 'qualifiedtobuy' });
    await settled(lead, 'ok');
    expect(portal.contacts).toHaveLength(1);
  });

  test('with credentials that cannot be read is not asked', async () => {
    await connectHubSpot();
    await db.admin.query("update app.connection_secrets set ciphertext = 'x' where organization_id = $1", [
      organization,
    ]);
    await work();
    const lead = await addLead(db, organization);
    await push(lead);
    expect(await settled(lead, 'failed')).toMatchObject({ last_error: expect.stringContaining('cannot be decrypted') });
    expect(crm.requests).toHaveLength(0);
  });
});

describe('a call that is dispatched', () => {
  test.each([
    ['hubspot', TOKEN, () => hubSpotPortal(), '/deals'],
    ['jobnimbus', { api_key: 'jilqy9efy8jk79v9' }, () => jobNimbusAccount(), '/jobs'],
  ] as const)('is one job in %s, and says which', async (vendor, secrets, account, path) => {
    crm.answer(account().answer);
    await connectCrm(db, organization, vendor, { api_url: crm.url }, secrets);
    await work();
    const lead = await addLead(db, organization);
    const calls = [
      await addCall(db, organization, { lead_id: lead, intent: 'water' }),
      await addCall(db, organization, { lead_id: lead, intent: 'mold' }),
    ];
    await Promise.all([...calls, ...calls].map((call) => push(lead, call)));
    await settled(lead, 'ok');
    const { rows } = await db.admin.query(
      'select j.external_id, c.crm_job_id from api.crm_jobs as j join app.calls as c on c.id = j.call_id where j.lead_id = $1',
      [lead],
    );
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row.crm_job_id).toBe(row.external_id);
    expect(new Set(rows.map((row) => row.external_id)).size).toBe(2);
    expect(creations(path)).toHaveLength(2);

    // killed between the answer and the record of it
    await db.admin.query('update app.crm_jobs set external_id = null where call_id = $1', [calls[0]]);
    await push(lead, calls[0]);
    await settled(lead, 'ok');
    expect(creations(path)).toHaveLength(2);
  });

  test('that fails leaves the contact, which is not sent again', async () => {
    const portal = hubSpotPortal();
    let refused = 0;
    crm.answer((request) =>
      request.method === 'POST' && request.path.endsWith('/deals') && refused++ === 0
        ? json({ status: 'error', message: 'No such stage' }, 400)
        : portal.answer(request),
    );
    await connectHubSpot();
    await work();
    const lead = await addLead(db, organization);
    const call = await addCall(db, organization, { lead_id: lead });
    await push(lead, call);
    expect(await settled(lead, 'failed')).toMatchObject({
      external_id: '100',
      last_error: expect.stringMatching(/No such stage/),
    });
    await push(lead, call);
    await settled(lead, 'ok');
    expect(creations('/contacts')).toHaveLength(1);
    expect(crm.requests.filter(({ method }) => method === 'PATCH')).toHaveLength(0);
  });
});
