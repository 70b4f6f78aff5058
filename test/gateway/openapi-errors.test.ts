import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeOf, errorsOf } from '../../src/gateway/openapi/errors.ts';
import type { Response } from '../../src/gateway/openapi/types.ts';
import type { ContractName } from '../../src/security/api-key.ts';
import { createKey, createOrganization, type Reply } from '../support/gateway.ts';
import { documents, JSON_TYPE, jsonOf } from './documents.ts';
import { type Stage, startStage } from './example-world.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());

/** What an error of a contract is provoked with. */
interface Means {
  nonsense: string;
  all: string[];
  reading: string[];
  lead: object;
  other: object;
  nobody: string;
}
const MEANS: Partial<Record<ContractName, Means>> = {
  eal: {
    nonsense: 'eal_live_nonsense',
    all: ['read', 'write', 'admin'],
    reading: ['read'],
    lead: { email: 'a@example.com' },
    other: { email: 'b@example.com' },
    nobody: '9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18',
  },
  ai93: {
    nonsense: 'ai93_live_nonsense',
    all: ['leads:read', 'leads:write', 'leads:handoff', 'sources:read'],
    reading: ['leads:read'],
    lead: { source: 'manual', email: 'a@example.com' },
    other: { source: 'manual', email: 'b@example.com' },
    nobody: `ld_${'0'.repeat(26)}`,
  },
};

describe.each(documents)('errors of %s', (_name, { contract, document, faults }) => {
  const { nonsense, all, reading, lead, other, nobody } = MEANS[contract.name] as Means;
  const send = (method: string, path: string, options?: Parameters<Stage['gateway']['request']>[2]) =>
    stage.gateway.request(method, contract.basePath + path, options);
  const newKey = async (options: Parameters<typeof createKey>[2] = {}) =>
    createKey(stage.db, await createOrganization(stage.db), { contract: contract.name, scopes: all, ...options });
  const anyKey = async () => (await newKey()).key;

  /** 409: another request with the Idempotency-Key is under way, or what only Expert AI Labs' clients can do. */
  const conflict: Partial<Record<ContractName, () => Promise<Reply>>> = {
    eal: async () => {
      const key = await anyKey();
      const body = { url: 'https://a.example.com/', events: ['lead.created'] };
      const made = await send('POST', '/webhooks', { key, body });
      await send('PATCH', `/webhooks/${made.body.id}`, { key, body: { enabled: false } });
      return send('POST', `/webhooks/${made.body.id}/test`, { key });
    },
    ai93: async () => {
      const { key, keyId } = await newKey();
      const holder = await stage.db.admin.connect();
      const lock = "(hashtextextended($1 || ':held', 0))";
      await holder.query(`select pg_advisory_lock${lock}`, [keyId]);
      const reply = await send('POST', '/leads', { key, body: lead, headers: { 'idempotency-key': 'held' } });
      await holder.query(`select pg_advisory_unlock${lock}`, [keyId]);
      holder.release();
      return reply;
    },
  };

  /** How each comes about. 500 is a defect, and 503 takes a database that is gone: neither can be had for the asking. */
  const provoked: Record<number, (() => Promise<Reply>) | undefined> = {
    400: async () => send('GET', '/leads?limit=1000', { key: await anyKey() }),
    401: async () => send('GET', '/leads', { key: nonsense }),
    403: async () => send('POST', '/leads', { key: (await newKey({ scopes: reading })).key, body: lead }),
    404: async () => send('GET', `/leads/${nobody}`, { key: await anyKey() }),
    409: conflict[contract.name],
    413: async () => send('POST', '/leads', { key: await anyKey(), body: { name: 'x'.repeat(2 ** 20) } }),
    415: async () =>
      send('POST', '/leads', { key: await anyKey(), body: 'name=A', headers: { 'content-type': 'text/plain' } }),
    422: async () => {
      const key = await anyKey();
      const headers = { 'idempotency-key': 'once' };
      await send('POST', '/leads', { key, headers, body: lead });
      return send('POST', '/leads', { key, headers, body: other });
    },
    429: async () => {
      const { key } = await newKey({ limit: { perMinute: 60, burst: 60 } });
      const replies = await Promise.all(Array.from({ length: 61 }, () => send('GET', '/health', { key })));
      return replies.find(({ status }) => status === 429) ?? (await send('GET', '/health', { key }));
    },
  };

  test.each(errorsOf(contract).map((one) => [one.status, one] as const))(
    '%i: fits its schema and is answered as the example says',
    async (status, { name, example }) => {
      const pointer = ['components', 'responses', name, 'content', JSON_TYPE, 'schema'];
      const { headers = {}, content } = document.components.responses[name] as Response;
      expect(jsonOf(content)?.example).toEqual(example);
      expect(faults(pointer, example)).toEqual([]);
      expect(contract.errorSchema.safeParse(example).success).toBe(true);
      const reply = await provoked[status]?.();
      if (!reply) return expect([500, 503]).toContain(status);
      expect(reply.status).toBe(status);
      expect(faults(pointer, reply.body)).toEqual([]);
      expect(Object.keys(headers).filter((header) => !reply.headers.has(header))).toEqual([]);
      // the seconds to wait, and the limits of the key that provoked it, are its own
      if (status === 429) expect(codeOf(reply.body)).toBe(codeOf(example));
      else expect(reply.body).toEqual(example);
    },
  );
});
