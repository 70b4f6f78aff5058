import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Worker } from '../../src/worker/worker.ts';
import { CASES } from '../connectors/cases.ts';
import { type Operator, startOperator } from '../connectors/fixtures.ts';
import { ACCOUNT, callRailDelivery } from '../connectors/vendors/callrail-api.ts';
import { jobNimbusAccount } from '../connectors/vendors/jobnimbus.ts';
import { twilioApi } from '../connectors/vendors/twilio.ts';
import { restorer } from '../sql/dispatch-fixtures.ts';
import { type Api, startApi } from '../support/api.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { registerEndpoint, startTestWorker, until } from './fixtures.ts';

// From a ringing phone to a lead in the CRM, without a person: CallRail, JobNimbus and Twilio as they speak, and everything between.

let api: Api;
let worker: Worker;
let operator: Operator;
let callRail: Receiver;
let jobNimbus: Receiver;
let twilio: Receiver;
let subscriber: Receiver;
const account = jobNimbusAccount();
const SOUND = Buffer.from('ID3\u0004 a recording');

const caseOf = (vendor: string) => {
  const found = CASES[vendor];
  if (!found) throw new Error(`no case of ${vendor}`);
  return found;
};

beforeAll(async () => {
  api = await startApi();
  operator = await startOperator(api.db);
  callRail = await startReceiver(({ path }) =>
    path.endsWith('.mp3')
      ? { headers: { 'content-type': 'audio/mpeg' }, body: SOUND.toString() }
      : { body: '{"calls":[]}' },
  );
  jobNimbus = await startReceiver(account.answer);
  twilio = await startReceiver(twilioApi);
  subscriber = await startReceiver();
  worker = await startTestWorker(api.db, { inbound: { pollMs: 20 } });
});
afterAll(async () => {
  await worker.stop();
  for (const receiver of [callRail, jobNimbus, twilio, subscriber]) await receiver.close();
  await operator.stop();
  await api.stop();
});

test('a call that CallRail tells of is a lead, a text message and a job a moment later, each once', async () => {
  const day = [['00:00', '24:00']];
  const organization = await restorer(api.db, {
    business_hours: { mon: day, tue: day, wed: day, thu: day, fri: day, sat: day, sun: day },
  });
  // (what it comes with has no account behind it)
  await api.db.admin.query('update app.connections set enabled = false where organization_id = $1', [organization]);
  const office = await api.key(organization);
  const signingKey = caseOf('callrail').secrets.signing_key as string;
  const hook = await operator.connect(organization, 'callrail', {
    settings: { api_url: callRail.url, account_id: ACCOUNT },
    secrets: caseOf('callrail').secrets,
  });
  for (const [vendor, url] of [
    ['jobnimbus', jobNimbus.url],
    ['twilio', twilio.url],
  ] as const) {
    const { settings, secrets } = caseOf(vendor);
    await operator.save(organization, vendor, { settings: settings(url), secrets });
  }
  await registerEndpoint(api.db, organization, subscriber.url, ['call.received', 'call.classified', 'call.qualified']);

  const told = {
    resource_id: 'CAL00000000000000000000000000000042',
    answered: true,
    voicemail: false,
    direction: 'inbound',
    duration: '142',
    start_time: new Date(Date.now() - 200_000).toISOString(),
    timestamp: new Date().toISOString(),
    customer_name: 'Sarah Mitchell',
    customer_phone_number: '+14045550173',
    customer_city: 'Marietta',
    customer_state: 'GA',
    customer_country: 'US',
    tracking_phone_number: '+17705550199',
    recording: `${callRail.url}/recordings/42.mp3`,
    transcription:
      'Agent: Thank you for calling.\nCaller: Hi, I have water coming through my basement ceiling, I think a pipe burst. Can you send somebody today?',
    note: 'kept as it came',
  };
  const deliver = async (fields: object) => {
    const { body, headers } = callRailDelivery(fields, signingKey);
    const answer = await fetch(`${api.url}${hook}`, { method: 'POST', body, headers });
    expect(answer.status).toBe(200);
  };
  // while it rings, CallRail calls it missed; nothing is classified before it is over
  const { transcription: _, recording: __, note: ___, ...ringing } = told;
  await deliver({ ...ringing, answered: false, duration: '0', call_type: 'missed' });
  await until(async () => (await office.get('/calls')).body.data.length === 1, 'the call to be known');
  await deliver(told);
  // delivered twice, and modified late: still one call
  await deliver(told);
  await deliver({ ...told, note: 'changed', lead_status: 'good_lead' });

  const call = await until(async () => {
    const [summary] = (await office.get('/calls')).body.data;
    const { body } = summary ? await office.get(`/calls/${summary.id}`) : { body: undefined };
    const done =
      body?.recording_url &&
      body.dispatch_decision?.sms_callback_sent &&
      body.dispatch_decision.job_created_in_jobnimbus;
    return done ? body : undefined;
  }, 'the call to have gone its way');
  expect(call).toMatchObject({
    caller_number: '+14045550173',
    tracking_number: '+17705550199',
    duration_seconds: 142,
    classification: { intent: 'water', urgency: 'high', qualified: true },
    dispatch_decision: {
      action: 'auto_dispatch',
      reason: 'in_service_radius + qualified + business_hours',
      sms_callback_sent: true,
      job_created_in_jobnimbus: 'jn_jobs_1',
    },
  });
  expect(Buffer.from(await (await fetch(call.recording_url)).arrayBuffer())).toEqual(SOUND);

  const leads = (await office.get('/leads')).body.data;
  expect(leads).toMatchObject([{ name: 'Sarah Mitchell', pipeline_stage: 'qualified' }]);
  const pushed = await office.post(`/leads/${leads[0].id}/push-to-crm`);
  expect(pushed.body.crm_sync).toMatchObject({ vendor: 'jobnimbus', external_id: 'jn_contacts_1', status: 'ok' });

  await until(() => subscriber.requests.length === 3, 'the events');
  expect(subscriber.requests.map(({ headers }) => headers['x-eal-event'])).toEqual([
    'call.received',
    'call.classified',
    'call.qualified',
  ]);
  await until(async () => {
    const { rows } = await api.db.admin.query('select kind, state, error from app.tasks where organization_id = $1', [
      organization,
    ]);
    return rows.length === 0;
  }, 'everything to be done');
  expect((await office.get('/calls')).body.data).toHaveLength(1);
  expect((await office.get('/leads')).body.data).toHaveLength(1);
  expect([account.contacts.length, account.jobs.length]).toEqual([1, 1]);
  const texts = twilio.requests.filter(({ method }) => method === 'POST');
  expect(texts.map(({ rawBody }) => new URLSearchParams(rawBody.toString()).get('To'))).toEqual(['+14045550173']);
});
