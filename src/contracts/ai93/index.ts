import { invalidRequest } from '../../errors.ts';
import type { Contract } from '../contract.ts';
import { deliveries } from './deliveries.ts';
import { errorBody } from './errors.ts';
import { guide } from './guide.ts';
import * as output from './outputs.ts';
import { routes } from './routes.ts';
import { canonicalScopes } from './scopes.ts';

/** AI93, from its document "API & Webhooks, v1". */
export const ai93: Contract = {
  name: 'ai93',
  title: 'Trunkline: AI93 API',
  description:
    'Leads of one business or of a whole workspace: read, add, filter, export, hand off, and hear of every step by signed webhook. A client of the AI93 API works here by changing host and key.',
  basePath: '/api/v1',
  routes,
  tags: [
    { name: 'Leads', description: 'Leads of the key’s business, or of every business of its workspace.' },
    { name: 'Sources', description: 'Where leads come from, and when each source was last read.' },
    {
      name: 'Webhooks',
      description: 'Events about leads, signed with HMAC-SHA256 (X-AI93-Signature) and as Standard Webhooks.',
    },
    { name: 'Health', description: 'Service-level pulse and what the key reaches.' },
  ],
  scopes: {
    'leads:read': 'Read leads, their replies and hand-offs.',
    'leads:write': 'Create and change leads, and record replies.',
    'leads:handoff': 'Hand leads off.',
    'sources:read': 'Read sources and scraper runs.',
  },
  reach: 'A key is locked to one business, or reaches every business of a workspace.',
  canonicalScopes,
  // its document knows no limit: this one is out of the way of any client that means well
  rateLimit: { perMinute: 600, burst: 1200 },
  errorBody,
  errorSchema: output.error,
  errorWords: {
    400: {
      example: invalidRequest('Invalid value for limit: must be from 1 to 500.', {
        field: 'limit',
        reason: 'must be from 1 to 500',
      }),
    },
    404: { description: 'There is no such resource, or it lies outside of what the key reaches.' },
  },
  deliveries,
  guide,
};
