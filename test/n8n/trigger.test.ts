import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ealSignature } from '../../src/webhooks/signing.ts';
import { until } from '../start/process.ts';
import { itemsOf, type Json } from './n8n.ts';
import { chain, node, trigger, type WorkflowNode } from './nodes.ts';
import { type Office, startWorld, type World } from './world.ts';

// The life of a trigger in a real n8n: published, sent to, attacked, published again, restarted, unpublished.

let world: World;
let office: Office;
let credential: string;
let workflow: string;
let hook: string;

const wait = () => node('n8n-nodes-base.noOp', 'Done', {});
const webhooks = async (): Promise<Json[]> => (await office.request('GET', '/webhooks')).data;
const leadIds = async (id = workflow): Promise<string[]> =>
  (await world.n8n.executions(id)).map((one) => itemsOf(one, 'Trunkline Trigger')[0]?.json.id);

/** Stores a workflow that begins with the trigger, and publishes it. */
async function published(parameters: object): Promise<{ id: string; nodes: WorkflowNode[]; status: Json }> {
  const nodes = [trigger(credential, parameters), wait()];
  const id = await world.n8n.workflow('Trigger', nodes, chain(nodes));
  return { id, nodes, status: await world.n8n.publish(id) };
}

async function republish(id: string, nodes: WorkflowNode[], parameters: Record<string, unknown>): Promise<void> {
  const changed = nodes.map((one, at) => (at === 0 ? { ...one, parameters } : one));
  await world.n8n.api('PUT', `/workflows/${id}`, {
    name: 'Trigger',
    nodes: changed,
    connections: chain(changed),
    settings: { executionOrder: 'v1' },
  });
  await world.n8n.publish(id);
}

/** What the trigger keeps: its secrets and the ids it saw. */
async function kept(id: string): Promise<Json> {
  const { staticData } = await world.n8n.api('GET', `/workflows/${id}`);
  return (typeof staticData === 'string' ? JSON.parse(staticData) : staticData)['node:Trunkline Trigger'];
}

async function deliver(url: string, body: string, signature?: string): Promise<number> {
  const headers = { 'content-type': 'application/json', ...(signature && { 'x-eal-signature': signature }) };
  return (await fetch(url, { method: 'POST', headers, body })).status;
}

beforeAll(async () => {
  world = await startWorld();
  office = await world.office();
  credential = await world.n8n.credential('Trunkline', { baseUrl: world.url, apiKey: office.key });
});
afterAll(() => world?.stop());

let nodes: WorkflowNode[];

