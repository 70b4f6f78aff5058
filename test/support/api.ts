import { expect } from 'vitest';
import { ai93 } from '../../src/contracts/ai93/index.ts';
import type { ContractName } from '../../src/security/api-key.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { createKey, createOrganization, type GatewaySettings, type Reply, startTestGateway } from './gateway.ts';

export { until } from './until.ts';

export interface Caller {
  organizationId: string;
  keyId: string;
  key: string;
  get(path: string, headers?: Record<string, string>): Promise<Reply>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  put(path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  patch(path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  delete(path: string, headers?: Record<string, string>): Promise<Reply>;
}

export interface Api {
  db: TestDatabase;
  url: string;
  postgrestUrl: string;
  /** a request below /api/v1 */
  send(
    method: string,
    path: string,
    options?: { key?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Reply>;
  /** a request with a path as it is */
  raw(
    method: string,
    path: string,
    options?: { key?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Reply>;
  /** an organization and a key of it */
  organization(options?: { name?: string; parent?: string; scopes?: string[] }): Promise<Caller>;
  /** another key of an organization */
  key(organizationId: string, scopes?: string[]): Promise<Caller>;
  /** a key of an organization under AI93, with every scope unless some are given */
  ai93(organizationId: string, options?: { scopes?: string[]; reach?: 'organization' | 'workspace' }): Promise<Caller>;
  /** whoever holds this key */
  as(key: string, ids?: { organizationId?: string; keyId?: string }): Caller;
  stop(): Promise<void>;
}

/** A gateway over a database of its own (or over one that other gateways share). */
export async function startApi(settings: GatewaySettings = {}, shared?: TestDatabase): Promise<Api> {
  const db = shared ?? (await createDatabase());
  const gateway = await startTestGateway(db, settings);
  const send: Api['send'] = (method, path, options) => gateway.request(method, `/api/v1${path}`, options);
  const as: Api['as'] = (key, { organizationId = '', keyId = '' } = {}) => ({
    organizationId,
    keyId,
    key,
    get: (path, headers) => send('GET', path, { key, headers }),
    post: (path, body, headers) => send('POST', path, { key, body, headers }),
    put: (path, body, headers) => send('PUT', path, { key, body, headers }),
    patch: (path, body, headers) => send('PATCH', path, { key, body, headers }),
    delete: (path, headers) => send('DELETE', path, { key, headers }),
  });
  const key: Api['key'] = async (organizationId, scopes) => {
    const made = await createKey(db, organizationId, { scopes });
    return as(made.key, made);
  };
  return {
    db,
    url: gateway.url,
    postgrestUrl: gateway.postgrestUrl,
    send,
    raw: gateway.request,
    as,
    key,
    ai93: async (organizationId, { scopes = Object.keys(ai93.scopes), reach = 'organization' } = {}) => {
      const made = await createKey(db, organizationId, { contract: 'ai93', scopes, reach });
      return as(made.key, made);
    },
    organization: async ({ name, parent, scopes } = {}) => key(await createOrganization(db, name, parent), scopes),
    stop: async () => {
      await gateway.stop();
      if (!shared) await db.drop();
    },
  };
}

/** An answer is this error, in the envelope that the document prints, and nothing besides. */
export function expectError(
  reply: Reply,
  status: number,
  code: string,
  details: { field?: string; reason?: unknown } = {},
): void {
  expect({ status: reply.status, body: reply.body ?? reply.text }).toEqual({
    status,
    body: {
      error: {
        code,
        message: expect.stringMatching(/^\S.*\.$/s),
        details: details.field === undefined ? expect.any(Object) : expect.objectContaining(details),
      },
    },
  });
  expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(reply.headers.get('x-request-id')).toBeTruthy();
  for (const [field, value] of Object.entries(reply.body.error.details)) {
    expect(['field', 'reason']).toContain(field);
    expect(value).toEqual(expect.stringMatching(/./));
  }
  expect(reply.text).not.toMatch(/\bat .*\.ts:|node_modules|node:internal|Error:|\bpg_|syntax error/);
}

/** An answer is this error as AI93's document prints it: two texts, and nothing besides. */
export function expectFlatError(reply: Reply, status: number, code: string, message: RegExp | string = /^\S/): void {
  expect({ status: reply.status, body: reply.body ?? reply.text }).toEqual({
    status,
    body: { error: code, message: typeof message === 'string' ? message : expect.stringMatching(message) },
  });
  expect(Object.keys(reply.body)).toEqual(['error', 'message']);
  expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(reply.headers.get('x-request-id')).toBeTruthy();
  expect(reply.text).not.toMatch(/\bat .*\.ts:|node_modules|node:internal|Error:|\bpg_|syntax error|undefined/);
}

/** An answer is an error in the shape of a contract. */
export const expectErrorOf = (contract: ContractName, reply: Reply, status: number, code: string): void =>
  contract === 'ai93' ? expectFlatError(reply, status, code) : expectError(reply, status, code);

/** Runs tasks, a few at a time. */
export async function inParallel<Task, Result>(
  tasks: readonly Task[],
  work: (task: Task, index: number) => Promise<Result>,
  width = 8,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < tasks.length) {
      const index = next++;
      results[index] = await work(tasks[index] as Task, index);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}
