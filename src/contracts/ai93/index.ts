import type { Contract, Route } from '../contract.ts';
import { deliveries } from './deliveries.ts';
import { errorBody } from './errors.ts';
import { examples } from './examples.ts';
import { getHealth } from './health.ts';
import { handOffLead, listHandoffs, listReplies, recordReply } from './lead-history.ts';
import { createLead, getLead, listLeads, updateLead } from './leads.ts';
import { exportLeads } from './leads-csv.ts';
import * as output from './outputs.ts';
import { listRuns } from './runs.ts';
import { canonicalScopes } from './scopes.ts';
import { listSources } from './sources.ts';

const routes: Route[] = [
  {
    method: 'GET',
    path: '/leads',
    operation: listLeads,
    tag: 'Leads',
    output: output.leadList,
    example: examples.leadList,
  },
  { method: 'GET', path: '/leads.csv', operation: exportLeads, tag: 'Leads', example: examples.leadExport },
  {
    method: 'POST',
    path: '/leads',
    operation: createLead,
    tag: 'Leads',
    status: 201,
    output: output.oneLead,
    example: examples.leadCreate,
  },
  {
    method: 'GET',
    path: '/leads/{id}',
    operation: getLead,
    tag: 'Leads',
    single: true,
    output: output.oneLead,
    example: examples.lead,
  },
  {
    method: 'PATCH',
    path: '/leads/{id}',
    operation: updateLead,
    tag: 'Leads',
    output: output.oneLead,
    example: examples.leadUpdate,
  },
  {
    method: 'POST',
    path: '/leads/{id}/handoff',
    operation: handOffLead,
    tag: 'Leads',
    output: output.oneLead,
    example: examples.handoff,
  },
  {
    method: 'GET',
    path: '/leads/{id}/handoffs',
    operation: listHandoffs,
    tag: 'Leads',
    output: output.handoffList,
    example: examples.handoffList,
  },
  {
    method: 'POST',
    path: '/leads/{id}/replies',
    operation: recordReply,
    tag: 'Leads',
    status: 201,
    output: output.oneReply,
    example: examples.reply,
  },
  {
    method: 'GET',
    path: '/leads/{id}/replies',
    operation: listReplies,
    tag: 'Leads',
    output: output.replyList,
    example: examples.replyList,
  },
  {
    method: 'GET',
    path: '/sources',
    operation: listSources,
    tag: 'Sources',
    single: true,
    output: output.sourceList,
    example: examples.sourceList,
  },
  {
    method: 'GET',
    path: '/scrapers/runs',
    operation: listRuns,
    tag: 'Sources',
    output: output.runList,
    example: examples.runList,
  },
  {
    method: 'GET',
    path: '/health',
    operation: getHealth,
    tag: 'Health',
    output: output.health,
    example: examples.health,
  },
];

/** AI93, from its document "API & Webhooks, v1". */
export const ai93: Contract = {
  name: 'ai93',
  title: 'Trunkline: AI93 API',
  description:
    'Read leads, push leads, hand them off downstream, and receive lifecycle events. A client of the AI93 API works here by changing host and key.',
  basePath: '/api/v1',
  routes,
  tags: [
    { name: 'Leads', description: 'Leads of the key’s business, or of every business of its workspace.' },
    { name: 'Sources', description: 'Where leads come from, and when each source was last read.' },
    { name: 'Health', description: 'Service-level pulse and what the key reaches.' },
  ],
  scopes: {
    'leads:read': 'Read leads, their replies and hand-offs.',
    'leads:write': 'Create and change leads, and record replies.',
    'leads:handoff': 'Hand leads off.',
    'sources:read': 'Read sources and scraper runs.',
  },
  canonicalScopes,
  // its document knows no limit: this one is out of the way of any client that means well
  rateLimit: { perMinute: 600, burst: 1200 },
  errorBody,
  errorSchema: output.error,
  deliveries,
};
