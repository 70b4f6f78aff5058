import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, Json } from './client.ts';
import type { Receiver } from './receiver.ts';
import type { Teller } from './tell.ts';

const CALL = {
  source: 'phone_system',
  external_id: 'c-20417',
  tracking_number: '+17705550199',
  caller_number: '+14045550173',
  caller_name: 'Daniel Park',
  caller_postal_code: '30060',
  answered: true,
  duration_seconds: 142,
  transcript: 'Caller: Hi, I have water coming through my basement ceiling, I think a pipe burst.',
};
const PATIENCE_MS = 60_000;

/** From a ringing phone to a job in the CRM, without a person. */
export async function ringTelephone(client: Client, receiver: Receiver, tell: Teller): Promise<void> {
  tell.step('A CRM is connected, and a service area set (PUT /api/v1/connectors/http-crm, PATCH …/dispatch-settings)');
  await client.send('PUT', '/api/v1/connectors/http-crm', {
    settings: { url: `${receiver.url}/crm` },
    secrets: { signing_secret: `whsec_${randomBytes(32).toString('base64')}` },
  });
  const test = (await client.send('POST', '/api/v1/connectors/http-crm/test')).body;
  tell.holds(test.ok, test.message);
  const area = { service_center_postal_code: '30060', service_radius_miles: 25, urgent_at_any_hour: true };
  await client.send('PATCH', '/api/v1/organizations/me/dispatch-settings', area);
  const events = ['call.received', 'call.classified', 'call.qualified'];
  await client.send('POST', '/api/v1/webhooks', { url: `${receiver.url}/calls`, events });

  tell.step('The telephone rings (POST /api/v1/calls)');
  tell.show(CALL.transcript);
  const { id } = (await client.send('POST', '/api/v1/calls', CALL)).body;
  const call = await dispatched(client, id);
  tell.show(
    JSON.stringify({ classification: call.classification, dispatch_decision: call.dispatch_decision }, null, 2),
  );
  tell.holds(
    call.classification.intent === 'water' && call.classification.qualified,
    'it was about water, and qualified',
  );
  const { action, reason, job_created_in_jobnimbus: job } = call.dispatch_decision;
  tell.holds(action === 'auto_dispatch', `a crew is dispatched: ${reason}`);

  const [lead] = (await client.send('GET', `/api/v1/leads?source=${CALL.source}`)).body.data;
  tell.holds(
    lead?.name === CALL.caller_name && lead.pipeline_stage === 'qualified',
    `${lead?.name} is a qualified lead`,
  );
  const asked = receiver.deliveries('/crm').map(({ body }) => JSON.parse(body.toString()).type);
  tell.holds(
    asked.join() === 'connection.test,lead.push,job.create',
    `the CRM was asked once for the lead and once for the job, ${job}`,
  );
  const [message] = (await client.send('GET', '/rest/v1/messages?select=content,state,vendor&channel=eq.sms')).body;
  tell.show(message?.content);
  tell.holds(
    message?.vendor === 'outbox',
    'the text message is in the outbox, as no service is connected that would send it',
  );
  const told = (await receiver.received('/calls', 3)).map(({ event }) => event);
  tell.holds(told.join() === events.join(), `the webhook heard of it in order: ${told.join(', ')}`);

  await client.send('POST', '/api/v1/calls', CALL);
  const { body: again } = await client.send('GET', `/api/v1/calls/${id}`);
  tell.holds(JSON.stringify(again) === JSON.stringify(call), 'told of again, nothing happens twice');
}

/** The call, once everything that dispatching it brings is done. */
async function dispatched(client: Client, id: string): Promise<Json> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const { body } = await client.send('GET', `/api/v1/calls/${id}`);
    const decision = body.dispatch_decision;
    if (decision?.sms_callback_sent && decision.job_created_in_jobnimbus) return body;
    if (Date.now() > deadline) throw new Error(`The call is still ${JSON.stringify(decision)}.`);
    await delay(250);
  }
}
