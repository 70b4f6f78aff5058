import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { httpCrm, ownCrm } from '../connectors/vendors/http-crm.ts';
import { startReceiver } from '../support/receiver.ts';
import { errorOf, itemsOf, type Json } from './n8n.ts';
import { action, byId, chain, node, onRequest, type WorkflowNode } from './nodes.ts';
import { type Office, startWorld, type World } from './world.ts';

// Every operation of every resource, in workflows that a real n8n runs.

let world: World;
let office: Office;
let credential: string;

beforeAll(async () => {
  world = await startWorld();
  office = await world.office();
  credential = await world.n8n.credential('Trunkline', { baseUrl: world.url, apiKey: office.key });
});
afterAll(() => world?.stop());

/** Publishes a chain of nodes, starts it with a request, and returns its execution. */
async function run(name: string, nodes: WorkflowNode[], body: object = {}): Promise<Json> {
  const { n8n } = world;
  // its own each time: what a failed try has published still listens
  const path = `run-${name}-${randomUUID()}`;
  const all = [onRequest(path), ...nodes];
  const id = await n8n.workflow(name, all, chain(all));
  await n8n.publish(id);
  await fetch(`${n8n.url}/webhook/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const [execution] = await n8n.executed(id, 1);
  return execution;
}

describe('the credential', () => {
  const tested = async (data: { baseUrl: string; apiKey: string }): Promise<Json> => {
    const id = await world.n8n.credential('Tested', data);
    return world.n8n.api('POST', `/credentials/${id}/test`);
  };

  test('of a good key names the organization and the scopes', async () => {
    const result = await tested({ baseUrl: `${world.url}/`, apiKey: office.key });
    expect(result).toMatchObject({
      status: 'OK',
      message: expect.stringMatching(/^Connected to Office \w+ with the scopes read, write, admin\.$/),
    });
  });

  test('of a bad key, of no key and of no Trunkline says so', async () => {
    const bad = `${office.key.slice(0, -4)}AAAA`;
    expect(await tested({ baseUrl: world.url, apiKey: bad })).toMatchObject({
      status: 'Error',
      message: expect.stringContaining('does not accept the API key'),
    });
    expect(await tested({ baseUrl: world.url, apiKey: 'sk-1' })).toMatchObject({
      status: 'Error',
      message: expect.stringContaining('eal_live_'),
    });
    expect(await tested({ baseUrl: 'http://127.0.0.1:9', apiKey: office.key })).toMatchObject({
      status: 'Error',
      message:
        'Trunkline cannot be reached at http://127.0.0.1:9: nothing listens there. Where n8n runs in a container, that address is the container itself.',
    });
    expect(await tested({ baseUrl: 'http://trunkline.invalid', apiKey: office.key })).toMatchObject({
      status: 'Error',
      message: 'Trunkline cannot be reached at http://trunkline.invalid: n8n does not find that host.',
    });
    expect(await tested({ baseUrl: world.url.replace('http:', 'https:'), apiKey: office.key })).toMatchObject({
      status: 'Error',
      message: expect.stringContaining(
        'does not speak https there. Without a certificate, the Base URL begins with http:',
      ),
    });
    expect(await tested({ baseUrl: 'trunkline.example.com', apiKey: office.key })).toMatchObject({
      status: 'Error',
      message: expect.stringContaining('https://'),
    });
    expect(await tested({ baseUrl: world.n8n.url, apiKey: office.key })).toMatchObject({
      status: 'Error',
      message: expect.stringContaining('does not answer as Trunkline does'),
    });
  });

  test('takes what was pasted with the address or the key for what it is, and names where an address leads', async () => {
    expect(await tested({ baseUrl: `${world.url}/api/v1/`, apiKey: office.key })).toMatchObject({ status: 'OK' });
    const pasted = await world.n8n.credential('Pasted', {
      baseUrl: ` ${world.url}/api/v1/`,
      apiKey: `${office.key}\n`,
    });
    const execution = await run('pasted', [action('Mine', pasted, 'organization', 'getMine')]);
    expect(itemsOf(execution, 'Mine')).toMatchObject([{ json: { id: office.organizationId } }]);
    const old = await startReceiver(({ path }) => ({ status: 308, headers: { location: world.url + path } }));
    try {
      expect(await tested({ baseUrl: new URL(old.url).origin, apiKey: office.key })).toMatchObject({
        status: 'Error',
        message: expect.stringMatching(new RegExp(`Enter that as the Base URL: ${world.url}$`)),
      });
    } finally {
      await old.close();
    }
  });
});

describe('operations', () => {
  const once = { executeOnce: true };
  const of = (name: string) => byId(`={{ $('${name}').first().json.id }}`);

  test('of leads', async () => {
    const lead = of('Create');
    const execution = await run(
      'leads',
      [
        action('Create', credential, 'lead', 'create', {
          email: '={{ $json.body.email }}',
          name: 'Sarah Mitchell',
          additionalFields: { source: 'website', timeline: 'this_week', company: '', lead_score: 10 },
        }),
        action('Upsert', credential, 'lead', 'upsert', {
          email: 'SARAH@example.com',
          phone: '(404) 555-0173',
          simplify: false,
          additionalFields: {
            tags: 'storm, basement',
            context: '{"roof": "slate"}',
            pain_points: 'Water in the basement',
          },
        }),
        action('Upsert New', credential, 'lead', 'upsert', {
          email: '',
          phone: '+1 770 555 0142',
          additionalFields: { name: 'Tom' },
        }),
        action('Get', credential, 'lead', 'get', { leadId: lead, simplify: false }),
        action('Get Simple', credential, 'lead', 'get', { leadId: lead }),
        action('Update', credential, 'lead', 'update', {
          leadId: lead,
          updateFields: { pipeline_stage: 'contacted', budget_range: '10k', timeline: '' },
        }),
        action('Score', credential, 'lead', 'score', { leadId: lead }),
        action('Hand Off', credential, 'lead', 'handOff', {
          leadId: lead,
          destination: 'jobnimbus',
          additionalFields: { metadata: '{"job_id": "jn_1"}' },
        }),
        action('Reply', credential, 'lead', 'addReply', {
          leadId: lead,
          message: 'Yes, tomorrow.',
          additionalFields: { channel: 'sms', received_at: '2026-04-27T15:00:00' },
        }),
        action('Get Many', credential, 'lead', 'getAll', { returnAll: true, filters: {} }, once),
        action(
          'Search',
          credential,
          'lead',
          'getAll',
          { returnAll: false, limit: 1, simplify: false, filters: { q: 'mitchell', pipeline_stage: 'replied' } },
          once,
        ),
      ],
      { email: 'sarah@example.com' },
    );
    expect(errorOf(execution)).toBeUndefined();
    const json = (node: string) => itemsOf(execution, node).map((item) => item.json);

    const [created] = json('Create');
    expect(created).toMatchObject({
      name: 'Sarah Mitchell',
      email: 'sarah@example.com',
      source: 'website',
      lead_score: 10,
      company: null,
    });
    const { id } = created;
    expect(json('Upsert')[0]).toMatchObject({
      id,
      outcome: 'updated',
      pain_points: 'Water in the basement',
      timeline: 'this_week',
    });
    expect(json('Upsert New')[0]).toMatchObject({ name: 'Tom', outcome: 'created' });
    expect(json('Get')[0]).toMatchObject({
      id,
      pain_points: 'Water in the basement',
      qualification_completed_at: null,
    });
    expect(Object.keys(json('Get Simple')[0]).length).toBeLessThanOrEqual(10);
    expect(json('Update')[0]).toMatchObject({ id, pipeline_stage: 'contacted' });
    expect(json('Score')[0]).toMatchObject({ id, lead_score: expect.any(Number), ai_reasoning: expect.any(String) });
    expect(json('Hand Off')[0]).toMatchObject({ id, destination: 'jobnimbus', metadata: { job_id: 'jn_1' } });
    // the editor's calendar writes no zone: it means that of the workflow
    expect(json('Reply')[0]).toMatchObject({
      lead_id: id,
      message: 'Yes, tomorrow.',
      channel: 'sms',
      received_at: '2026-04-27T19:00:00.000Z',
    });
    expect(json('Get Many').map((lead) => lead.name)).toEqual(['Tom', 'Sarah Mitchell']);
    expect(json('Search')).toMatchObject([{ id, pipeline_stage: 'replied' }]);
    expect(await office.request('GET', `/leads/${id}`)).toMatchObject({ budget_range: '10k', timeline: null });
    expect(itemsOf(execution, 'Get Many')[1].pairedItem).toEqual({ item: 0 });
  });

  test('of leads and the CRM', async () => {
    const shop = await world.office();
    const asShop = await world.n8n.credential('With a CRM', { baseUrl: world.url, apiKey: shop.key });
    const { id } = await shop.request('POST', '/leads', { name: 'Sarah Mitchell', email: 'sarah@example.com' });
    const push = (name: string) =>
      run(name, [action('Push', asShop, 'lead', 'pushToCrm', { leadId: byId(id) })]).then((execution) => ({
        json: itemsOf(execution, 'Push')[0]?.json,
        error: errorOf(execution),
      }));
    expect((await push('crm-absent')).error).toMatchObject({
      httpCode: '409',
      description: expect.stringContaining('connect one of http-crm'),
    });
    const address = await startReceiver();
    try {
      const crm = ownCrm();
      address.answer(crm.answer);
      await shop.request('PUT', '/connectors/http-crm', {
        settings: { url: address.url },
        secrets: { signing_secret: httpCrm.secrets.signing_secret },
      });
      address.answer({
        status: 400,
        headers: { 'content-type': 'application/json' },
        body: '{"message":"No such town"}',
      });
      expect((await push('crm-refuses')).error.message).toMatch(/^The lead is not in the CRM: .*No such town/);
      address.answer(crm.answer);
      expect((await push('crm-takes')).json).toMatchObject({
        id,
        crm_sync: { vendor: 'http-crm', external_id: 'own_1', status: 'ok' },
      });
    } finally {
      await address.close();
    }
  });

  test('of calls', async () => {
    const execution = await run('calls', [
      action('Create', credential, 'call', 'create', {
        caller_number: '+14045550173',
        additionalFields: {
          external_id: 'c-1',
          source: 'phone_system',
          // nobody classifies what we called ourselves, so it stays as it is while the workflow runs
          direction: 'outbound',
          duration_seconds: 142,
          answered: true,
          transcript: 'Water everywhere.',
          extra: '{"campaign": "storm"}',
        },
      }),
      action('Get', credential, 'call', 'get', { callId: of('Create'), simplify: false }),
      action('Get Simple', credential, 'call', 'get', { callId: of('Create') }),
      action('Get Many', credential, 'call', 'getAll', { filters: { status: 'received' } }),
      action('Stats', credential, 'call', 'getStats', { window: '24h' }, once),
      action('Update', credential, 'call', 'update', {
        callId: of('Create'),
        updateFields: { classification: 'mold', urgency: 'high', qualified: true },
      }),
      action('Corrected', credential, 'call', 'get', { callId: of('Create') }),
    ]);
    expect(errorOf(execution)).toBeUndefined();
    const json = (node: string) => itemsOf(execution, node).map((item) => item.json);
    const [{ id }] = json('Create');
    expect(id).toMatch(/^call_/);
    expect(json('Get')[0]).toMatchObject({ id, transcript: 'Water everywhere.', duration_seconds: 142 });
    expect(json('Get Simple')[0]).toMatchObject({ id, transcript: 'Water everywhere.', intent: null });
    expect(json('Get Many')).toMatchObject([{ id }]);
    expect(json('Stats')[0]).toMatchObject({ window: '24h', total_calls: 1 });
    expect(json('Update')[0]).toMatchObject({ id });
    expect(json('Corrected')[0]).toMatchObject({ intent: 'mold', urgency: 'high', qualified: true });
    const [row] = await world.sql('select extra from app.calls where organization_id = $1', [office.organizationId]);
    expect(row.extra).toEqual({ campaign: 'storm' });
  });

  test('of webhooks', async () => {
    const hook = of('Create');
    const created = await run('webhook-made', [
      action('Create', credential, 'webhook', 'create', {
        url: 'http://127.0.0.1:9/nobody',
        events: ['lead.created'],
        additionalFields: { description: 'Nobody is there', retry_schedule: '1s' },
      }),
      action('Get', credential, 'webhook', 'get', { webhookId: hook }),
      action('Update', credential, 'webhook', 'update', {
        webhookId: hook,
        updateFields: { description: '', events: ['lead.created', 'lead.updated'] },
      }),
      action('Rotate', credential, 'webhook', 'rotateSecret', { webhookId: hook }),
      action('Get Many', credential, 'webhook', 'getAll', { returnAll: false, limit: 5 }),
    ]);
    expect(errorOf(created)).toBeUndefined();
    const json = (node: string, execution = created) => itemsOf(execution, node).map((item) => item.json);
    const [{ id, signing_secret }] = json('Create');
    expect(signing_secret).toMatch(/^whsec_/);
    expect(json('Get')[0]).toMatchObject({ id, description: 'Nobody is there', retry_schedule: ['1s'] });
    expect(json('Update')[0]).toMatchObject({ id, description: null, events: ['lead.created', 'lead.updated'] });
    expect(json('Rotate')[0].signing_secret).not.toBe(signing_secret);
    expect(json('Get Many')).toMatchObject([{ id }]);

    await office.request('POST', '/leads', { email: 'to.nobody@example.com' });
    let deliveries: Json[] = [];
    while (!deliveries.some((one) => one.status === 'dead_letter')) {
      deliveries = (await office.request('GET', `/webhooks/${id}/deliveries`)).data;
    }
    const execution = await run('webhook-used', [
      action('List', credential, 'webhook', 'listDeliveries', {
        webhookId: byId(id),
        returnAll: true,
        filters: { status: 'dead_letter', event: 'lead.created' },
      }),
      action('Retry', credential, 'webhook', 'retryDelivery', { webhookId: byId(id), delivery_id: '={{ $json.id }}' }),
      action('Recover', credential, 'webhook', 'recover', { webhookId: byId(id), since: '2026-01-01' }),
      action('Delete', credential, 'webhook', 'delete', { webhookId: byId(id) }),
    ]);
    expect(errorOf(execution)).toBeUndefined();
    expect(json('List', execution)).toMatchObject([{ status: 'dead_letter', event: 'lead.created' }]);
    expect(json('Retry', execution)).toMatchObject([{ status: 'pending' }]);
    expect(json('Recover', execution)).toMatchObject([{ id, recovered: expect.any(Number) }]);
    expect(json('Delete', execution)).toEqual([{ deleted: true }]);
    expect((await office.request('GET', '/webhooks')).data).toEqual([]);
  });

  test('of the audit log and of organizations', async () => {
    const parent = await world.office();
    const child = await world.office({ parent: parent.organizationId });
    const asParent = await world.n8n.credential('Parent', { baseUrl: world.url, apiKey: parent.key });
    const execution = await run('audit', [
      action('Get Many', credential, 'auditLog', 'getAll', {
        returnAll: true,
        filters: { source: 'n8n', action: 'lead.created' },
      }),
      action(
        'Export',
        credential,
        'auditLog',
        'export',
        { binaryPropertyName: 'log', fileName: 'night.csv', filters: { start_at: '2026-01-01' } },
        once,
      ),
      action('Mine', credential, 'organization', 'getMine'),
      action('Children', asParent, 'organization', 'getAllChildren', { returnAll: true }),
    ]);
    expect(errorOf(execution)).toBeUndefined();
    const json = (node: string) => itemsOf(execution, node).map((item) => item.json);
    // what these nodes changed, and nothing that was changed over the API
    expect(json('Get Many').map((entry) => [entry.action, entry.source])).toEqual([
      ['lead.created', 'n8n'],
      ['lead.created', 'n8n'],
    ]);
    const [exported] = itemsOf(execution, 'Export');
    expect(exported.binary.log).toMatchObject({ fileName: 'night.csv', mimeType: 'text/csv' });
    expect(exported.json.rows).toBeGreaterThan(10);
    expect(json('Mine')).toMatchObject([{ id: office.organizationId }]);
    expect(json('Children')).toMatchObject([{ id: child.organizationId, grants: [] }]);
  });
});

describe('what goes wrong', () => {
  test('is told with what to do, and goes on where the node says so', async () => {
    const reader = await world.office({ scopes: 'read' });
    const asReader = await world.n8n.credential('Reader', { baseUrl: world.url, apiKey: reader.key });
    const asNobody = await world.n8n.credential('Nobody', { baseUrl: 'http://127.0.0.1:9', apiKey: office.key });
    const goOn = { onError: 'continueRegularOutput' };
    const execution = await run('errors', [
      action('Missing', credential, 'lead', 'get', { leadId: byId('9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18') }, goOn),
      action('Refused', asReader, 'lead', 'create', { email: 'a@example.com', name: '' }, goOn),
      action('Malformed', credential, 'lead', 'create', { email: 'nobody', name: '' }, goOn),
      action(
        'No JSON',
        credential,
        'lead',
        'upsert',
        { email: 'a@example.com', phone: '', additionalFields: { context: '{' } },
        goOn,
      ),
      action(
        'Backwards',
        credential,
        'lead',
        'getAll',
        { filters: { start_at: '2026-05-02', end_at: '2026-05-01' } },
        goOn,
      ),
      action('Nothing', credential, 'lead', 'upsert', { email: '', phone: '' }, goOn),
      action('Nowhere', asNobody, 'lead', 'getAll', {}, goOn),
    ]);
    const json = (node: string) => itemsOf(execution, node)[0].json;
    expect(json('Missing')).toMatchObject({
      error: 'No such lead.',
      message: expect.stringContaining('Check the ID'),
    });
    expect(json('Refused').message).toContain('write to change leads');
    // in the words of the editor
    expect(json('Malformed').error).toBe("Trunkline does not accept 'Email': must be an email address");
    expect(json('No JSON').error).toBe("'Context' is not valid JSON");
    expect(json('Backwards').error).toBe("Trunkline does not accept 'Until': must not be before start_at");
    expect(json('Nothing').error).toBe("Trunkline needs 'Email' or phone, or external id and source");
    expect(json('Nowhere').error).toBe('Trunkline cannot be reached at http://127.0.0.1:9');
    expect(json('Nowhere').message).toContain('refused the connection');

    const failed = await run('failed', [
      action('Missing', credential, 'lead', 'get', { leadId: byId('9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18') }),
    ]);
    expect(failed.status).toBe('error');
    expect(errorOf(failed)).toMatchObject({ message: 'No such lead.', httpCode: '404', context: { itemIndex: 0 } });
  });
});

describe('an address that is not that of Trunkline', () => {
  const goOn = { onError: 'continueRegularOutput' };
  const tries = (to: string) => [
    action('Create', to, 'lead', 'create', { email: 'redirected@example.com', name: '' }, goOn),
    action('List', to, 'lead', 'getAll', {}, goOn),
    action('Export', to, 'auditLog', 'export', { binaryPropertyName: 'data' }, goOn),
  ];
  const errors = (execution: Json) => ['Create', 'List', 'Export'].map((one) => itemsOf(execution, one)[0].json.error);

  test('is not followed to another one, where a change would arrive as a question', async () => {
    const old = await startReceiver(({ path }) => ({ status: 301, headers: { location: world.url + path } }));
    try {
      const { origin } = new URL(old.url);
      const moved = await world.n8n.credential('Moved', { baseUrl: origin, apiKey: office.key });
      const said = `Trunkline is not at ${origin}, which sends to ${world.url}/api/v1/`;
      expect(errors(await run('moved', tries(moved)))).toEqual([
        `${said}leads`,
        expect.stringContaining(`${said}leads?`),
        `${said}audit-log/export.csv`,
      ]);
    } finally {
      await old.close();
    }
  });

  test('is told from one, whatever it answers', async () => {
    const site = await startReceiver({ headers: { 'content-type': 'text/html' }, body: '<!doctype html>Welcome' });
    try {
      const { origin } = new URL(site.url);
      const wrong = await world.n8n.credential('Website', { baseUrl: origin, apiKey: office.key });
      const said = `${origin} does not answer as Trunkline does`;
      expect(errors(await run('website', tries(wrong)))).toEqual([said, said, said]);
    } finally {
      await site.close();
    }
  });
});

describe('several items', () => {
  test('are worked on one by one, and what fails leaves by the error output, each with the item it came from', async () => {
    const [one, two] = [
      await office.request('POST', '/leads', { email: 'item.one@example.com' }),
      await office.request('POST', '/leads', { email: 'item.two@example.com' }),
    ];
    const execution = await run(
      'items',
      [
        node('n8n-nodes-base.splitOut', 'Split', { fieldToSplitOut: 'body.ids', options: {} }),
        action(
          'Get',
          credential,
          'lead',
          'get',
          { leadId: byId("={{ $json['body.ids'] }}") },
          { onError: 'continueErrorOutput' },
        ),
      ],
      { ids: [one.id, '9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18', two.id] },
    );
    const [found, failed] = execution.data.resultData.runData.Get[0].data.main;
    expect(found).toMatchObject([
      { json: { id: one.id }, pairedItem: { item: 0 } },
      { json: { id: two.id }, pairedItem: { item: 2 } },
    ]);
    expect(failed).toMatchObject([{ json: { error: 'No such lead.' }, pairedItem: { item: 1 } }]);
  });
});

describe('as a tool of an AI agent', () => {
  /** Calls a tool as an agent does that found it at n8n's own MCP server. */
  async function ask(url: string, session: Record<string, string>, method: string, params: object): Promise<Json> {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...session,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const text = await response.text();
    const { result } = JSON.parse(text.match(/^data: (.*)$/m)?.[1] ?? text);
    if (!result) throw new Error(`${method}: ${response.status} ${text}`);
    const id = response.headers.get('mcp-session-id');
    if (id) session['mcp-session-id'] = id;
    return result;
  }

  test('it is found, takes what the agent tells it, and returns the fields that were chosen', async () => {
    const { n8n } = world;
    const server = node(
      '@n8n/n8n-nodes-langchain.mcpTrigger',
      'Tools',
      { path: 'tools' },
      {
        typeVersion: 2,
        webhookId: 'tools',
      },
    );
    const tool = (name: string, operation: string, parameters: object) => ({
      ...action(name, credential, 'lead', operation, parameters),
      type: 'n8n-nodes-trunkline.trunklineTool',
    });
    const tools = [
      tool('Create Lead', 'create', {
        email: "={{ $fromAI('email', 'Email address of the lead', 'string') }}",
        name: 'Ann',
      }),
      tool('Find Leads', 'getAll', {
        output: 'selected',
        outputFields: ['email'],
        filters: { q: "={{ $fromAI('words', 'What to look for', 'string') }}" },
      }),
      tool('Get Lead', 'get', { leadId: byId("={{ $fromAI('id', 'ID of the lead', 'string') }}") }),
    ];
    const to = { ai_tool: [[{ node: server.name, type: 'ai_tool', index: 0 }]] };
    const connections = Object.fromEntries(tools.map(({ name }) => [name, to]));
    const id = await n8n.workflow('Tools', [server, ...tools], connections);
    expect(await n8n.publish(id)).toMatchObject({ status: 'published' });

    const url = `${n8n.url}/mcp/tools`;
    const session: Record<string, string> = {};
    const clientInfo = { name: 'agent', version: '1' };
    await ask(url, session, 'initialize', { protocolVersion: '2025-03-26', capabilities: {}, clientInfo });
    const offered = (await ask(url, session, 'tools/list', {})).tools;
    const asked = offered.map((one: Json) => [one.name, Object.keys(one.inputSchema.properties)]);
    expect(Object.fromEntries(asked)).toEqual({ Create_Lead: ['email'], Find_Leads: ['words'], Get_Lead: ['id'] });
    const call = async (name: string, given: object) => {
      const { content } = await ask(url, session, 'tools/call', { name, arguments: given });
      return content[0].text;
    };
    const [created] = JSON.parse(await call('Create_Lead', { email: 'by.agent@example.com' }));
    expect(created).toMatchObject({ email: 'by.agent@example.com', name: 'Ann' });
    expect(Object.keys(created).length).toBeLessThanOrEqual(10);
    expect(JSON.parse(await call('Find_Leads', { words: 'by.agent' }))).toEqual([
      { id: created.id, email: 'by.agent@example.com' },
    ]);
    expect(await call('Get_Lead', { id: '9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18' })).toContain('Check the ID');
    await n8n.unpublish(id);
  });
});

describe('many', () => {
  test('Return All goes through every page, and waits when the key has asked for too much', async () => {
    const shop = await world.office({ limited: true });
    await world.sql(
      `insert into app.leads (organization_id, email, source) select $1, 'lead' || n || '@example.com', 'import' from generate_series(1, 450) as n`,
      [shop.organizationId],
    );
    const shopCredential = await world.n8n.credential('Shop', { baseUrl: world.url, apiKey: shop.key });
    const headers = { authorization: `Bearer ${shop.key}` };
    const health = async () => (await fetch(`${world.url}/api/v1/health`, { headers })).status;
    // many at once, so that no slow machine stays below the limit for ever
    while (!(await Promise.all(Array.from({ length: 100 }, health))).includes(429));
    const execution = await run('all', [action('All', shopCredential, 'lead', 'getAll', { returnAll: true })]);
    expect(errorOf(execution)).toBeUndefined();
    expect(new Set(itemsOf(execution, 'All').map((item) => item.json.id)).size).toBe(450);
  });
});

describe('the editor gets', () => {
  const node = (methodName: string, more: object = {}) => ({
    path: '',
    nodeTypeAndVersion: { name: 'n8n-nodes-trunkline.trunkline', version: 1 },
    currentNodeParameters: {},
    credentials: { trunklineApi: { id: credential, name: 'Trunkline' } },
    methodName,
    ...more,
  });
  const options = async (method: string) =>
    (await world.n8n.rest('POST', '/dynamic-node-parameters/options', node(method))).data;
  const found = async (method: string, filter?: string) =>
    (
      await world.n8n.rest(
        'POST',
        '/dynamic-node-parameters/resource-locator-results',
        node(method, { ...(filter && { filter }) }),
      )
    ).data;

  test('stages, sources and events to choose from', async () => {
    expect((await options('getStages')).map((one: Json) => one.value)).toEqual([
      'new',
      'contacted',
      'replied',
      'qualified',
      'won',
      'lost',
    ]);
    expect((await options('getSources')).map((one: Json) => one.value)).toContain('website');
    expect((await options('getEvents')).map((one: Json) => one.value)).toContain('lead.created');
    expect(await options('getChildOrganizations')).toEqual([]);
  });

  test('leads, calls and webhooks to search in', async () => {
    const { results } = await found('getLeads', 'mitch');
    expect(results).toMatchObject([{ name: expect.stringContaining('Sarah Mitchell · sarah@example.com') }]);
    expect((await found('getLeads')).results.length).toBeGreaterThan(1);
    expect((await found('getCalls', '4045550173')).results).toHaveLength(1);
    expect((await found('getCalls', 'no such call')).results).toEqual([]);
    const { id } = await office.request('POST', '/webhooks', {
      url: 'http://127.0.0.1:9/listed',
      events: ['lead.created'],
    });
    expect((await found('getWebhooks', 'LISTED')).results).toMatchObject([{ value: id }]);
  });
});
