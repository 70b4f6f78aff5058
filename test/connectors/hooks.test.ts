import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getConnection, listConnections, saveConnection } from '../../src/domain/connections.ts';
import { createLogger } from '../../src/log.ts';
import { createEncryption, generateEncryptionKey } from '../../src/security/encryption.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { createKey, createOrganization, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { startTestWorker, until } from '../worker/fixtures.ts';
import { CASES } from './cases.ts';
import { type Operator, receiptsOf, startOperator } from './fixtures.ts';
import { metaDelivery, metaPayload } from './vendors/meta-lead-ads.ts';

const secrets = CASES['meta-lead-ads']?.secrets as Record<string, string>;
const lines: string[] = [];
let db: TestDatabase;
let gateway: TestGateway;
let operator: Operator;
let organization: string;
let hook: string;

beforeAll(async () => {
  db = await createDatabase();
  gateway = await startTestGateway(db, {
    log: createLogger('trace', { write: (line: string) => void lines.push(line) }),
  });
  operator = await startOperator(db);
  organization = await createOrganization(db);
  hook = await operator.connect(organization, 'meta-lead-ads', { secrets });
});
afterAll(async () => {
  await operator.stop();
  await gateway.stop();
  await db.drop();
});

const deliver = (path = hook) =>
  gateway.request('POST', path, metaDelivery(metaPayload('1'), secrets.app_secret as string));
const token = () => hook.split('/').at(-1) as string;

describe('whatever names no hook is the same 404', () => {
  test.each([
    ['an unknown token', () => `/hooks/meta-lead-ads/${'x'.repeat(32)}`],
    ['a token of another vendor', () => `/hooks/public-tool/${token()}`],
    ['an unknown vendor', () => `/hooks/unheard-of/${token()}`],
    ['a malformed token', () => '/hooks/meta-lead-ads/%00'],
    ['a token that is cut off', () => hook.slice(0, -1)],
    ['a token in another case', () => hook.replace(token(), token().toUpperCase())],
  ])('%s', async (_what, path) => {
    const reply = await deliver(path());
    expect(reply.status).toBe(404);
    expect(reply.body).toEqual({ error: { code: 'not_found', message: 'There is no such hook.', details: {} } });
  });

  test('guessing is limited by address', async () => {
    const strict = await startTestGateway(db);
    const guesses = await Promise.all(
      Array.from({ length: 130 }, () => strict.request('GET', `/hooks/public-tool/${'y'.repeat(32)}`)),
    );
    expect(new Set(guesses.map((reply) => reply.status))).toEqual(new Set([404, 429]));
    await strict.stop();
  });
});

test.each([
  ['HEAD', 405],
  ['PUT', 405],
  ['DELETE', 405],
  ['OPTIONS', 405],
])('%s is answered %d', async (method, status) => {
  const reply = await gateway.request(method, hook);
  expect(reply.status).toBe(status);
  expect(reply.headers.get('allow')).toContain('POST');
});

test('more than 1 MiB, and what is compressed, is refused', async () => {
  expect((await gateway.request('POST', hook, { body: 'x'.repeat(1_100_000) })).status).toBe(413);
  expect((await gateway.request('POST', hook, { body: '{}', headers: { 'content-encoding': 'gzip' } })).status).toBe(
    415,
  );
});

