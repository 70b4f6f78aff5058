import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MASKED } from '../../connectors/manifest.ts';
import { connectors } from '../../connectors/registry.ts';
import { graphApi, graphError, metaDelivery, metaPayload } from '../connectors/vendors/meta-lead-ads.ts';
import { type Api, type Caller, expectError, inParallel, startApi } from '../support/api.ts';
import { createOrganization, type Reply } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

// Connections over HTTP, with Meta Lead Ads for an example.

let api: Api;
let one: Caller;
let graph: Receiver;
const META = '/connectors/meta-lead-ads';
const secrets = {
  verify_token: 'meatyhamhock-7261',
  app_secret: '0123456789abcdef0123456789abcdef',
  page_access_token: 'EAABsbCS1iHgBAKZCj7ZCrd',
};
const connect = (settings: object = {}, path = META): Promise<Reply> =>
  one.put(path, { settings: { api_url: graph.url, ...settings }, secrets });

beforeAll(async () => {
  api = await startApi();
  graph = await startReceiver();
});
beforeEach(async () => {
  graph.answer(graphApi);
  one = await api.key(await createOrganization(api.db));
});
afterAll(async () => {
  await api.stop();
  await graph.close();
});

describe('vendors', () => {
  test('are listed with their fields', async () => {
    const { status, body } = await (await api.key(one.organizationId, ['read'])).get('/connector-vendors');
    expect(status).toBe(200);
    expect(body.data.map(({ vendor }: { vendor: string }) => vendor)).toEqual(
      connectors.map(({ manifest }) => manifest.vendor),
    );
    const meta = body.data.find(({ vendor }: { vendor: string }) => vendor === 'meta-lead-ads');
    expect(meta).toMatchObject({ vendor: 'meta-lead-ads', hook: true, test: true, setup: expect.any(Array) });
    expect(meta.fields[1]).toEqual({
      name: 'app_secret',
      label: 'App secret',
      help: expect.stringMatching(/\.$/),
      kind: 'text',
      secret: true,
      required: true,
      default: null,
    });
  });
});

