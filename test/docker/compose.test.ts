import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildImage, createStack, type Stack } from './compose.ts';

let stack: Stack;
let key: string;
let organizationId: string;

const api = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${stack.url}${path}`, {
    ...init,
    // no connection is kept for later: the stack is taken down in between
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      connection: 'close',
      ...init.headers,
    },
  });

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

async function until<T>(what: string, probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (let tries = 0; tries < 240; tries += 1) {
    const found = await Promise.resolve(probe()).catch(() => undefined);
    if (found !== undefined) return found;
    await delay(500);
  }
  throw new Error(`waited in vain for ${what}`);
}

const health = (service: string): string =>
  stack.docker('inspect', '-f', '{{.State.Health.Status}}', stack.container(service)).trim();

beforeAll(async () => {
  stack = createStack(await freePort());
  buildImage(stack);
  stack.compose('up', '-d', '--no-build');
  for (const service of ['postgres', 'gateway', 'worker']) {
    await until(`${service} to be healthy`, () => (health(service) === 'healthy' ? true : undefined));
  }
  const operator = (...args: string[]) => JSON.parse(stack.compose('run', '--rm', '-T', 'migrate', ...args, '--json'));
  organizationId = operator('org', 'create', '--name', 'Composed').id;
  key = operator('key', 'create', '--org', organizationId, '--contract', 'eal', '--scopes', 'admin').key;
});

afterAll(() => {
  stack.compose('logs', '--no-color', '--tail', '50');
  stack.compose('down', '-v', '--timeout', '30');
});

test('the image does not run as root', () => {
  expect(stack.docker('exec', stack.container('gateway'), 'id', '-u').trim()).not.toBe('0');
  expect(stack.docker('exec', stack.container('worker'), 'id', '-u').trim()).not.toBe('0');
});

test('no process but migrate holds the administrator’s password', () => {
  for (const service of ['gateway', 'worker', 'postgrest']) {
    const environment = stack.docker('inspect', '-f', '{{json .Config.Env}}', stack.container(service));
    expect(environment).not.toContain(stack.secrets.POSTGRES_PASSWORD);
  }
});

test('a lead goes in through the gateway and out through PostgREST', async () => {
  const created = await api('/api/v1/leads', {
    method: 'POST',
    body: JSON.stringify({ email: 'sarah@example.com', source: 'website' }),
  });
  expect(created.status).toBe(201);
  const { id } = (await created.json()) as { id: string };
  const read = await api(`/rest/v1/leads?id=eq.${id}&select=email,pipeline_stage`);
  expect(await read.json()).toEqual([{ email: 'sarah@example.com', pipeline_stage: 'new' }]);
});

test('the worker delivers a signed event to a receiver on the network of the stack', async () => {
  // the gateway's own image serves as the receiver: it prints what it is sent
  const script =
    "require('http').createServer((q,s)=>{let b='';q.on('data',d=>b+=d);q.on('end',()=>{console.log('RECEIVED '+q.headers['x-eal-signature']+' '+b);s.end('ok')})}).listen(9000)";
  const network = stack
    .docker(
      'inspect',
      '-f',
      '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}',
      stack.container('gateway'),
    )
    .trim();
  const receiver = stack
    .docker('run', '-d', '--rm', '--network', network, '--entrypoint', 'node', 'trunkline:test', '-e', script)
    .trim();
  try {
    const address = stack
      .docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', receiver)
      .trim();
    const registered = await api('/api/v1/webhooks', {
      method: 'POST',
      body: JSON.stringify({ url: `http://${address}:9000/hook`, events: ['lead.created'] }),
    });
    expect(registered.status).toBe(201);
    await api('/api/v1/leads', { method: 'POST', body: JSON.stringify({ email: 'delivered@example.com' }) });
    const line = await until('the delivery', () =>
      stack
        .docker('logs', receiver)
        .split('\n')
        .find((one) => one.includes('delivered@example.com')),
    );
    expect(line).toMatch(/^RECEIVED t=\d+,v1=[0-9a-f]{64} /);
  } finally {
    stack.docker('rm', '-f', receiver);
  }
});

test('what a worker keeps, the gateway finds', () => {
  stack.docker('exec', stack.container('worker'), 'sh', '-c', 'echo kept > /var/lib/trunkline/probe');
  expect(stack.docker('exec', stack.container('gateway'), 'cat', '/var/lib/trunkline/probe').trim()).toBe('kept');
});

test('the data outlives the containers', async () => {
  stack.compose('down', '--timeout', '30');
  stack.compose('up', '-d', '--no-build');
  await until('the gateway to be healthy', () => (health('gateway') === 'healthy' ? true : undefined));
  const leads = await api('/api/v1/leads');
  expect(leads.status).toBe(200);
  expect(((await leads.json()) as { data: unknown[] }).data.length).toBeGreaterThan(0);
  expect(stack.docker('exec', stack.container('gateway'), 'cat', '/var/lib/trunkline/probe').trim()).toBe('kept');
});
