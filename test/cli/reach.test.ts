import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseApiKey } from '../../src/security/api-key.ts';
import { cleanUp, type Environment, run, runJson } from '../start/process.ts';
import { createDatabase, TEST_ENCRYPTION_KEY, type TestDatabase } from '../support/database.ts';

// What a cockpit would do for AI93: keys and subscriptions for a whole workspace, or locked to one business.

let db: TestDatabase;
let environment: Environment;
let top: string;
let business: string;

beforeAll(async () => {
  db = await createDatabase();
  environment = { DATABASE_URL: db.url, ENCRYPTION_KEY: TEST_ENCRYPTION_KEY };
  top = (await runJson(['org', 'create', '--name', 'Krew'], environment)).id;
  business = (await runJson(['org', 'create', '--name', 'Krew North', '--parent', top], environment)).id;
});
afterAll(async () => {
  await cleanUp();
  await db.drop();
});

const ai93 = (org: string, ...more: string[]) => ['--org', org, '--contract', 'ai93', ...more];
const json = (...args: string[]) => runJson(args, environment);

test('org list shows the id of each business as AI93 writes it', async () => {
  const all = await json('org', 'list');
  const { rows } = await db.admin.query("select app.typeid('biz', $1) as id", [business]);
  expect(all.find(({ id }: { id: string }) => id === business)).toMatchObject({ business_id: rows[0].id });
});

describe('key create', () => {
  const SCOPES = 'leads:read,leads:write,leads:handoff,sources:read';

  test.each([
    ['for the top reaches its workspace', () => top, [], 'workspace'],
    ['for the top with --lock is locked to it', () => top, ['--lock'], 'organization'],
    ['for a business is locked to it', () => business, [], 'organization'],
    ['for a business with --lock is the same', () => business, ['--lock'], 'organization'],
  ])('%s', async (_what, org, more, reach) => {
    const made = await json('key', 'create', ...ai93(org(), '--scopes', SCOPES, ...more));
    expect(made).toMatchObject({ contract: 'ai93', reach, scopes: SCOPES.split(',') });
    expect(made.key).toMatch(/^ai93_live_/);
    const found = await db.as('gateway', null, 'select organization_id, reach from app.authenticate($1)', [
      parseApiKey(made.key)?.hash,
    ]);
    expect(found).toEqual([{ organization_id: org(), reach }]);
  });

  test('says in words what the key reaches, and key list too', async () => {
    const { stdout } = await run(['key', 'create', ...ai93(top, '--scopes', 'leads:read')], environment);
    expect(stdout).toMatch(/reach +this organization and its children/);
    const listed = await json('key', 'list', '--org', top);
    expect(new Set(listed.map(({ reach }: { reach: string }) => reach))).toEqual(
      new Set(['workspace', 'organization']),
    );
  });

  test('rotated reaches what it reached', async () => {
    const made = await json('key', 'create', ...ai93(top, '--scopes', 'leads:read'));
    expect(await json('key', 'rotate', '--org', top, '--key', made.id)).toMatchObject({ reach: 'workspace' });
  });

  test.each([
    [['key', 'create', '--contract', 'eal', '--scopes', 'read', '--lock'], /--lock: only in ai93/],
    [
      ['key', 'create', '--contract', 'ai93', '--scopes', 'read'],
      /ai93 has no scope "read"; it has leads:read, leads:write/,
    ],
    [['key', 'create', '--contract', 'ai93', '--scopes', 'leads.read'], /no scope "leads\.read"/],
    [['key', 'create', '--contract', 'nobody', '--scopes', 'read'], /Allowed choices are eal, ai93/],
    [
      ['webhooks', 'create', '--contract', 'eal', '--url', 'https://example.com', '--events', 'lead.created', '--lock'],
      /--lock: only in ai93/,
    ],
    [
      ['webhooks', 'create', '--contract', 'ai93', '--url', 'https://example.com', '--events', 'lead.updated'],
      /lead\.converted, lead\.created, lead\.handed_off, lead\.replied, lead\.status_changed/,
    ],
  ])('%j is refused', async (args, message) => {
    const { code, stdout, stderr } = await run([...args, '--org', top], environment);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(message);
  });
});

const register = (org: string, ...more: string[]) =>
  json(
    ...['webhooks', 'create', ...ai93(org, '--url', `https://example.com/${randomUUID()}`)],
    ...['--events', 'lead.created,lead.converted', ...more],
  );
const endpointOf = async (id: string) =>
  (await db.admin.query('select contract, reach, enabled, deleted_at from app.webhook_endpoints where id = $1', [id]))
    .rows[0];