describe('a connection', () => {
  test('is made, shown, listed, changed and removed', async () => {
    const made = await connect({ page_ids: ['111'] });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      vendor: 'meta-lead-ads',
      name: 'default',
      enabled: true,
      created: true,
      hook_url: expect.stringMatching(new RegExp(`^${api.url}/hooks/meta-lead-ads/[\\w-]{32}$`)),
    });
    expect(made.body.settings).toEqual({
      verify_token: MASKED,
      app_secret: MASKED,
      page_access_token: MASKED,
      page_ids: ['111'],
      field_mapping: {},
      api_url: graph.url,
    });

    const shown = await one.get(META);
    expect(shown.body).toMatchObject({ status: 'ok', settings: made.body.settings, waiting: 0, last_error: null });
    expect(shown.text).not.toContain('hook_url');

    const listed = await (await api.key(one.organizationId, ['read'])).get('/connectors');
    expect(listed.body.data).toMatchObject([{ vendor: 'meta-lead-ads', name: 'default', status: 'ok' }]);
    expect(listed.text).not.toMatch(/settings|secrets/);

    const changed = await one.put(META, { settings: { api_url: graph.url }, enabled: false });
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({
      created: false,
      enabled: false,
      settings: { page_ids: [], app_secret: MASKED },
    });
    expect(changed.body.hook_url).toBeUndefined();
    expect((await one.get('/connectors')).body.data[0].status).toBe('disabled');

    expect((await one.delete(META)).body).toEqual({ id: made.body.id, deleted: true });
    expectError(await one.get(META), 404, 'not_found');
    for (const { text } of [made, shown, listed, changed])
      for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
  });

  test('takes back what it showed, and is the same', async () => {
    await connect({ page_ids: ['111'], field_mapping: { a: 'name' } });
    const { body: before } = await one.get(META);
    const again = await one.put(META, { settings: before.settings, enabled: before.enabled });
    expect(again.status).toBe(200);
    const { body: after } = await one.get(META);
    expect(after).toEqual({ ...before, updated_at: expect.any(String) });
    const masked = { verify_token: MASKED, app_secret: MASKED, page_access_token: MASKED };
    expect((await one.put(META, { settings: before.settings, secrets: masked })).status).toBe(200);
    expect((await one.post(`${META}/test`)).body).toMatchObject({ ok: true });
  });

  test('has its own hook, which the address from the answer leads to', async () => {
    const { body } = await connect();
    const deliver = async (address: string) =>
      (await api.raw('POST', new URL(address).pathname, metaDelivery(metaPayload('1'), secrets.app_secret))).status;
    expect(await deliver(body.hook_url)).toBe(200);
    expect((await one.get(META)).body).toMatchObject({ waiting: 1, last_received_at: expect.any(String) });
    const rotated = await one.post(`${META}/rotate-token`);
    expect(rotated.status).toBe(200);
    expect(await deliver(body.hook_url)).toBe(404);
    expect(await deliver(rotated.body.hook_url)).toBe(200);
    expect((await one.post(`${META}/retry`)).body).toEqual({ vendor: 'meta-lead-ads', name: 'default', retried: 0 });
  });

  test('shows how it is failing, in words of ours', async () => {
    const { body } = await connect();
    await api.raw('POST', new URL(body.hook_url).pathname, metaDelivery(metaPayload('1'), 'another secret'));
    expect((await one.get('/connectors')).body.data[0]).toMatchObject({
      status: 'failing',
      failing_since: expect.stringMatching(/Z$/),
      last_error: 'A call was refused: its signature does not match.',
    });
  });

  test('has a name where there are several of a vendor', async () => {
    await connect();
    expect((await connect({}, `${META}?name=north`)).body).toMatchObject({ name: 'north', created: true });
    expect((await one.get('/connectors')).body.data.map(({ name }: { name: string }) => name)).toEqual([
      'default',
      'north',
    ]);
    expect((await one.get(`${META}?name=north`)).body.name).toBe('north');
    expect((await one.post(`${META}/test?name=north`)).body.ok).toBe(true);
    expectError(await one.put(META, { name: 'north' }), 400, 'invalid_request', {
      field: 'name',
      reason: 'belongs in the query',
    });
    expectError(await one.get(`${META}?name=North!`), 400, 'invalid_request', { field: 'name' });
    expect((await one.delete(`${META}?name=north`)).status).toBe(200);
    expectError(await one.delete(`${META}?name=north`), 404, 'not_found');
    expect((await one.get(META)).status).toBe(200);
  });

  test('is made once by any number of equal requests at once', async () => {
    const replies = await inParallel(Array.from({ length: 12 }), () => connect(), 12);
    expect(replies.map(({ status }) => status).toSorted()).toEqual([...Array(11).fill(200), 201]);
    expect(replies.filter(({ body }) => body.hook_url !== undefined)).toHaveLength(1);
  });

  test('is in the audit log, without its credentials', async () => {
    await connect();
    await one.delete(META);
    const { text, body } = await one.get('/audit-log');
    expect(body.data.map(({ action }: { action: string }) => action)).toContain('connection.created');
    for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
  });
});

