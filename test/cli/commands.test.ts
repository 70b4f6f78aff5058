import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cleanUp, type Environment, run, runJson } from '../start/process.ts';
import { createDatabase, TEST_ENCRYPTION_KEY, type TestDatabase } from '../support/database.ts';

// The commands on a database that is named by DATABASE_URL.

let db: TestDatabase;
let environment: Environment;
let organization: string;

beforeAll(async () => {
  db = await createDatabase();
  environment = { DATABASE_URL: db.url, ENCRYPTION_KEY: TEST_ENCRYPTION_KEY };
  organization = (await runJson(['org', 'create', '--name', 'Acme Roofing'], environment)).id;
});
afterAll(async () => {
  await cleanUp();
  await db.drop();
});

const UNKNOWN = '00000000-0000-4000-8000-000000000000';

describe('what cannot be done is said in one line', () => {
  test.each([
    [
      ['key', 'create', '--org', UNKNOWN, '--contract', 'eal', '--scopes', 'read'],
      `There is no organization ${UNKNOWN}`,
    ],
    [
      ['key', 'create', '--org', 'ORG', '--contract', 'eal', '--scopes', 'fly'],
      'eal has no scope "fly"; it has read, write, admin',
    ],
    [
      ['key', 'create', '--org', 'ORG', '--contract', 'eal', '--scopes', 'read', '--expires', '2020-01-01'],
      'must be in the future',
    ],
    [['key', 'rotate', '--org', 'ORG', '--key', UNKNOWN], 'No such API key.'],
    [['org', 'create', '--name', 'x', '--parent', UNKNOWN], `There is no organization ${UNKNOWN}`],
    [['org', 'create', '--name', 'x', '--slug', 'NOT A SLUG'], 'Invalid value for slug: lower-case letters'],
    [['org', 'create', '--name', '  '], 'Invalid value for name: must not be blank'],
    [['dba', 'create', '--name', 'x'], 'Give either --org ID or --all.'],
    [['dba', 'create', '--name', 'pg_x', '--all'], '--name: must begin with a letter'],
    [['dba', 'create', '--name', 'gateway', '--all'], 'A role named gateway exists already.'],
    [['dba', 'drop', '--name', 'gateway'], 'There is no database login gateway.'],
    [
      [
        'webhooks',
        'create',
        '--org',
        'ORG',
        '--contract',
        'eal',
        '--url',
        'http://example.com',
        '--events',
        'lead.created',
      ],
      'must use https',
    ],
    [
      [
        'webhooks',
        'create',
        '--org',
        'ORG',
        '--contract',
        'eal',
        '--url',
        'https://example.com',
        '--events',
        'lead.eaten',
      ],
      'lead.eaten',
    ],
    [
      ['webhooks', 'recover', '--org', 'ORG', '--contract', 'eal', '--webhook', UNKNOWN, '--since', '24h'],
      'No such webhook.',
    ],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await run(
      args.map((arg) => (arg === 'ORG' ? organization : arg)),
      environment,
    );
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^trunkline: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });

  test('a missing or malformed option names itself', async () => {
    expect((await run(['key', 'list'], environment)).stderr).toContain("required option '--org <id>' not specified");
    expect((await run(['key', 'list', '--org', 'acme'], environment)).stderr).toContain('It must be a UUID.');
  });
});

