import type { Route } from '../contract.ts';
import { examples } from './examples.ts';
import { getHealth } from './health.ts';
import { handOffLead, listHandoffs, listReplies, recordReply } from './lead-history.ts';
import { createLead, getLead, listLeads, updateLead } from './leads.ts';
import { exportLeads } from './leads-csv.ts';
import * as output from './outputs.ts';
import { listRuns } from './runs.ts';
import { listSources } from './sources.ts';

/** Every endpoint of AI93, with the operation behind it. */
export const routes: Route[] = [
  {
    method: 'GET',
    path: '/leads',
    operation: listLeads,
    tag: 'Leads',
    output: output.leadList,
    example: examples.leadList,
    refers: true,
  },
  {
    method: 'GET',
    path: '/leads.csv',
    operation: exportLeads,
    tag: 'Leads',
    example: examples.leadExport,
    refers: true,
  },
  {
    method: 'POST',
    path: '/leads',
    operation: createLead,
    tag: 'Leads',
    status: 201,
    output: output.oneLead,
    example: examples.leadCreate,
    refers: true,
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
    refers: true,
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