describe('a connection that is there', () => {
  const TWILIO = '/connectors/twilio';
  const settings = { account_sid: `AC${'0'.repeat(32)}`, from_number: '+14045550100' };
  const twilio = { auth_token: 'auth-token-7261', status_callback: 'https://leads.example.com/hooks/twilio/7261' };
  const isSet = async () => (await one.get(TWILIO)).body.settings;
  beforeEach(async () => {
    expect((await one.put(TWILIO, { settings, secrets: twilio })).status).toBe(201);
  });

  test('is switched off and on alone, and keeps its settings', async () => {
    const before = await isSet();
    for (const enabled of [false, true]) {
      expect(await one.put(TWILIO, { enabled })).toMatchObject({
        status: 200,
        body: { enabled, created: false, settings: before },
      });
    }
    expect(await one.put(TWILIO, {})).toMatchObject({ status: 200, body: { enabled: true, settings: before } });
  });

  test('gets a new credential alone', async () => {
    const before = await isSet();
    const changed = await one.put(TWILIO, { secrets: { auth_token: 'another-token-7261' } });
    expect(changed).toMatchObject({ status: 200, body: { settings: before } });
    const { rows } = await api.db.admin.query('select settings from app.connections where organization_id = $1', [
      one.organizationId,
    ]);
    expect(rows).toEqual([{ settings }]);
  });

  test('has the settings that are given, and no others', async () => {
    const { account_sid } = settings;
    expect((await one.put(TWILIO, { settings: { account_sid } })).body.settings).toMatchObject({
      account_sid,
      from_number: null,
    });
    expectError(await one.put(TWILIO, { settings: {} }), 400, 'invalid_request', {
      field: 'settings.account_sid',
      reason: 'is required',
    });
  });

  test('loses an optional credential by null, and nothing else', async () => {
    const before = await isSet();
    expect(before).toMatchObject({ auth_token: MASKED, status_callback: MASKED });
    const changed = await one.put(TWILIO, { secrets: { status_callback: null } });
    expect(changed).toMatchObject({ status: 200, body: { settings: { ...before, status_callback: null } } });
    expect(await isSet()).toEqual({ ...before, status_callback: null });
    // again: it is gone already
    expect((await one.put(TWILIO, { secrets: { status_callback: null } })).status).toBe(200);
    const { body } = await one.get('/audit-log?action=connection_secret.deleted');
    expect(body.data).toHaveLength(1);
  });

  test('is tried out as it would be without a credential, and keeps it', async () => {
    const before = await isSet();
    expectError(await one.post(`${TWILIO}/test`, { secrets: { auth_token: null } }), 400, 'invalid_request', {
      field: 'secrets.auth_token',
    });
    const tried = await one.post(`${TWILIO}/test`, { secrets: { status_callback: null } });
    expect(tried.status).toBe(200);
    expect(await isSet()).toEqual(before);
  });

  test.each([
    [
      'a required credential',
      { secrets: { auth_token: null } },
      'secrets.auth_token',
      'is required, and cannot be removed',
    ],
    ['one that there is none of', { secrets: { shoe_size: null } }, 'secrets.shoe_size', 'unknown field'],
    ['a setting among them', { secrets: { from_number: null } }, 'secrets.from_number', 'unknown field'],
    ['no settings at all', { settings: null }, 'settings', 'must be an object'],
  ])('is not changed by removing %s', async (_, body, field, reason) => {
    const before = await isSet();
    expectError(await one.put(TWILIO, body), 400, 'invalid_request', { field, reason });
    expect(await isSet()).toEqual(before);
  });
});

test('a new connection needs the settings that its vendor requires', async () => {
  for (const body of [{}, { enabled: false }, { secrets: { auth_token: 'auth-token-7261' } }]) {
    expectError(await one.put('/connectors/twilio', body), 400, 'invalid_request', {
      field: 'settings.account_sid',
      reason: 'is required',
    });
  }
  expect((await one.get('/connectors')).body.data).toEqual([]);
});

test('a credential that is removed is none that is kept from another host', async () => {
  const first = await startReceiver();
  const second = await startReceiver();
  const settings = { url: first.url };
  const given = { signing_secret: `whsec_${'A'.repeat(32)}`, bearer_token: 'bearer-token-7261' };
  expect((await one.put('/connectors/http-crm', { settings, secrets: given })).status).toBe(201);
  const { signing_secret } = given;
  const move = (secrets: object) => one.put('/connectors/http-crm', { settings: { url: second.url }, secrets });
  expectError(await move({ signing_secret }), 400, 'invalid_request', { field: 'settings.url' });
  expect(await move({ signing_secret, bearer_token: null })).toMatchObject({
    status: 200,
    body: { settings: { bearer_token: null } },
  });
  await first.close();
  await second.close();
});

