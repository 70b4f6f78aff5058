import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { createEncryption } from '../../src/security/encryption.ts';
import { generateSigningSecret, secretPrefix } from '../../src/webhooks/signing.ts';
import { type Bench, ENCRYPTION_KEY } from './environment.ts';
import { report } from './report.ts';
import { organizationId, seedLeads } from './seed.ts';

const BURST = 20_000;
const STEADY_RATE = 100;
const STEADY_SECONDS = 20;

interface Arrivals {
  count: number;
  /** milliseconds between the first and the last arrival */
  span: number;
  /** milliseconds from the commit of the change to its arrival, sorted */
  latencies: number[];
}

/** Webhook deliveries to a receiver on loopback: how many a second, and how long the first attempt takes. */
export async function benchDeliveries(bench: Bench): Promise<void> {
  const client = await bench.createDatabase('deliveries');
  await seedLeads(client, 20, 20);
  const receiver = fork(join(import.meta.dirname, 'receiver.ts'), { stdio: 'inherit' });
  const [port] = (await once(receiver, 'message')) as [number];
  const organizations = Array.from({ length: 20 }, (_, i) => organizationId(i + 1));
  for (const organization of organizations)
    await register(client, organization, `http://127.0.0.1:${port}/${organization}`);
  const worker = await bench.startWorker('deliveries');

  await client.query(
    `insert into app.leads (organization_id, name, email)
     select ('00000000-0000-7000-8000-' || lpad(to_hex(1 + i % 20), 12, '0'))::uuid, 'Person ' || i, 'person' || i || '@example.com'
       from generate_series(1, $1::integer) as i`,
    [BURST],
  );
  const burst = await arrivals(receiver, BURST);
  report(`deliveries a second, ${BURST} events to 20 endpoints`, (burst.count / burst.span) * 1000, '>=', 500);

  receiver.send('reset');
  const pool = new pg.Pool({ connectionString: bench.url('deliveries'), max: 4 });
  for (let sent = 0, start = performance.now(); sent < STEADY_RATE * STEADY_SECONDS; sent += 1) {
    const due = start + (sent * 1000) / STEADY_RATE;
    if (due > performance.now()) await delay(due - performance.now());
    void pool.query("insert into app.leads (organization_id, name, email) values ($1, $2, 'steady@example.com')", [
      organizations[sent % organizations.length],
      `sent ${Date.now()}`,
    ]);
  }
  const steady = await arrivals(receiver, STEADY_RATE * STEADY_SECONDS);
  const p99 = steady.latencies[Math.floor(steady.latencies.length * 0.99)] ?? Number.NaN;
  report(`p99 of the first attempt at ${STEADY_RATE} events/s, seconds`, p99 / 1000, '<=', 1);
  await pool.end();
  await worker.stop();
  receiver.kill();
  await client.end();
}

async function register(client: pg.Client, organization: string, url: string): Promise<void> {
  const secret = generateSigningSecret();
  const secretId = randomUUID();
  const ciphertext = createEncryption(ENCRYPTION_KEY).encrypt(secret, `webhook_secret:${secretId}`);
  await client.query('begin');
  await client.query("select set_config('role', 'tenant', true), set_config('request.jwt.claims', $1, true)", [
    JSON.stringify({ organization_id: organization, scopes: ['*'] }),
  ]);
  await client.query("select app.register_webhook('eal', $1, array['lead.created'], null, null, $2, $3, $4)", [
    url,
    secretId,
    ciphertext,
    secretPrefix(secret),
  ]);
  await client.query('commit');
}

async function arrivals(receiver: ChildProcess, expected: number): Promise<Arrivals> {
  for (;;) {
    receiver.send('report');
    const [state] = (await once(receiver, 'message')) as [Arrivals];
    if (state.count >= expected) return state;
    await delay(200);
  }
}