describe('a credential', () => {
  test('is encrypted at rest, each for its place', async () => {
    const { rows } = await db.admin.query(
      'select name, ciphertext from app.connection_secrets where organization_id = $1',
      [organization],
    );
    expect(rows.map((row) => row.name).toSorted()).toEqual(Object.keys(secrets).toSorted());
    const tables = await db.admin.query(`
      select (select string_agg(to_jsonb(c)::text, '') from app.connections c) || (select string_agg(to_jsonb(s)::text, '') from app.connection_secrets s)
          || (select string_agg(to_jsonb(e)::text, '') from audit.platform_events e) || (select string_agg(to_jsonb(o)::text, '') from app.outbox o) as all`);
    for (const secret of [...Object.values(secrets), token()]) {
      expect(tables.rows[0].all).not.toContain(secret);
      expect(tables.rows[0].all).not.toContain(Buffer.from(secret).toString('hex'));
    }
    expect(tables.rows[0].all).toContain('connection_secret.created');
  });

  test('that was copied to another connection does not decrypt there', async () => {
    const other = await operator.connect(organization, 'meta-lead-ads', { name: 'other', secrets });
    await db.admin.query(`
      update app.connection_secrets as s set ciphertext = o.ciphertext from app.connection_secrets as o
       where s.name = 'app_secret' and o.name = 'app_secret' and s.connection_id <> o.connection_id
         and s.connection_id = (select id from app.connections where name = 'other')`);
    expect((await deliver(other)).status).toBe(503);
    expect((await deliver()).status).toBe(200);
  });

  test('is nowhere in an answer; those that are not given stay', async () => {
    const saved = await operator.run(organization, saveConnection, {
      vendor: 'meta-lead-ads',
      settings: { page_ids: ['111'] },
      secrets: { verify_token: 'another-verify-token' },
    });
    const shown = await operator.run(organization, getConnection, { vendor: 'meta-lead-ads' });
    const listed = await operator.run(organization, listConnections, {});
    expect(shown.settings).toEqual({
      verify_token: '••••••••',
      app_secret: '••••••••',
      page_access_token: '••••••••',
      page_ids: ['111'],
      field_mapping: {},
      api_url: 'https://graph.facebook.com/v24.0',
    });
    expect(saved.hook_url).toBeUndefined();
    for (const secret of [...Object.values(secrets), 'another-verify-token', token()]) {
      expect(JSON.stringify([saved, shown, listed])).not.toContain(secret);
    }
    expect((await deliver()).status).toBe(200);
  });

  test('is refused where it would be stored in clear, and a required one is missed', async () => {
    const refused = async (input: object) =>
      operator
        .run(organization, saveConnection, { vendor: 'meta-lead-ads', name: 'new', ...input })
        .catch((error) => error);
    expect(await refused({ settings: { app_secret: secrets.app_secret } })).toMatchObject({
      status: 400,
      details: { field: 'settings.app_secret', reason: 'belongs in secrets' },
    });
    expect(await refused({ secrets: { app_secret: secrets.app_secret } })).toMatchObject({
      status: 400,
      details: { reason: 'is required' },
    });
    expect(await refused({ secrets, settings: { api_url: 'http://169.254.169.254/' } })).toMatchObject({
      details: { field: 'settings.api_url', reason: 'must be a public address' },
    });
    expect(await refused({ secrets, settings: { page_ids: ['../me'] } })).toMatchObject({
      details: { field: 'settings.page_ids.0' },
    });
    expect(await refused({ secrets: { ...secrets, shoe: 'x' } })).toMatchObject({
      details: { field: 'secrets.shoe', reason: 'unknown field' },
    });
    const { rows } = await db.admin.query("select from app.connections where name = 'new'");
    expect(rows).toEqual([]);
  });

  test('under another encryption key: the service is told to come again, and what waits is kept', async () => {
    const encryption = createEncryption(generateEncryptionKey());
    const other = await startTestGateway(db, { encryption });
    const before = (await receiptsOf(db, organization)).length;
    const reply = await other.request('POST', hook, metaDelivery(metaPayload('1'), secrets.app_secret as string));
    expect([reply.status, (await receiptsOf(db, organization)).length]).toEqual([503, before]);
    await other.stop();
    const worker = await startTestWorker(db, { encryption, inbound: { pollMs: 20 } });
    await until(async () => (await receiptsOf(db, organization)).some((one) => one.state === 'failed'));
    await worker.stop();
    const failed = (await receiptsOf(db, organization)).find((one) => one.state === 'failed');
    expect(failed?.error).toBe('Its credentials cannot be decrypted: they were set under another ENCRYPTION_KEY.');
  });
});