describe('what is wrong with a configuration is told by field and reason', () => {
  test.each([
    [{ secrets: { ...secrets, app_secret: 'short' } }, 'secrets.app_secret', 'must have at least 8 characters'],
    [{ secrets: { verify_token: secrets.verify_token } }, 'secrets.app_secret', 'is required'],
    [{ secrets: { ...secrets, shoe_size: 'a' } }, 'secrets.shoe_size', 'unknown field'],
    [{ secrets, settings: { shoe_size: 1 } }, 'settings.shoe_size', 'unknown field'],
    [{ secrets, settings: { page_ids: ['x'] } }, 'settings.page_ids.0', 'must be numbers of pages'],
    [{ secrets, settings: { page_ids: '1' } }, 'settings.page_ids', 'must be a list'],
    [{ secrets, settings: { api_url: 'ftp://a.example' } }, 'settings.api_url', 'must be an http or https address'],
    [{ secrets, settings: { api_url: 'http://10.0.0.1' } }, 'settings.api_url', 'must be a public address'],
    [{ secrets, settings: { app_secret: '0123456789' } }, 'settings.app_secret', 'belongs in secrets'],
    [{ secrets, settings: [] }, 'settings', 'must be an object'],
    [{ secrets: 'x' }, 'secrets', 'must be an object'],
    [{ secrets, enabled: 'yes' }, 'enabled', 'must be true or false'],
    [{ secrets, vendor: 'public-tool' }, 'vendor', 'unknown field'],
  ])('%j', async (body, field, reason) => {
    const reply = await one.put(META, body);
    expectError(reply, 400, 'invalid_request', { field, reason });
    for (const secret of Object.values(secrets)) expect(reply.text).not.toContain(secret);
    expect((await one.get('/connectors')).body.data).toEqual([]);
  });

  test('a vendor that there is none of is not found, and those that there are are told', async () => {
    expectError(await one.put('/connectors/myspace', {}), 404, 'not_found', {
      field: 'vendor',
      reason: expect.stringContaining('meta-lead-ads, '),
    });
  });

  test('a form has no test', async () => {
    await one.put('/connectors/public-tool', {});
    expectError(await one.post('/connectors/public-tool/test'), 400, 'invalid_request', { field: 'vendor' });
  });
});

describe('a test', () => {
  const tryOut = async (body: object = {}): Promise<Reply> => one.post(`${META}/test`, body);

  test('says what it found', async () => {
    await connect();
    const reply = await tryOut();
    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({ ok: true, message: 'The token is for the page PuroClean (111).' });
  });

  test('says what the service said, without the credentials', async () => {
    await connect();
    graph.answer(graphError(401, 190, `Malformed access token ${secrets.page_access_token}`));
    const { status, body, text } = await tryOut();
    expect([status, body]).toEqual([
      200,
      { ok: false, kind: 'refused', status: 401, message: expect.stringContaining('token [redacted] (code 190).') },
    ]);
    expect(text).not.toContain(secrets.page_access_token);
    graph.answer({ status: 429, headers: { 'retry-after': '17' } });
    expect((await tryOut()).body).toMatchObject({ ok: false, kind: 'rate_limited', status: 429, retry_after: 17 });
    graph.answer({ body: '<html>' });
    expect((await tryOut()).body).toMatchObject({ ok: false, kind: 'garbage' });
  });

  test('says when the credentials cannot be decrypted', async () => {
    await connect();
    await api.db.admin.query('update app.connection_secrets set ciphertext = $1 where organization_id = $2', [
      Buffer.alloc(60),
      one.organizationId,
    ]);
    expect((await tryOut()).body).toMatchObject({
      ok: false,
      message: expect.stringContaining('another ENCRYPTION_KEY'),
    });
    // with all of them anew, nothing is to be decrypted
    expect((await tryOut({ secrets })).body).toMatchObject({ ok: true });
  });

  test('tries out what is not saved yet', async () => {
    expectError(await tryOut(), 404, 'not_found');
    expect((await tryOut({ settings: { api_url: graph.url }, secrets })).body).toMatchObject({ ok: true });
    expectError(await one.get(META), 404, 'not_found');
    const { app_secret: _without, ...some } = secrets;
    expectError(await tryOut({ settings: { api_url: graph.url }, secrets: some }), 400, 'invalid_request', {
      field: 'secrets.app_secret',
      reason: 'is required',
    });
  });

  test('takes from what is stored what it is not given, and changes nothing', async () => {
    await connect({ page_ids: ['111'] });
    const { body: before } = await one.get(META);
    const sent = async (body: object) => {
      await tryOut(body);
      return graph.requests.at(-1)?.headers.authorization;
    };
    expect(await sent({})).toBe(`Bearer ${secrets.page_access_token}`);
    expect(await sent({ secrets: { page_access_token: 'another token' } })).toBe('Bearer another token');
    expect(await sent({ secrets: { page_access_token: MASKED } })).toBe(`Bearer ${secrets.page_access_token}`);
    expect((await tryOut({ settings: { api_url: graph.url, page_ids: ['222'] } })).body).toMatchObject({
      ok: false,
      kind: 'refused',
      message: expect.stringContaining('not among page_ids'),
    });
    expect((await one.get(META)).body).toEqual(before);
  });
});