describe('a published trigger', () => {
  test('registers itself', async () => {
    const made = await published({ events: ['lead.created'], options: { includeRaw: true } });
    expect(made.status.status).toBe('published');
    ({ id: workflow, nodes } = made);
    const [only, ...others] = await webhooks();
    expect(others).toEqual([]);
    expect(only).toMatchObject({ events: ['lead.created'], enabled: true, description: 'n8n: Trigger' });
    hook = only.url;
    expect(hook).toContain(`${world.n8n.url}/webhook/`);
  });

  test('starts once for a lead over REST, and once for one in psql', async () => {
    const lead = await office.request('POST', '/leads', { email: 'rest@example.com', source: 'website' });
    const [execution] = await world.n8n.executed(workflow, 1);
    const [{ json }] = itemsOf(execution, 'Trunkline Trigger');
    expect(json).toMatchObject({
      event: 'lead.created',
      event_id: expect.stringMatching(/^evt_/),
      organization_id: office.organizationId,
      id: lead.id,
      email: 'rest@example.com',
      pipeline_stage: 'new',
      raw: { type: 'lead.created', data: { id: lead.id } },
    });
    const [row] = await world.sql(
      "insert into app.leads (organization_id, email) values ($1, 'psql@example.com') returning id",
      [office.organizationId],
    );
    await world.n8n.executed(workflow, 2);
    expect((await leadIds()).sort()).toEqual([lead.id, row.id].sort());
  });

  test('refuses what is forged, old or unsigned, and does nothing for what it saw', async () => {
    const before = (await world.n8n.executions(workflow)).length;
    // what came in is stored a moment later
    await until(async () => (await kept(workflow)).seen.length === 2);
    const { secrets, seen } = await kept(workflow);
    const secret = secrets[0].secret;
    const now = Math.floor(Date.now() / 1000);
    const event = (id: string) =>
      JSON.stringify({ id, type: 'lead.created', created_at: '', organization_id: office.organizationId, data: {} });
    const signed = (body: string, timestamp = now, key = secret) => ealSignature({ timestamp, body, secrets: [key] });

    const fresh = event('evt_00000000000000aa');
    expect(await deliver(hook, fresh)).toBe(401);
    expect(await deliver(hook, fresh, 'nonsense')).toBe(401);
    expect(await deliver(hook, fresh, signed(fresh, now, 'whsec_forged'))).toBe(401);
    expect(await deliver(hook, `${fresh} `, signed(fresh))).toBe(401);
    expect(await deliver(hook, fresh, signed(fresh, now - 600))).toBe(401);
    expect(await deliver(hook, fresh, signed(fresh, now + 600))).toBe(401);
    expect(await deliver(hook, '[]', signed('[]'))).toBe(400);
    // signed by the right secret, now, but seen: a delivery whose answer got lost, or one that somebody recorded
    const replayed = event(seen.at(-1));
    expect(await deliver(hook, replayed, signed(replayed))).toBe(200);
    await delay(1000);
    expect(await world.n8n.executions(workflow)).toHaveLength(before);
  });

  test('goes on while and after its secret is rotated by somebody else', async () => {
    const before = (await world.n8n.executions(workflow)).length;
    const [{ id }] = await webhooks();
    await office.request('POST', `/webhooks/${id}/rotate-secret`);
    await office.request('POST', '/leads', { email: 'rotated@example.com' });
    await world.n8n.executed(workflow, before + 1);
    // the day is over: the secret from before is worth nothing any more
    await until(async () => {
      const [{ signing_secret_prefix: prefix }] = await webhooks();
      const { secrets } = await kept(workflow);
      return secrets[0].secret.startsWith(prefix);
    });
    await world.sql('delete from app.webhook_secrets where endpoint_id = $1 and expires_at is not null', [id]);
    await office.request('POST', '/leads', { email: 'next.day@example.com' });
    await world.n8n.executed(workflow, before + 2);
    expect(await world.n8n.executions(workflow)).toHaveLength(before + 2);
  });

  describe('while leads stream in, twenty a second', () => {
    /** Those that meet a Trunkline that is restarting may or may not be there afterwards. */
    async function stream(from: number, to: number): Promise<void> {
      for (let n = from; n < to; n++) {
        const started = Date.now();
        await office.request('POST', '/leads', { email: `stream${n}@example.com` }).catch(() => undefined);
        await delay(Math.max(0, 50 - (Date.now() - started)));
      }
    }

    /** Every lead that is there has started the workflow once, and nothing comes any more. */
    async function expectOnce(): Promise<void> {
      const rows = await world.sql('select id from app.leads where organization_id = $1', [office.organizationId]);
      await until(async () => {
        await delay(2000);
        const [{ count }] = await world.sql(
          "select count(*)::integer from app.deliveries where organization_id = $1 and state = 'pending'",
          [office.organizationId],
        );
        return count === 0 && (await leadIds()).filter(Boolean).length >= rows.length;
      });
      const found = await leadIds();
      const doubled = found.filter((id, at) => found.indexOf(id) !== at);
      const attempts = await world.sql(
        `select e.snapshot ->> 'id' as lead, a.attempt, a.status, a.response_status, a.latency_ms, a.error, a.attempted_at
           from app.events as e
           join app.deliveries as d on d.organization_id = e.organization_id and d.event_id = e.id
           join app.delivery_attempts as a on a.organization_id = d.organization_id and a.delivery_id = d.id
          where e.organization_id = $1 and e.snapshot ->> 'id' = any ($2)
          order by a.attempted_at`,
        [office.organizationId, doubled],
      );
      expect({ doubled, attempts }).toEqual({ doubled: [], attempts: [] });
      expect(found.sort()).toEqual(rows.map(({ id }) => id).sort());
    }

    test('nothing is lost or doubled when the workflow is published again', async () => {
      const streaming = stream(0, 200);
      for (const events of [['lead.created', 'call.received'], ['lead.created']]) {
        await delay(2000);
        await republish(workflow, nodes, { events, options: {} });
      }
      await streaming;
      await expectOnce();
    }, 900_000);

    test('nothing is lost or doubled when n8n is away, and when Trunkline restarts', async () => {
      const { length } = await leadIds();
      await until(async () => (await kept(workflow)).seen.length >= length);
      await world.n8n.stop();
      await stream(200, 260);
      await world.n8n.start();
      const streaming = stream(260, 320);
      await world.restartTrunkline();
      await streaming;
      await expectOnce();
    }, 900_000);
  });

  test('still knows what it saw after a restart', async () => {
    const before = (await world.n8n.executions(workflow)).length;
    const { secrets, seen } = await kept(workflow);
    const body = JSON.stringify({ id: seen.at(-1), type: 'lead.created', data: {} });
    const timestamp = Math.floor(Date.now() / 1000);
    expect(await deliver(hook, body, ealSignature({ timestamp, body, secrets: [secrets[0].secret] }))).toBe(200);
    await delay(1000);
    expect(await world.n8n.executions(workflow)).toHaveLength(before);
  });

  test('removes itself when it is unpublished', async () => {
    await world.n8n.unpublish(workflow);
    await until(async () => (await webhooks()).length === 0);
  });
});