describe('webhooks', () => {
  test('are registered once, listed, retried and recovered', async () => {
    const common = ['--org', organization, '--contract', 'eal'];
    const create = [
      'webhooks',
      'create',
      ...common,
      '--url',
      'https://example.com/hook',
      '--events',
      'lead.created,lead.updated',
    ];
    const made = await runJson(create, environment);
    expect(made.signing_secret).toMatch(/^whsec_/);
    const again = await runJson(create, environment);
    expect(again.id).toBe(made.id);
    expect(again.signing_secret).toBeUndefined();
    expect(await runJson(['webhooks', 'list', ...common], environment)).toMatchObject([{ id: made.id, enabled: true }]);

    const attempt = await deadLetter(made.id);
    const endpoint = [...common, '--webhook', made.id];
    expect(await runJson(['webhooks', 'deliveries', ...endpoint], environment)).toMatchObject([
      { id: attempt, status: 'dead_letter' },
    ]);
    expect(await runJson(['webhooks', 'recover', ...endpoint, '--since', '1h'], environment)).toEqual({
      id: made.id,
      recovered: 1,
    });
    expect(await runJson(['webhooks', 'retry', ...endpoint, '--delivery', attempt], environment)).toEqual({
      id: attempt,
      status: 'pending',
    });
  });

  /** A delivery that was given up, as the worker would leave it. Returns the id of its attempt. */
  async function deadLetter(endpoint: string): Promise<string> {
    const { rows } = await db.admin.query<{ id: string }>(
      `with event as (
         insert into app.events (organization_id, public_id, type, snapshot, change_id, occurred_at)
         values ($1, 'evt_0123456789abcdef', 'lead.created', '{}', uuidv7(), now()) returning id
       ), delivery as (
         insert into app.deliveries (organization_id, endpoint_id, event_id, state, attempts)
         select $1, $2, id, 'dead_letter', 1 from event returning id
       )
       insert into app.delivery_attempts (organization_id, delivery_id, endpoint_id, event_type, attempt, status, response_status, latency_ms, attempted_at)
       select $1, id, $2, 'lead.created', 1, 'dead_letter', 500, 3, now() from delivery returning app.typeid('whd', id) as id`,
      [organization, endpoint],
    );
    return rows[0]?.id ?? '';
  }
});

describe('audit', () => {
  const seal = (): Promise<unknown> => db.admin.query("select audit.seal_closed_hours('-1 hour')"); // the current hour, early

  test('verify covers what is sealed, and knows a head that was noted', async () => {
    expect(await runJson(['audit', 'verify'], environment)).toEqual({ ok: true, head: null, problems: [] });
    await seal();
    const { head } = await runJson(['audit', 'verify'], environment);
    expect(head).toMatchObject({ seal: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(head.entries).toBeGreaterThan(0);
    expect((await run(['audit', 'verify', '--head', head.seal], environment)).stdout).toContain(
      'The audit log is as it was sealed.',
    );
    expect(await runJson(['audit', 'seal'], environment)).toEqual({ sealed: 0 });
  });

  test('verify ends with 1 when the noted head is gone, or an entry was changed', async () => {
    expect((await run(['audit', 'verify', '--head', 'f'.repeat(64)], environment)).stdout).toContain(
      'the given seal is not part of the chain',
    );
    const client = await db.admin.connect();
    await client.query(
      "begin; set local session_replication_role = replica; update audit.platform_events set source = 'cron'; commit",
    );
    client.release();
    const { code, stdout } = await run(['audit', 'verify'], environment);
    expect(code).toBe(1);
    expect(stdout).toMatch(/TAMPERED[\s\S]+an entry was changed/);
  });
});

test.each([
  ['eal', 'Trunkline: Expert AI Labs API', '/audit-log/export.csv'],
  ['ai93', 'Trunkline: AI93 API', '/leads.csv'],
])('openapi prints the document of %s', async (contract, title, path) => {
  const document = await runJson(['openapi', '--contract', contract, '--url', 'https://api.example.com/'], {});
  expect(document.openapi).toMatch(/^3\.1/);
  expect(document.info).toMatchObject({ title });
  expect(Object.keys(document.paths as object)).toContain(path);
  expect(JSON.stringify(document.servers)).toContain('https://api.example.com/api/v1');
});

test('every command explains itself', async () => {
  const { stdout } = await run(['--help'], {});
  for (const name of [
    'start',
    'gateway',
    'worker',
    'migrate',
    'org',
    'key',
    'dba',
    'leads',
    'webhooks',
    'connectors',
    'messages',
    'tasks',
    'audit',
    'openapi',
    'demo',
  ]) {
    expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  }
});
