import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CASES } from '../connectors/cases.ts';
import { ACCOUNT, apiCall, callRailApi } from '../connectors/vendors/callrail-api.ts';
import { graphApi, graphError } from '../connectors/vendors/meta-lead-ads.ts';
import { cleanUp, type Environment, run, runJson } from '../start/process.ts';
import { createDatabase, TEST_ENCRYPTION_KEY, type TestDatabase } from '../support/database.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

const secrets = CASES['meta-lead-ads']?.secrets as Record<string, string>;
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
let db: TestDatabase;
let graph: Receiver;
let environment: Environment;
let folder: string;
let organization: string;

beforeAll(async () => {
  db = await createDatabase();
  graph = await startReceiver(graphApi);
  environment = {
    DATABASE_URL: db.url,
    ENCRYPTION_KEY: TEST_ENCRYPTION_KEY,
    PUBLIC_URL: 'https://leads.example.com',
    WEBHOOK_ALLOW_HTTP: 'yes',
    WEBHOOK_ALLOW_SUBNETS: '127.0.0.0/8',
  };
  organization = (await runJson(['org', 'create', '--name', 'Acme Roofing'], environment)).id;
  folder = mkdtempSync(join(tmpdir(), 'trunkline-secrets-'));
  for (const [name, secret] of Object.entries(secrets)) writeFileSync(join(folder, name), `${secret}\n`);
});
afterAll(async () => {
  await cleanUp();
  await graph.close();
  await db.drop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

const command = (name: string, ...more: string[]): string[] => ['connectors', name, '--org', organization, ...more];
const META = ['--vendor', 'meta-lead-ads'];
const files = (...names: string[]): string[] =>
  names.flatMap((name) => ['--secret-file', `${name}=${join(folder, name)}`]);
const told: string[] = [];
async function ask(args: string[]): Promise<ReturnType<typeof runJson>> {
  const answer = await runJson(args, environment);
  told.push(JSON.stringify(answer));
  return answer;
}

test('a service is connected, shown, tried out, changed, given another address and removed', async () => {
  expect((await run(command('list'), environment)).stdout).toContain('Nothing is connected yet');
  const set = command(
    'set',
    ...META,
    ...files(...Object.keys(secrets)),
    '--set',
    `api_url=${graph.url}`,
    '--set',
    'page_ids=111,222',
  );
  const made = await ask(set);
  expect(made.hook_url).toMatch(/^https:\/\/leads\.example\.com\/hooks\/meta-lead-ads\/[\w-]{32}$/);
  expect(made).toMatchObject({
    created: true,
    enabled: true,
    settings: { app_secret: '••••••••', page_ids: ['111', '222'] },
  });

  expect(await ask(command('test', ...META))).toEqual({
    ok: true,
    message: 'The token is for the page PuroClean (111).',
  });
  graph.answer(graphError(401, 190, `Malformed access token ${secrets.page_access_token}`));
  const refused = await run(command('test', ...META), environment);
  expect(refused).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('Malformed access token [redacted]'),
  });

  const changed = await ask(
    command('set', ...META, '--set', 'field_mapping=what_is_your_number:phone', '--unset', 'page_ids', '--disable'),
  );
  expect(changed).toMatchObject({
    created: false,
    enabled: false,
    settings: {
      api_url: graph.url,
      page_ids: [],
      field_mapping: { what_is_your_number: 'phone' },
      app_secret: '••••••••',
    },
  });
  expect(changed.hook_url).toBeUndefined();
  expect(await ask(command('list'))).toMatchObject([
    { vendor: 'meta-lead-ads', name: 'default', enabled: false, waiting: 0, dead: 0 },
  ]);
  const shown = await run(command('show', ...META), environment);
  expect(shown.stdout).toMatch(/app_secret +••••••••/);

  const rotated = await ask(command('rotate-token', ...META));
  expect(rotated.hook_url).not.toBe(made.hook_url);
  expect(await ask(command('retry', ...META))).toMatchObject({ retried: 0 });
  expect(await ask(command('remove', ...META))).toMatchObject({ deleted: true });
  expect(await ask(command('list'))).toEqual([]);
  for (const secret of Object.values(secrets))
    expect(told.join('') + shown.stdout + refused.stderr).not.toContain(secret);
});

test('a service is polled now, and says what came of it', async () => {
  const keys = CASES.callrail?.secrets as Record<string, string>;
  for (const [name, secret] of Object.entries(keys)) writeFileSync(join(folder, name), secret);
  const atCallRail = [apiCall(1, 30), apiCall(2, 20)];
  const service = await startReceiver(callRailApi(() => atCallRail));
  const CALLRAIL = ['--vendor', 'callrail', '--name', 'polled'];
  await ask(
    command(
      'set',
      ...CALLRAIL,
      ...files(...Object.keys(keys)),
      '--set',
      `account_id=${ACCOUNT}`,
      '--set',
      `api_url=${service.url}`,
    ),
  );
  expect(await ask(command('test', ...CALLRAIL))).toEqual({
    ok: true,
    message: `The key opens the account Last Mile Metrics (${ACCOUNT}); calls of all of its companies are taken.`,
  });
  expect(await ask(command('poll', ...CALLRAIL))).toEqual({ outcome: 'done', told: 2, created: 2 });
  atCallRail.push(apiCall(3, 10));
  expect(await run(command('poll', ...CALLRAIL), environment)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('3 calls were told of, 1 of them new.'),
  });
  expect(await ask(command('list'))).toContainEqual(
    expect.objectContaining({ vendor: 'callrail', name: 'polled', last_polled_at: expect.any(String) }),
  );
  service.answer({ status: 401, body: '{"error":"HTTP Token: Access denied."}' });
  expect(await run(command('poll', ...CALLRAIL), environment)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Access denied'),
  });
  expect(await ask(command('remove', ...CALLRAIL))).toMatchObject({ deleted: true });
  await service.close();
  for (const secret of Object.values(keys)) expect(told.join('')).not.toContain(secret);
});

