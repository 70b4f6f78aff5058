import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { httpCrm, ownCrm } from '../connectors/vendors/http-crm.ts';
import { until } from '../start/process.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { errorOf, type Json } from './n8n.ts';
import { type Office, startWorld, type World } from './world.ts';

// The example workflows, imported as they are and run: only credentials are chosen, and the addresses in their Settings are ours.

const WORKFLOWS = join(import.meta.dirname, '../../n8n-nodes/workflows');

let world: World;
let office: Office;
let receiver: Receiver;
let credentials: Record<string, { id: string; name: string }>;
const tried: string[] = [];

beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.stop());
beforeEach(async () => {
  receiver = await startReceiver();
  office = await world.office();
  const trunkline = await world.n8n.credential('Trunkline account', { baseUrl: world.url, apiKey: office.key });
  credentials = { trunklineApi: { id: trunkline, name: 'Trunkline account' } };
});
afterEach(() => receiver.close());

/** Imports a workflow, with our credentials and with our receiver where its Settings name an address. */
async function imported(file: string, change = (text: string) => text): Promise<Json> {
  tried.push(file);
  const text = readFileSync(join(WORKFLOWS, file), 'utf8');
  const { name, nodes, connections, settings } = JSON.parse(change(text));
  for (const one of nodes) {
    const { genericAuthType, nodeCredentialType } = one.parameters;
    for (const type of [...Object.keys(one.credentials ?? {}), genericAuthType, nodeCredentialType]) {
      if (credentials[type]) one.credentials = { ...one.credentials, [type]: credentials[type] };
    }
    for (const setting of one.parameters.assignments?.assignments ?? []) {
      if (setting.name.endsWith('_url')) setting.value = receiver.url;
    }
  }
  return { id: await world.n8n.workflow(name, nodes, connections, settings), name, nodes };
}

/** Starts what a clock would start, as the editor does. */
async function runNow({ id, nodes }: Json): Promise<void> {
  const clock = nodes.find((one: Json) => one.type === 'n8n-nodes-base.scheduleTrigger');
  await world.n8n.rest('POST', `/workflows/${id}/run`, {
    workflowData: (await world.n8n.rest('GET', `/workflows/${id}`)).data,
    triggerToStartFrom: { name: clock.name },
  });
}

async function succeeded(id: string, count: number): Promise<void> {
  for (const execution of await world.n8n.executed(id, count)) expect(errorOf(execution)).toBeUndefined();
}

const leads = () => world.sql('select * from app.leads where organization_id = $1', [office.organizationId]);
const bodies = () => receiver.requests.map(({ rawBody }) => rawBody.toString('utf8'));

test('a missed call becomes a lead, and gets a text', async () => {
  const basic = { name: 'Twilio', type: 'httpBasicAuth', data: { user: 'AC1', password: 'twilio-token' } };
  credentials.httpBasicAuth = { id: (await world.n8n.api('POST', '/credentials', basic)).id, name: 'Twilio' };
  const { id } = await imported('missed-call-to-sms.json');
  expect(await world.n8n.publish(id)).toMatchObject({ status: 'published' });
  const call = { tracking_number: '+17705550100', answered: true };
  await office.request('POST', '/calls', { ...call, caller_number: '+14045550199', duration_seconds: 60 });
  // nobody can be called back who withholds the number
  await office.request('POST', '/calls', { ...call, duration_seconds: 0 });
  await office.request('POST', '/calls', { ...call, caller_number: '+14045550173', duration_seconds: 0 });
  await succeeded(id, 3);
  expect(await leads()).toMatchObject([
    { phone: '+14045550173', source: 'missed_call', notes: expect.stringContaining('on +17705550100') },
  ]);
  expect(bodies().map((body) => Object.fromEntries(new URLSearchParams(body)))).toEqual([
    { From: '+15005550006', To: '+14045550173', Body: expect.stringContaining('Sorry we missed your call') },
  ]);
  expect(receiver.requests[0]?.headers.authorization).toBe(`Basic ${btoa('AC1:twilio-token')}`);
  await world.n8n.unpublish(id);
});

test('a good lead is pushed to the CRM, and gets a note when that fails', async () => {
  const crm = ownCrm();
  receiver.answer(crm.answer);
  await office.request('PUT', '/connectors/http-crm', {
    settings: { url: receiver.url },
    secrets: { signing_secret: httpCrm.secrets.signing_secret },
  });
  const { id } = await imported('score-and-push-to-crm.json');
  expect(await world.n8n.publish(id)).toMatchObject({ status: 'published' });
  // what the rules of this office think of a lead is no matter here
  await world.sql('delete from app.scoring_rules where organization_id = $1', [office.organizationId]);
  await world.sql(
    `insert into app.scoring_rules (organization_id, label, predicate, weight) values ($1, 'Referred', '$.source ? (@ == "referral")', 0.6)`,
    [office.organizationId],
  );
  await office.request('POST', '/leads', { name: 'Poor', email: 'poor@example.com', source: 'website' });
  const good = await office.request('POST', '/leads', { name: 'Good', email: 'good@example.com', source: 'referral' });
  await succeeded(id, 2);
  expect([...crm.kept.keys()]).toEqual([good.id]);

  receiver.answer({ status: 400, headers: { 'content-type': 'application/json' }, body: '{"message":"No such town"}' });
  const bad = await office.request('POST', '/leads', { name: 'Bad', email: 'bad@example.com', source: 'referral' });
  await succeeded(id, 3);
  expect((await leads()).filter((lead) => lead.tags.length > 0)).toMatchObject([
    { id: bad.id, notes: expect.stringMatching(/^Not in the CRM yet: .*No such town/), tags: ['crm-failed'] },
  ]);
  await world.n8n.unpublish(id);
});

