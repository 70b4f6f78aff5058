import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contracts } from '../../src/contracts/registry.ts';
import { referencePage } from '../../src/gateway/docs/reference.ts';
import { openApiDocument } from '../../src/gateway/openapi.ts';
import { generateSigningSecret } from '../../src/webhooks/signing.ts';
import { deliveryHeaders } from '../../src/worker/headers.ts';
import { until } from '../support/until.ts';
import { blocks } from './page-text.ts';

// The receivers that the reference shows, run as they are shown, get what the worker sends.

type Headers = Record<string, string | undefined>;

/** A signature that is not one, by contract. */
const NONSENSE: Record<string, Headers[]> = {
  eal: ['', 'v1', 't=,v1=', 't=abc,v1=00', 't=NOW', 't=NOW,v1=ÿ', undefined].map((value) => ({
    'x-eal-signature': value,
  })),
  ai93: [
    ...['', 'sha256=', 'sha256=00', `sha256=${'0'.repeat(64)}`, 'sha256=ÿ', `sha512=${'0'.repeat(64)}`, undefined].map(
      (value) => ({ 'x-ai93-signature': value }),
    ),
    ...['', 'abc', 'NaN', 'Infinity', '-1', '1e12', ' ', undefined].map((value) => ({ 'x-ai93-timestamp': value })),
  ],
};

describe.each(
  contracts.flatMap((contract) => [
    { contract, kind: 'receiver-node', command: process.execPath, file: 'receiver.mjs' },
    { contract, kind: 'receiver-python', command: 'python3', file: 'receiver.py' },
  ]),
)('the $kind of $contract.name', ({ contract, kind, command, file }) => {
  const secret = generateSigningSecret();
  const bodyOf = (id: string): string => JSON.stringify({ id, type: 'lead.created', data: { name: 'Zoë' } });
  let folder: string;
  let receiver: ChildProcess | undefined;
  let url: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'trunkline-receiver-'));
    if (spawnSync(command, ['--version']).status !== 0) return;
    const html = referencePage(contract, openApiDocument(contract, { url: 'https://trunkline.test' }));
    const [shown] = blocks(html, kind);
    writeFileSync(join(folder, file), shown?.code ?? '');
    // somebody may take the port before it does: then it ends at once, and has another
    for (let attempt = 1; attempt <= 5; attempt++) {
      const port = await freePort();
      url = `http://127.0.0.1:${port}/webhook`;
      const env = { ...process.env, WEBHOOK_SECRET: secret, PORT: String(port) };
      const started = spawn(command, [join(folder, file)], { env, stdio: ['ignore', 'pipe', 'ignore'] });
      receiver = started;
      await until(async () => started.exitCode !== null || (await answers(url)), 'the receiver');
      if (started.exitCode === null) break;
    }
  });
  afterAll(() => {
    receiver?.kill();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  const now = () => Math.floor(Date.now() / 1000);
  const signed = (secrets: string[], { id = 'evt_0000000000000001', timestamp = now() } = {}): Headers =>
    deliveryHeaders(contract.name, {
      eventId: id,
      eventType: 'lead.created',
      attemptId: 'whd_1',
      attempt: 1,
      body: Buffer.from(bodyOf(id)),
      secrets,
      timestamp,
    });
  const post = async (headers: Headers, body = bodyOf('evt_0000000000000001')): Promise<number> => {
    const given = Object.entries(headers).filter((one): one is [string, string] => one[1] !== undefined);
    return (await fetch(url, { method: 'POST', headers: given, body })).status;
  };

  test('takes what we sign, during a rotation too, and nothing else', async ({ skip }) => {
    if (!receiver) skip(`${command} is not on this machine`);
    const printed: string[] = [];
    receiver?.stdout?.on('data', (chunk) => printed.push(String(chunk)));
    const other = generateSigningSecret();
    const second = 'evt_0000000000000002';
    expect(await post(signed([secret]))).toBe(204);
    // what has place for one signature has the new secret's
    const rotating = contract.name === 'ai93' ? [secret, other] : [other, secret];
    expect(await post(signed(rotating, { id: second }), bodyOf(second))).toBe(204);
    expect(await post(signed([secret]), bodyOf('evt_0000000000000001').replace('Zoë', 'Zoe'))).toBe(400);
    expect(await post(signed([other]))).toBe(400);
    expect(await post(signed([secret], { timestamp: now() - 600 }))).toBe(400);
    expect(await post(signed([secret], { timestamp: now() + 600 }))).toBe(400);
    for (const wrong of NONSENSE[contract.name] ?? []) {
      const headers = Object.fromEntries(
        Object.entries(wrong).map(([name, value]) => [name, value?.replace('NOW', String(now()))]),
      );
      expect(await post({ ...signed([secret]), ...headers }), JSON.stringify(wrong)).toBe(400);
    }
    await expect
      .poll(() => printed.join('').trim().split(/\s+/), { timeout: 20_000 })
      .toEqual(['lead.created', 'lead.created']);
  });

  // Expert AI Labs' leaves that to its reader
  if (contract.name !== 'ai93') return;
  test('acts once on an event that comes again, whatever its header says', async ({ skip }) => {
    if (!receiver) skip(`${command} is not on this machine`);
    const printed: string[] = [];
    receiver?.stdout?.on('data', (chunk) => printed.push(String(chunk)));
    const [third, fourth] = ['evt_0000000000000003', 'evt_0000000000000004'];
    const headers = signed([secret], { id: third });
    for (const again of [headers, headers, { ...headers, 'x-ai93-event-id': 'evt_made_up' }]) {
      expect(await post(again, bodyOf(third))).toBe(204);
    }
    expect(await post(signed([secret], { id: fourth }), bodyOf(fourth))).toBe(204);
    await expect
      .poll(() => printed.join('').trim().split(/\s+/), { timeout: 20_000 })
      .toEqual(['lead.created', 'lead.created']);
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

const answers = (url: string): Promise<boolean> =>
  fetch(url, { method: 'POST', body: '{}' }).then(
    () => true,
    () => false,
  );