describe('webhooks create', () => {
  test.each([
    ['for the top is for its workspace', () => top, [], 'workspace'],
    ['for the top with --lock is for it alone', () => top, ['--lock'], 'organization'],
    ['for a business is for it alone', () => business, [], 'organization'],
  ])('%s, and webhooks list says so', async (_what, org, more, reach) => {
    const made = await register(org(), ...more);
    expect(made).toMatchObject({ signing_secret: expect.stringMatching(/^whsec_/), reach });
    expect(await endpointOf(made.id)).toMatchObject({ contract: 'ai93', reach });
    const listed = await json('webhooks', 'list', ...ai93(org()));
    expect(listed.find(({ id }: { id: string }) => id === made.id)).toMatchObject({ enabled: true, reach });
    // another contract's are not among them
    expect(await json('webhooks', 'list', '--org', org(), '--contract', 'eal')).toEqual([]);
  });

  test('of an address that is registered changes nothing, not even the reach', async () => {
    const made = await register(top);
    const again = ['webhooks', 'create', ...ai93(top, '--url', made.url, '--events', 'lead.created', '--lock')];
    const answer = await json(...again);
    expect(answer).toMatchObject({ id: made.id, reach: 'workspace', events: made.events });
    expect(answer.signing_secret).toBeUndefined();
    expect((await run(again, environment)).stdout).toContain('Nothing was changed');
  });
});

describe('an endpoint', () => {
  const command = (name: string, id: string, ...more: string[]) => [
    'webhooks',
    name,
    ...ai93(top, '--webhook', id, ...more),
  ];

  test('is sent a test event of its choice', async () => {
    const { id } = await register(top);
    for (const [more, event] of [
      [[], 'lead.created'],
      [['--event', 'lead.converted'], 'lead.converted'],
    ] as const) {
      const sent = await json(...command('test', id, ...more));
      expect(sent).toEqual({ event_id: expect.stringMatching(/^evt_[0-9a-f]{16}$/), event, status: 'pending' });
    }
    const refused = await run(command('test', id, '--event', 'lead.replied'), environment);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('must be one of lead.created, lead.converted'),
    ]);
  });

  test('gets a new secret, shown once; the old one signs for a day', async () => {
    const made = await register(top);
    const rotated = await json(...command('rotate-secret', made.id));
    expect(rotated.signing_secret).toMatch(/^whsec_/);
    expect(rotated.signing_secret).not.toBe(made.signing_secret);
    const { rows } = await db.admin.query(
      "select expires_at - now() between interval '23 hours' and interval '24 hours' as a_day from app.webhook_secrets where endpoint_id = $1 order by created_at",
      [made.id],
    );
    expect(rows).toEqual([{ a_day: true }, { a_day: null }]);
    expect(JSON.stringify(await json('webhooks', 'list', ...ai93(top)))).not.toContain(rotated.signing_secret);
  });

  test('is paused and goes on', async () => {
    const { id } = await register(top);
    expect((await run(command('disable', id), environment)).stdout).toBe('It is disabled.\n');
    expect(await endpointOf(id)).toMatchObject({ enabled: false, reach: 'workspace' });
    expect((await run(command('test', id), environment)).stderr).toContain('The webhook is disabled; enable it first.');
    expect(await json(...command('enable', id))).toMatchObject({ id, enabled: true });
    expect(await endpointOf(id)).toMatchObject({ enabled: true, reach: 'workspace' });
  });

  test('is deleted, and comes back with its address, under a new secret and the reach that is asked for then', async () => {
    const made = await register(top);
    expect(await json(...command('delete', made.id))).toEqual({ id: made.id, deleted: true });
    const listed = await json('webhooks', 'list', ...ai93(top));
    expect(listed.map(({ id }: { id: string }) => id)).not.toContain(made.id);
    const again = await json(
      'webhooks',
      'create',
      ...ai93(top, '--url', made.url, '--events', 'lead.created', '--lock'),
    );
    expect(again).toMatchObject({ id: made.id, reach: 'organization' });
    expect(again.signing_secret).not.toBe(made.signing_secret);
  });

  test.each(['test', 'rotate-secret', 'enable', 'disable', 'delete', 'deliveries'])(
    'of another organization, or of none, is not found by %s',
    async (name) => {
      const theirs = await register(business);
      for (const id of [theirs.id, randomUUID()]) {
        const { code, stderr } = await run(command(name, id), environment);
        expect([code, stderr]).toEqual([1, 'trunkline: No such webhook.\n']);
      }
      expect(await endpointOf(theirs.id)).toMatchObject({ enabled: true, deleted_at: null });
    },
  );
});
