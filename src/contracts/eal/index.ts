import { AppError, invalidRequest } from '../../errors.ts';
import type { Contract } from '../contract.ts';
import { deliveries } from './deliveries.ts';
import { guide } from './guide.ts';
import * as output from './outputs.ts';
import { routes } from './routes.ts';
import { canonicalScopes } from './scopes.ts';

/** Expert AI Labs, from the document "API Reference, Version 1.0, generated 2026-06-04". */
export const eal: Contract = {
  name: 'eal',
  title: 'Trunkline: Expert AI Labs API',
  description:
    'The orchestration layer between lead, call, job, and follow-up. A client of the Expert AI Labs API works here by changing host and key.',
  basePath: '/api/v1',
  routes,
  tags: [
    { name: 'Health', description: 'Service-level pulse and the calling identity.' },
    { name: 'Organizations', description: 'Tenants. A parent reads a child’s data only under a grant from the child.' },
    { name: 'Leads', description: 'Inbound and outbound lead records, each bound to the calling organization.' },
    { name: 'Calls', description: 'Inbound calls: who called, what was said, what it was about, and what was done.' },
    { name: 'Audit log', description: 'Immutable record of every state-changing action. Retained 7 years.' },
    {
      name: 'Webhooks',
      description: 'Outbound events, signed with HMAC-SHA256 (X-EAL-Signature) and as Standard Webhooks.',
    },
    {
      name: 'Connectors',
      description:
        'Outside services that are connected to the organization. Credentials are kept encrypted, and never shown again.',
    },
    { name: 'API keys', description: 'Keys of the calling organization, for its admin keys.' },
  ],
  scopes: {
    read: 'Read everything of the organization.',
    write: 'Read, and change leads and calls.',
    admin: 'Write, and manage organizations, webhooks, connectors and keys.',
  },
  reach: 'A key belongs to one organization.',
  canonicalScopes,
  rateLimit: { perMinute: 60, burst: 120 },
  errorBody: (error: AppError) => ({ error: { code: error.code, message: error.message, details: error.details } }),
  errorSchema: output.error,
  errorWords: {
    400: {
      description: 'Something in the request is wrong or unknown; `details` says which field and why.',
      example: invalidRequest('Invalid value for limit: must be from 1 to 200.', {
        field: 'limit',
        reason: 'must be from 1 to 200',
      }),
    },
    403: { description: 'The key lacks the scope, or this is not for the calling organization to do.' },
    404: { description: 'There is no such resource, or it belongs to another organization.' },
    409: {
      description: 'Another request with this Idempotency-Key is under way, or the state of the resource forbids it.',
      example: new AppError(409, 'conflict', 'The webhook is disabled; enable it first.'),
    },
  },
  deliveries,
  guide,
};
