import { setTimeout as delay } from 'node:timers/promises';
import type { Instance } from '../../supervisor/start.ts';
import { verifyEalSignature } from '../../webhooks/signing.ts';
import { table } from '../output.ts';
import { type Client, createClient, type Json } from './client.ts';
import type { Receiver } from './receiver.ts';
import { proveTampering, verifyNow } from './tampering.ts';
import { ringTelephone } from './telephone.ts';
import type { Teller } from './tell.ts';

const LEAD = {
  name: 'Sarah Mitchell',
  company: 'Mitchell Property Group',
  email: 'sarah@mitchellproperties.example',
  source: 'referral',
  pain_points: 'Burst pipe, the ground floor is under water',
  timeline: 'now',
};

/** The whole loop, from a lead and a call that come in to the proof that its record was not touched. Throws at what does not hold. */
export async function tellStory(instance: Instance, receiver: Receiver, tell: Teller): Promise<void> {
  const { firstKey, url } = instance;
  tell.step('A new instance has made an organization and its admin key');
  tell.holds(firstKey !== undefined, `${firstKey?.organization} (${firstKey?.organizationId})`);
  const client = createClient(url, firstKey?.key ?? '');

  const [steady, flaky] = await registerWebhooks(client, receiver, tell);
  const lead = await takeLead(client, tell);
  const entry = await readAudit(client, lead, tell);
  await checkSteady(receiver, steady.signing_secret, lead, tell);
  await checkFlaky(client, receiver, flaky, tell);
  await ringTelephone(client, receiver, tell);

  tell.step('The CSV export holds the entry (GET /api/v1/audit-log/export.csv)');
  const csv = (await client.send('GET', '/api/v1/audit-log/export.csv')).text;
  const line = csv.split('\n').find((row) => row.includes(entry.id)) ?? '';
  tell.show(csv.split('\n', 1)[0] ?? '');
  tell.show(`${line.slice(0, 110)}…`);
  tell.holds(line.includes('lead.updated'), `the entry ${entry.id} is in it`);

  tell.step('The audit log is as it was written (trunkline audit verify)');
  const verification = await verifyNow(instance.adminUrl);
  tell.holds(verification.problems.length === 0, 'no hour was tampered with');
  const proof = await proveTampering(instance.adminUrl, entry.id);
  tell.holds(proof.before.length === 0, `sealed now, the chain covers ${proof.entries} entries, and verifies`);
  tell.holds(
    proof.after.length === 1,
    `a superuser who changes one entry behind the triggers is found: ${proof.after[0]}`,
  );
}

async function registerWebhooks(client: Client, receiver: Receiver, tell: Teller): Promise<[Json, Json]> {
  tell.step('Two receivers register over HTTP (POST /api/v1/webhooks); one of them will fail twice');
  const register = async (path: string, events: string[]): Promise<Json> => {
    const { body } = await client.send('POST', '/api/v1/webhooks', { url: receiver.url + path, events });
    tell.show(`${body.url}  ${body.events.join(', ')}  ${body.signing_secret_prefix}…`);
    return body;
  };
  const steady = await register('/steady', ['lead.created', 'lead.updated']);
  const flaky = await register('/flaky', ['lead.created']);
  tell.holds(Boolean(steady.signing_secret && flaky.signing_secret), 'each has its signing secret, shown once');
  return [steady, flaky];
}

async function takeLead(client: Client, tell: Teller): Promise<Json> {
  tell.step('A lead comes in (POST /api/v1/leads)');
  const created = await client.send('POST', '/api/v1/leads', LEAD);
  tell.show(created.text);
  tell.holds(created.status === 201 && created.body.pipeline_stage === 'new', 'created, in stage new');

  tell.step('It is scored by the rules, through PostgREST (POST /rest/v1/rpc/score_lead)');
  const scored = (await client.send('POST', '/rest/v1/rpc/score_lead', { lead_id: created.body.id })).body[0];
  for (const reason of String(scored.ai_reasoning).split('; ')) tell.show(reason);
  tell.holds(scored.lead_score > 0, `the score is ${scored.lead_score}, and says why`);

  tell.step('It is won (PATCH /api/v1/leads/{id})');
  const won = await client.send('PATCH', `/api/v1/leads/${created.body.id}`, { pipeline_stage: 'won' });
  tell.holds(won.body.pipeline_stage === 'won', 'the stage is won');
  return won.body;
}

async function readAudit(client: Client, lead: Json, tell: Teller): Promise<Json> {
  tell.step('The change is in the audit log, with its diff (GET /api/v1/audit-log?action=lead.updated)');
  const { data } = (await client.send('GET', '/api/v1/audit-log?action=lead.updated&limit=10')).body;
  const entry = data.find((one: Json) => one.payload.lead_id === lead.id && one.payload.diff.pipeline_stage);
  tell.show(JSON.stringify({ action: entry?.action, source: entry?.source, ...entry?.payload }, null, 2));
  const change = entry?.payload.diff.pipeline_stage;
  tell.holds(change?.from === 'new' && change?.to === 'won', 'pipeline_stage: new → won, with the key that did it');
  return entry;
}

async function checkSteady(receiver: Receiver, secret: string, lead: Json, tell: Teller): Promise<void> {
  tell.step('The webhooks arrive, signed');
  const deliveries = await receiver.received('/steady', 3);
  for (const { event, eventId, signature } of deliveries)
    tell.show(`${event}  ${eventId}  ${signature?.slice(0, 40)}…`);
  const valid = ({ signature, body }: { signature: string | undefined; body: string | Buffer }) =>
    verifyEalSignature({ header: signature, body, secrets: [secret] });
  tell.holds(deliveries.every(valid), 'every X-EAL-Signature is right');
  const forged = deliveries.map(({ signature, body }) => ({ signature, body: `${body} ` }));
  tell.holds(!forged.some(valid), 'with one byte more in the body, none is');
  const bodies = deliveries.map(({ body }) => JSON.parse(body.toString()));
  const isWon = ({ type, data }: Json) =>
    type === 'lead.updated' && data.id === lead.id && data.pipeline_stage === 'won';
  tell.holds(bodies.some(isWon), 'lead.updated carries the lead as it is now');
}

async function checkFlaky(client: Client, receiver: Receiver, flaky: Json, tell: Teller): Promise<void> {
  tell.step('The receiver that fails twice gets its event on the third attempt');
  const attempts = await receiver.received('/flaky', 3);
  for (const { attempt, eventId, answered } of attempts)
    tell.show(`attempt ${attempt}  ${eventId}  answered ${answered}`);
  tell.holds(attempts.map(({ attempt }) => attempt).join() === '1,2,3', 'three attempts');
  tell.holds(new Set(attempts.map(({ eventId }) => eventId)).size === 1, 'of one event, under one id');

  tell.step('The delivery log says so (GET /api/v1/webhooks/{id}/deliveries)');
  let log: Json[] = [];
  // an attempt is written down a moment after the receiver has it
  for (let tries = 0; tries < 40 && log[0]?.status !== 'delivered'; tries++) {
    if (tries > 0) await delay(250);
    log = (await client.send('GET', `/api/v1/webhooks/${flaky.id}/deliveries`)).body.data;
  }
  tell.show(
    table(
      log.map(({ attempt, status, response_status, latency_ms }) => ({ attempt, status, response_status, latency_ms })),
      '',
    ),
  );
  tell.holds(log.map(({ status }) => status).join() === 'delivered,failed,failed', 'failed, failed, delivered');
}