test('a won lead becomes a row of a spreadsheet', async () => {
  const google = await world.n8n.googleCredential('ya29.token');
  credentials.googleSheetsOAuth2Api = { id: google, name: 'Google' };
  const { id } = await imported('won-lead-to-spreadsheet.json');
  expect(await world.n8n.publish(id)).toMatchObject({ status: 'published' });
  const lead = await office.request('POST', '/leads', { name: 'Sarah', email: 'sarah@example.com', lead_score: 80 });
  await office.request('PATCH', `/leads/${lead.id}`, { pipeline_stage: 'contacted' });
  await office.request('PATCH', `/leads/${lead.id}`, { pipeline_stage: 'won' });
  await succeeded(id, 1);
  // a lead that was won goes on changing, and one may come in won
  await office.request('PATCH', `/leads/${lead.id}`, { budget_range: '10k' });
  const old = { name: 'Tom', email: 'tom@example.com', lead_score: 70, pipeline_stage: 'won' };
  const { id: other } = await office.request('POST', '/leads', old);
  await succeeded(id, 3);
  expect(
    bodies()
      .map((body) => JSON.parse(body).values[0])
      .sort((a, b) => b[6] - a[6]),
  ).toEqual([
    [expect.any(String), lead.id, 'Sarah', null, 'sarah@example.com', null, 80],
    [expect.any(String), other, 'Tom', null, 'tom@example.com', null, 70],
  ]);
  expect(receiver.requests[0]).toMatchObject({
    path: '/hook?valueInputOption=RAW',
    headers: { authorization: 'Bearer ya29.token' },
  });
  await world.n8n.unpublish(id);
});

test('a delivery that was given up is told of, once', async () => {
  const url = 'http://127.0.0.1:9/nobody';
  const webhook = await office.request('POST', '/webhooks', { url, events: ['lead.created'], retry_schedule: ['1s'] });
  const givenUp = async (count: number) => {
    await office.request('POST', '/leads', { email: `to.nobody.${count}@example.com` });
    await until(async () => {
      const { data } = await office.request('GET', `/webhooks/${webhook.id}/deliveries?status=dead_letter`);
      return data.length === count;
    });
  };
  await givenUp(1);
  const workflow = await imported('dead-letter-alert.json');
  await runNow(workflow);
  await succeeded(workflow.id, 1);
  const text = `Given up: lead.created to ${url} (status no answer, attempt 2)`;
  const texts = () => bodies().map((body) => JSON.parse(body).text);
  expect(texts()).toEqual([text]);
  // the clock is not exact, so two runs may look at the same minutes
  await runNow(workflow);
  await succeeded(workflow.id, 2);
  expect(texts()).toEqual([text]);
  // n8n was away for an hour
  await givenUp(2);
  await world.sql(
    "update app.delivery_attempts set attempted_at = attempted_at - interval '1 hour' where organization_id = $1",
    [office.organizationId],
  );
  await runNow(workflow);
  await succeeded(workflow.id, 3);
  expect(texts()).toEqual([text, text]);
});

test("yesterday's audit log is saved as a file", async () => {
  for (const [action, ago] of Object.entries({ 'lead.created': '1 day', 'lead.updated': '2 days' })) {
    await world.sql(
      `insert into audit.platform_events (organization_id, id, action, source, correlation_id, payload, created_at)
       select $1, id, $2, 'api', 'req_1', '{}', uuid_extract_timestamp(id) from uuidv7(-$3::interval) as id`,
      [office.organizationId, action, ago],
    );
  }
  const place = join(world.n8n.userFolder, '.n8n-files');
  mkdirSync(place, { recursive: true });
  const workflow = await imported('nightly-audit-export.json');
  await runNow(workflow);
  await succeeded(workflow.id, 1);
  const [name = '', ...others] = readdirSync(place);
  expect(others).toEqual([]);
  expect(name).toMatch(/^audit-log-\d{4}-\d\d-\d\d\.csv$/);
  const [header, ...rows] = readFileSync(join(place, name), 'utf8').trim().split(/\r?\n/);
  expect(header).toContain('action');
  expect(rows).toEqual([expect.stringContaining('lead.created')]);
});

test('each of them was tried', () => {
  expect(tried.sort()).toEqual(readdirSync(WORKFLOWS).sort());
});
