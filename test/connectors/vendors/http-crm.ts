import { Webhook } from 'standardwebhooks';
import { expect } from 'vitest';
import type { Answer, ReceivedRequest } from '../../support/receiver.ts';
import type { ConformanceCase } from '../case.ts';
import { json } from '../http-service.ts';
import { CALL, LEAD } from './crm.ts';

// A CRM of one's own, behind an address that takes signed requests.

const SIGNING_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** Verifies and keeps what it is sent; what it knows is brought up to date. */
export function ownCrm(secret = SIGNING_SECRET) {
  const kept = new Map<string, { id: string; data: Record<string, unknown> }>();
  const keys = new Set<string>();
  const answer = ({ headers, rawBody }: ReceivedRequest): Answer => {
    const { type, data } = new Webhook(secret).verify(rawBody.toString('utf8'), headers as Record<string, string>) as {
      type: string;
      data: Record<string, unknown>;
    };
    keys.add(headers['idempotency-key'] as string);
    if (type === 'connection.test') return json({});
    const key = String(data.id);
    const one = { id: kept.get(key)?.id ?? `own_${kept.size + 1}`, data };
    kept.set(key, one);
    return json({ id: one.id, url: `https://crm.example.com/${one.id}` });
  };
  return { kept, keys, answer };
}

const bodyOf = (request: ReceivedRequest) => JSON.parse(request.rawBody.toString('utf8'));

export const httpCrm: ConformanceCase = {
  settings: (url) => ({ url, field_mapping: { town: 'context.city' } }),
  secrets: { signing_secret: SIGNING_SECRET, bearer_token: 'a-token-of-the-gateway' },
  service: (request: ReceivedRequest) => ownCrm().answer(request),
  refusal: {
    answer: json({ message: 'No such token: a-token-of-the-gateway' }, 401),
    reason: /No such token: \[redacted\]/,
  },
  acts: {
    'crm.push': {
      act: async ({ crm }, config, io) => crm?.push(LEAD, undefined, config as never, io),
      answer: { externalId: 'own_1', url: 'https://crm.example.com/own_1' },
      sent([request]) {
        expect(bodyOf(request)).toEqual({
          type: 'lead.push',
          data: { ...LEAD, external_id: null, fields: { town: 'Marietta' } },
        });
        expect(request.headers['idempotency-key']).toBe(request.headers['webhook-id']);
      },
    },
    'crm.createJob': {
      act: async ({ crm }, config, io) => crm?.createJob(CALL, { id: 'own_1', lead: LEAD }, config as never, io),
      answer: { externalId: 'own_1', url: 'https://crm.example.com/own_1' },
      sent([request]) {
        expect(bodyOf(request)).toEqual({
          type: 'job.create',
          data: { ...CALL, lead_id: LEAD.id, lead_external_id: 'own_1' },
        });
      },
    },
  },
};