describe('credentials that are kept', () => {
  test('are sent to no other host, neither by a change nor by a test', async () => {
    await connect();
    const thief = await startReceiver(graphApi);
    for (const attempt of [{}, { secrets: { app_secret: 'a new app secret' } }]) {
      const body = { ...attempt, settings: { api_url: thief.url } };
      for (const reply of [await one.put(META, body), await one.post(`${META}/test`, body)])
        expectError(reply, 400, 'invalid_request', {
          field: 'settings.api_url',
          reason: 'leads to another host; give all secrets anew',
        });
    }
    expectError(await one.put(META, { settings: {} }), 400, 'invalid_request', { field: 'settings.api_url' });
    expect(thief.requests).toEqual([]);
    // another path of the host, and another host with everything anew, are fine
    expect((await one.put(META, { settings: { api_url: `${graph.url}/v25.0` } })).status).toBe(200);
    expect((await one.post(`${META}/test`, { settings: { api_url: thief.url }, secrets })).body.ok).toBe(true);
    expect((await one.put(META, { settings: { api_url: thief.url }, secrets })).status).toBe(200);
    await thief.close();
  });

  test('are sent to no other mail server', async () => {
    const thief = await startReceiver();
    const settings = { server: 'smtp://mail.example.com:587', user: 'sarah', from: 'office@example.com' };
    const path = '/connectors/smtp';
    expect((await one.put(path, { settings, secrets: { password: 'kept-password-7261' } })).status).toBe(201);
    const moved = { ...settings, server: thief.url.replace('http', 'smtp'), require_tls: false };
    for (const reply of [
      await one.put(path, { settings: moved }),
      await one.post(`${path}/test`, { settings: moved }),
      await one.post(`${path}/test`, { settings: { ...settings, server: 'smtps://mail.example.com' } }),
    ])
      expectError(reply, 400, 'invalid_request', { field: 'settings.server' });
    await thief.close();
  });

  test.each([
    ['one slash', 'http:/'],
    ['three slashes', 'http:///'],
    ['backslashes', 'http:\\\\'],
    ['a space before it', ' http://'],
  ])('are sent to no other host where the address has %s', async (_, scheme) => {
    const thief = await startReceiver(graphApi);
    const written = (url: string): string => url.replace('http://', scheme);
    expect((await connect({ api_url: written(graph.url) })).status).toBe(201);
    const moved = { settings: { api_url: written(thief.url) } };
    for (const reply of [await one.put(META, moved), await one.post(`${META}/test`, moved)])
      expectError(reply, 400, 'invalid_request', { field: 'settings.api_url' });
    expect((await one.put(META, { settings: { api_url: `${written(graph.url)}/v25.0` } })).status).toBe(200);
    await thief.close();
  });
});