describe('a trigger with filters', () => {
  test('starts for what passes them, and for events that they are not about', async () => {
    const { id } = await published({
      events: ['lead.created', 'call.received'],
      filters: { pipeline_stage: ['qualified'], source: ['website'], lead_score: 60 },
    });
    const post = (body: object) => office.request('POST', '/leads', body);
    await post({ email: 'f1@example.com', source: 'website', pipeline_stage: 'qualified', lead_score: 59 });
    await post({ email: 'f2@example.com', source: 'angi', pipeline_stage: 'qualified', lead_score: 90 });
    await post({ email: 'f3@example.com', source: 'website', pipeline_stage: 'new', lead_score: 90 });
    const passes = await post({
      email: 'f4@example.com',
      source: 'website',
      pipeline_stage: 'qualified',
      lead_score: 60,
    });
    const call = await office.request('POST', '/calls', { caller_number: '+14045550173' });
    await world.n8n.executed(id, 2);
    await delay(1000);
    expect((await leadIds(id)).sort()).toEqual([passes.id, call.id].sort());
    await world.n8n.unpublish(id);
  });
});

describe('several triggers', () => {
  test('of one workflow each start it for their own events, chosen from a list or by an expression', async () => {
    const calls = { ...trigger(credential, { events: ['call.received'] }), name: 'Calls' };
    const leads = { ...trigger(credential, { events: '={{ "lead.created, lead.updated" }}' }), name: 'Leads' };
    const done = wait();
    const to = { main: [[{ node: done.name, type: 'main', index: 0 }]] };
    const id = await world.n8n.workflow('Two', [calls, leads, done], { Calls: to, Leads: to });
    expect(await world.n8n.publish(id)).toMatchObject({ status: 'published' });
    expect((await webhooks()).map((one) => one.events.sort()).sort()).toEqual([
      ['call.received'],
      ['lead.created', 'lead.updated'],
    ]);
    await office.request('POST', '/leads', { email: 'two.triggers@example.com', lead_score: 50 });
    await office.request('POST', '/calls', { caller_number: '+14045550188' });
    const executions = await world.n8n.executed(id, 2);
    const events = executions.flatMap((one) => [...itemsOf(one, 'Calls'), ...itemsOf(one, 'Leads')]);
    expect(events.map(({ json }) => json.event).sort()).toEqual(['call.received', 'lead.created']);
    await world.n8n.unpublish(id);
    await until(async () => (await webhooks()).length === 0);
  });

  test('of a workflow and of its copy both start, also when the copy brought along what the original stored', async () => {
    const { id } = await published({ events: ['lead.created'] });
    const { staticData } = await world.n8n.api('GET', `/workflows/${id}`);
    expect(JSON.stringify(staticData)).toContain('whsec_');
    const copied = [trigger(credential, { events: ['lead.created'] }), wait()];
    const copy = await world.n8n.api('POST', '/workflows', {
      name: 'Copy',
      nodes: copied,
      connections: chain(copied),
      settings: { executionOrder: 'v1', saveDataSuccessExecution: 'all' },
      staticData,
    });
    expect(await world.n8n.publish(copy.id)).toMatchObject({ status: 'published' });
    expect(await webhooks()).toHaveLength(2);
    const lead = await office.request('POST', '/leads', { email: 'both@example.com' });
    for (const one of [id, copy.id]) {
      await world.n8n.executed(one, 1);
      expect(await leadIds(one)).toEqual([lead.id]);
      await world.n8n.unpublish(one);
    }
    await until(async () => (await webhooks()).length === 0);
  });
});