describe('who looks from outside', () => {
  test('sees the health of connections through PostgREST’s views, and no content', async () => {
    const { keyId } = await createKey(db, organization);
    const claims = { organization_id: organization, key_id: keyId, scopes: ['*'] };
    const connections = await db.as('tenant', claims, 'select * from api.connections');
    const receipts = await db.as('tenant', claims, 'select * from api.hook_receipts');
    expect(connections.length).toBeGreaterThan(0);
    expect(receipts.length).toBeGreaterThan(0);
    for (const row of [...connections, ...receipts]) {
      expect(Object.keys(row)).not.toEqual(expect.arrayContaining(['body']));
      expect(JSON.stringify(row)).not.toContain('leadgen');
    }
    for (const column of ['body', 'headers', 'claim']) {
      await expect(db.as('tenant', claims, `select ${column} from app.hook_receipts`)).rejects.toMatchObject({
        code: '42501',
      });
    }
    await expect(db.as('tenant', claims, 'select ciphertext from app.connection_secrets')).rejects.toMatchObject({
      code: '42501',
    });
  });

  test('needs a scope of connectors to see any', async () => {
    const claims = { organization_id: organization, scopes: ['leads.read', 'leads.write', 'sources.read'] };
    for (const seen of ['api.connections', 'api.hook_receipts', 'app.connection_health']) {
      await expect(db.as('tenant', claims, `select from ${seen}`), seen).rejects.toMatchObject({ code: 'PT403' });
    }
    const names = 'select name from app.connection_secrets';
    await expect(db.as('tenant', claims, names)).rejects.toMatchObject({ code: 'PT403' });
  });

  test('needs the right to connect', async () => {
    const claims = { organization_id: organization, scopes: ['leads.write', 'connectors.read'] };
    for (const statement of [
      "select app.save_connection('x', 'x', '{}', null, '{}', '{}', '{}', null, null)",
      "select app.delete_connection('meta-lead-ads', 'default')",
      "select app.rotate_hook_token('meta-lead-ads', 'default', sha256('x'), 'x')",
      "select app.retry_hook_receipts('meta-lead-ads', 'default')",
    ]) {
      await expect(db.as('tenant', claims, statement), statement).rejects.toMatchObject({ code: 'PT403' });
    }
  });
});

test('receipts are kept for 30 days, those that wait for as long as they do', async () => {
  await deliver();
  await deliver();
  await deliver();
  const [a, b, c] = (await receiptsOf(db, organization)).slice(-3);
  const age = (id: string | undefined, days: number, state: string) =>
    db.admin.query(
      'update app.hook_receipts set received_at = now() - make_interval(days => $2), state = $3 where id = $1',
      [id, days, state],
    );
  await age(a?.id, 31, 'done');
  await age(b?.id, 31, 'pending');
  await age(c?.id, 29, 'dead');
  await db.as('worker', null, 'select app.remove_expired()');
  const left = (await receiptsOf(db, organization)).map((one) => one.id);
  expect(left).not.toContain(a?.id);
  expect(left).toEqual(expect.arrayContaining([b?.id, c?.id]));
});

test('no log line and no metric holds a token, a credential or what was sent', async () => {
  await gateway.request('GET', `${hook}?hub.mode=subscribe&hub.verify_token=${secrets.verify_token}&hub.challenge=1`);
  await gateway.request('POST', `${hook}/more`, { body: { email: 'sarah.mitchell@example.com' } });
  const link = 'unsubscribe-token-of-a-mail'.repeat(3);
  await gateway.request('POST', `/unsubscribe/${link}`);
  const metrics = (await gateway.request('GET', '/metrics')).text;
  await until(() => lines.some((line) => line.includes('/unsubscribe/[redacted]')));
  await until(() => lines.some((line) => line.includes('/hooks/meta-lead-ads/[redacted]')));
  expect(metrics).toContain('route="/hooks/meta-lead-ads/{token}"');
  expect(metrics).not.toContain('unheard-of');
  for (const secret of [...Object.values(secrets), token(), token().toUpperCase(), link, 'sarah.mitchell']) {
    expect(lines.join('') + metrics).not.toContain(secret);
  }
});