test('who connects a service is told what there is to do, and which address does not do', async () => {
  const FORM = ['--vendor', 'public-tool', '--name', 'told'];
  const set = (...more: string[]) => run(command('set', ...FORM, ...more), environment);
  const { stdout } = await set('--set', 'tool=estimate');
  expect(stdout).toMatch(/^ {2}hook {2}https:\/\/leads\.example\.com\/hooks\/public-tool\/[\w-]{32}$/m);
  expect(stdout).toMatch(/^To set up Public form:\n {2}1\. Let the form post to the hook address: .*\n {2}2\. /m);
  expect(stdout).not.toContain('PUBLIC_URL');
  expect((await set('--set', 'tool=quote')).stdout).toBe('public-tool (told) is changed.\n');

  for (const host of ['0.0.0.0', '127.0.0.1', '::1']) {
    const here = { ...environment, HOST: host, PORT: '8080', PUBLIC_URL: '' };
    const rotated = await run(command('rotate-token', ...FORM), here);
    const origin = `http://${host.includes(':') ? `[${host}]` : host}:8080`;
    expect(rotated.stdout).toContain(`Only this machine reaches ${origin}: set PUBLIC_URL to `);
  }
  await ask(command('remove', ...FORM));
});

test('a credential is read from standard input', async () => {
  const args = command(
    'set',
    ...META,
    '--name',
    'piped',
    ...files('verify_token', 'app_secret'),
    '--secret-file',
    'page_access_token=-',
  );
  const child = spawn(process.execPath, [MAIN, ...args, '--json'], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(`${secrets.page_access_token}\n`);
  const [output] = await Promise.all([child.stdout.toArray(), once(child, 'close')]);
  expect(JSON.parse(Buffer.concat(output).toString())).toMatchObject({ created: true, name: 'piped' });
});

test('a service is switched off with nothing else given, and loses a credential that it can do without', async () => {
  writeFileSync(join(folder, 'auth_token'), 'auth-token-7261');
  writeFileSync(join(folder, 'status_callback'), 'https://leads.example.com/hooks/twilio/7261');
  const TWILIO = ['--vendor', 'twilio', '--name', 'kept'];
  const set = (...more: string[]) => ask(command('set', ...TWILIO, ...more));
  const { settings } = await set(
    ...['--set', `account_sid=AC${'0'.repeat(32)}`, '--set', 'from_number=+14045550100'],
    ...files('auth_token', 'status_callback'),
  );
  expect(await set('--disable')).toMatchObject({ created: false, enabled: false, settings });
  expect(await set('--enable', '--unset', 'status_callback', '--unset', 'from_number')).toMatchObject({
    enabled: true,
    settings: { ...settings, status_callback: null, from_number: null },
  });
  const refused = await run(command('set', ...TWILIO, '--unset', 'auth_token'), environment);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('is required, and cannot be removed') });
  await ask(command('remove', ...TWILIO));
});

test.each([
  [
    ['set', '--vendor', 'myspace'],
    '--vendor: must be one of callrail, http-crm, hubspot, jobnimbus, meta-lead-ads, public-tool, smtp, twilio.',
  ],
  [['set', ...META, '--set', 'app_secret=0123456789'], '--set: app_secret is a secret'],
  [['set', ...META, '--set', 'shoe_size=1'], 'has no field shoe_size'],
  [['set', ...META, '--unset', 'shoe_size'], '--unset: meta-lead-ads has no field shoe_size; it has '],
  [['set', ...META, '--set', 'nonsense'], 'It must be field=value.'],
  [['set', ...META, '--secret-file', 'app_secret'], 'It must be field=path.'],
  [
    ['set', '--vendor', 'public-tool', '--set', 'per_form_limit=many'],
    'Invalid value for per_form_limit: must be a whole number.',
  ],
  [
    ['set', '--vendor', 'public-tool', '--set', 'allowed_origins=www.example.com'],
    'must be origins such as https://www.example.com',
  ],
  [['set', '--vendor', 'public-tool', '--set', 'success_url=javascript:alert(1)'], 'must be an http or https address'],
  [['set', ...META], 'is required'],
  [['set', ...META, '--set', 'api_url=http://10.0.0.1'], 'must be a public address'],
  [['set', ...META, '--secret-file', 'app_secret=/nowhere/at/all'], '/nowhere/at/all cannot be read (ENOENT)'],
  [['show', ...META], 'No such connection.'],
  [['test', ...META], 'No such connection.'],
  [['poll', ...META], '--vendor: meta-lead-ads cannot be polled; that can callrail.'],
  [['poll', '--vendor', 'callrail'], 'No such connection.'],
  [['set', '--vendor', 'callrail', '--set', 'account_id=mine'], 'must be the id of an account such as ACC…'],
  [['remove', ...META], 'No such connection.'],
  [['rotate-token', ...META], 'No such connection.'],
  [['retry', ...META], 'No such connection.'],
])('%j is refused in one line', async ([name, ...more], message) => {
  const { code, stdout, stderr } = await run(command(name as string, ...more), environment);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('a defect');
});