describe('listening for a test event', () => {
  test('leaves alone what the published workflow registered', async () => {
    const { id } = await published({ events: ['lead.created'] });
    const [registered] = await webhooks();
    await world.n8n.rest('POST', `/workflows/${id}/run`, {
      workflowData: (await world.n8n.rest('GET', `/workflows/${id}`)).data,
      triggerToStartFrom: { name: 'Trunkline Trigger' },
    });
    const [tested] = await world.n8n.executed(id, 1);
    expect(tested.mode).toBe('manual');
    await until(async () => (await webhooks()).length === 1);
    expect(await webhooks()).toMatchObject([{ id: registered.id, url: registered.url }]);
    const lead = await office.request('POST', '/leads', { email: 'while.listening@example.com' });
    const [started] = (await world.n8n.executed(id, 2)).filter((one) => one.mode !== 'manual');
    expect(itemsOf(started, 'Trunkline Trigger')[0].json.id).toBe(lead.id);
    await world.n8n.unpublish(id);
    await until(async () => (await webhooks()).length === 0);
  });

  test('gets a real one, sent by Trunkline, whatever the filters', async () => {
    const nodes = [trigger(credential, { events: ['lead.updated'], filters: { lead_score: 100 } }), wait()];
    const id = await world.n8n.workflow('Test', nodes, chain(nodes));
    const started = await world.n8n.rest('POST', `/workflows/${id}/run`, {
      workflowData: (await world.n8n.rest('GET', `/workflows/${id}`)).data,
      triggerToStartFrom: { name: 'Trunkline Trigger' },
    });
    expect(started.data).toMatchObject({ waitingForWebhook: true });
    expect((await webhooks()).map((one) => one.url)).toEqual([expect.stringContaining('/webhook-test/')]);
    const [execution] = await world.n8n.executed(id, 1);
    expect(itemsOf(execution, 'Trunkline Trigger')[0].json).toMatchObject({
      event: 'lead.updated',
      organization_id: office.organizationId,
      email: expect.any(String),
    });
    await until(async () => (await webhooks()).length === 0);
  });
});

describe('a trigger that cannot register', () => {
  test('says why, and what to do', async () => {
    const reader = await world.office({ scopes: 'read,write' });
    const asReader = await world.n8n.credential('Reader', { baseUrl: world.url, apiKey: reader.key });
    const nodes = [trigger(asReader, { events: ['lead.created'] }), wait()];
    const id = await world.n8n.workflow('Refused', nodes, chain(nodes));
    const said = await world.n8n.publish(id).then(
      (status) => JSON.stringify(status),
      (error) => String(error),
    );
    expect(said).toContain('admin for webhooks and the trigger');
  });
});
