import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../start/process.ts';
import { endChild } from '../support/processes.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever n8n answers
export type Json = any;

const OWNER = { email: 'owner@example.com', firstName: 'Olive', lastName: 'Owner', password: 'Trunkline-1234' };

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** A real n8n: its process, and its own API. */
export class N8n {
  readonly userFolder: string = mkdtempSync(join(tmpdir(), 'trunkline-n8n-'));
  readonly owner = OWNER;
  url = '';
  cookie = '';
  output = '';
  private readonly command: string;
  private readonly databaseUrl: string;
  private readonly encryptionKey = randomBytes(24).toString('hex');
  private ports: [number, number] | undefined;
  private child: ChildProcess | undefined;
  private apiKey = '';

  constructor(command: string, databaseUrl: string) {
    this.command = command;
    this.databaseUrl = databaseUrl;
  }

  async start(): Promise<void> {
    this.ports ??= [await freePort(), await freePort()];
    const [port, broker] = this.ports;
    this.url = `http://127.0.0.1:${port}`;
    const database = new URL(this.databaseUrl);
    const child = spawn(process.execPath, [this.command, 'start'], {
      // as in n8n's image: what a workflow names relatively lies in the home directory
      cwd: this.userFolder,
      env: {
        PATH: process.env.PATH,
        HOME: this.userFolder,
        N8N_USER_FOLDER: this.userFolder,
        N8N_ENCRYPTION_KEY: this.encryptionKey,
        N8N_LISTEN_ADDRESS: '127.0.0.1',
        N8N_HOST: '127.0.0.1',
        N8N_PORT: String(port),
        N8N_RUNNERS_BROKER_PORT: String(broker),
        N8N_WEBHOOK_URL: `${this.url}/`,
        N8N_SECURE_COOKIE: 'false',
        N8N_DIAGNOSTICS_ENABLED: 'false',
        N8N_VERSION_NOTIFICATIONS_ENABLED: 'false',
        N8N_TEMPLATES_ENABLED: 'false',
        N8N_PERSONALIZATION_ENABLED: 'false',
        N8N_VERIFIED_PACKAGES_ENABLED: 'false',
        N8N_DISABLED_MODULES: 'mcp-registry,instance-ai,chat-hub,insights,agents',
        GENERIC_TIMEZONE: 'America/New_York',
        DB_TYPE: 'postgresdb',
        DB_POSTGRESDB_HOST: database.hostname,
        DB_POSTGRESDB_PORT: database.port,
        DB_POSTGRESDB_USER: database.username,
        DB_POSTGRESDB_PASSWORD: database.password,
        // two connections, its default, are too few for twenty events a second on a busy machine
        DB_POSTGRESDB_POOL_SIZE: '8',
        DB_POSTGRESDB_DATABASE: database.pathname.slice(1),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output = (this.output + text).slice(-200_000);
      });
    }
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`n8n ended:\n${this.output}`);
      await delay(200);
      return fetch(`${this.url}/healthz/readiness`).then(
        (response) => response.ok,
        () => false,
      );
    });
    if (!this.apiKey) await this.setUp();
  }

  async stop(): Promise<void> {
    if (this.child) await endChild(this.child, 'SIGTERM');
  }

  kill(): void {
    this.child?.kill('SIGKILL');
  }

  private async setUp(): Promise<void> {
    const response = await fetch(`${this.url}/rest/owner/setup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(OWNER),
    });
    if (!response.ok) throw new Error(`owner/setup: ${await response.text()}`);
    this.cookie = (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const scopes = (await this.rest('GET', '/api-keys/scopes')).data;
    const made = await this.rest('POST', '/api-keys', { label: 'tests', expiresAt: null, scopes });
    this.apiKey = made.data.rawApiKey;
  }

  /** The API of the editor. */
  rest(method: string, path: string, body?: unknown): Promise<Json> {
    return this.call(method, `/rest${path}`, { cookie: this.cookie, 'browser-id': 'tests' }, body);
  }

  /** The public API. */
  api(method: string, path: string, body?: unknown): Promise<Json> {
    return this.call(method, `/api/v1${path}`, { 'x-n8n-api-key': this.apiKey }, body);
  }

  private async call(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: unknown,
    tries = 60,
  ): Promise<Json> {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    // n8n does nothing while its database has not answered in time, as on a busy machine
    if (response.status === 503 && text.includes('Database is not ready') && tries > 0) {
      await delay(1000);
      return this.call(method, path, headers, body, tries - 1);
    }
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  async credential(name: string, data: { baseUrl: string; apiKey: string }): Promise<string> {
    return (await this.api('POST', '/credentials', { name, type: 'trunklineApi', data })).id;
  }

  /** A credential of Google as it is after somebody signed in there; its id. */
  async googleCredential(token: string): Promise<string> {
    const made = await this.rest('POST', '/credentials', {
      name: 'Google',
      type: 'googleSheetsOAuth2Api',
      data: {
        clientId: 'client',
        clientSecret: 'secret',
        oauthTokenData: { access_token: token, token_type: 'Bearer' },
      },
    });
    return made.data.id;
  }

  /** Stores a workflow; its id. */
  async workflow(name: string, nodes: object[], connections: object, settings = {}): Promise<string> {
    const made = await this.api('POST', '/workflows', {
      name,
      nodes,
      connections,
      settings: { executionOrder: 'v1', saveDataSuccessExecution: 'all', saveDataErrorExecution: 'all', ...settings },
    });
    return made.id;
  }

  /** Publishes a workflow and waits until it is; what it says otherwise. */
  async publish(id: string): Promise<Json> {
    await this.api('POST', `/workflows/${id}/activate`);
    let status: Json;
    await until(async () => {
      await delay(100);
      status = (await this.rest('GET', `/workflows/${id}/publication-status`)).data;
      return status.status !== 'in_progress';
    });
    return status;
  }

  async unpublish(id: string): Promise<void> {
    await this.api('POST', `/workflows/${id}/deactivate`);
  }

  async executions(workflowId: string): Promise<Json[]> {
    const all: Json[] = [];
    let cursor = '';
    do {
      const page = await this.api('GET', `/executions?workflowId=${workflowId}&includeData=true&limit=250${cursor}`);
      all.push(...page.data);
      cursor = page.nextCursor ? `&cursor=${page.nextCursor}` : '';
    } while (cursor);
    return all;
  }

  /** Waits for at least so many executions that have ended. */
  async executed(workflowId: string, count: number): Promise<Json[]> {
    let found: Json[] = [];
    await until(async () => {
      await delay(200);
      found = (await this.executions(workflowId)).filter((one) => one.stoppedAt !== null && one.finished !== undefined);
      return found.length >= count;
    });
    return found;
  }
}

/** The items that a node put out in an execution. */
export const itemsOf = (execution: Json, node: string): Json[] =>
  (execution.data.resultData.runData[node] ?? []).flatMap((run: Json) => run.data?.main?.[0] ?? []);

export const errorOf = (execution: Json): Json => execution.data.resultData.error;
