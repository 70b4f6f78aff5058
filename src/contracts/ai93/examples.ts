import { CSV_COLUMNS } from './leads-csv.ts';
import { documentedSources } from './sources.ts';

// Examples as the document prints them (what it abbreviates is filled in); the reference shows them, and the tests run them.

const LEAD = 'ld_01kqs7qkw8f9vb3x2m6n4p5q7r';
const BUSINESS = 'biz_01kmb0a6h2e3f4g5h6j7k8m9n0';

const lead = {
  id: LEAD,
  businessId: BUSINESS,
  targetType: 'customer_lead',
  source: 'reddit',
  status: 'new',
  displayName: 'u/some_redditor',
  context: {
    subreddit: 'HomeImprovement',
    title: 'Water in the basement after every storm',
    url: 'https://www.reddit.com/r/HomeImprovement/comments/abc123',
  },
  createdAt: '2026-05-04T13:22:01.000Z',
  handedOffAt: null,
  handoffDestination: null,
  handoffMetadata: null,
  handle: null,
  email: null,
  phone: null,
  company: null,
  tags: ['basement'],
  notes: null,
  enrichment: {},
  replyCount: 0,
  lastReplyAt: null,
  updatedAt: '2026-05-04T13:22:01.000Z',
};
const created = {
  ...lead,
  id: 'ld_01kqs7w2e5h8k0m3p6r9t2v5x8',
  source: 'manual',
  displayName: 'Jane Doe',
  context: { url: 'https://janes-business.com' },
  email: 'jane@example.com',
  phone: '+15555551234',
  tags: [],
};
/** The row of a lead in leads.csv: what it has, under the columns' names; the others are empty. */
const exported: Record<string, string> = {
  id: created.id,
  businessId: BUSINESS,
  targetType: created.targetType,
  source: created.source,
  status: 'converted',
  displayName: created.displayName,
  createdAt: created.createdAt,
  handedOffAt: '2026-05-04T14:00:00.000Z',
  handoffDestination: 'krew',
  handoffMetadata: '{"krewLeadId": "kl_xyz"}',
  email: created.email,
  // a spreadsheet takes a plus sign for the beginning of a formula
  phone: `'${created.phone}`,
  tags: 'basement,signed',
  replyCount: '0',
  updatedAt: '2026-05-04T14:00:00.000Z',
  'context.url': created.context.url,
  'context.other': '{"roof": "slate"}',
  'enrichment.industry': 'residential',
};
const cell = (value: string | undefined): string => (value === undefined ? '' : `"${value.replaceAll('"', '""')}"`);
const csv = `${CSV_COLUMNS.join(',')}\n${CSV_COLUMNS.map((name) => cell(exported[name])).join(',')}\n`;

const handedOff = {
  ...lead,
  status: 'qualified',
  handedOffAt: '2026-05-04T14:00:00.000Z',
  handoffDestination: 'krew',
  handoffMetadata: { krewLeadId: 'kl_xyz' },
  updatedAt: '2026-05-04T14:00:00.000Z',
};
const reply = {
  id: 'rep_01kqs9a1b2c3d4e5f6g7h8j9k0',
  leadId: LEAD,
  message: 'Yes, please call me tomorrow.',
  channel: 'email',
  receivedAt: '2026-05-04T13:40:00.000Z',
};
const run = {
  id: 'run_01kqs6m2n3p4q5r6s7t8v9w0x1',
  businessId: BUSINESS,
  source: 'reddit',
  status: 'succeeded',
  startedAt: '2026-05-04T13:20:00.000Z',
  finishedAt: '2026-05-04T13:22:30.000Z',
  leadsFound: 42,
  leadsCreated: 12,
  leadsUpdated: 30,
  leadsRejected: 0,
  error: null,
};

export const examples = {
  leadList: { query: { status: 'new', limit: '10' }, response: { leads: [lead], count: 1 } },
  lead: { response: { lead } },
  leadExport: { query: { status: 'converted', since: '2026-01-01' }, csv },
  leadCreate: {
    request: {
      source: 'manual',
      targetType: 'customer_lead',
      displayName: 'Jane Doe',
      email: 'jane@example.com',
      phone: '+15555551234',
      context: { url: 'https://janes-business.com' },
    },
    response: { lead: created },
  },
  leadUpdate: {
    request: { status: 'converted', tags: ['basement', 'signed'] },
    response: {
      lead: { ...lead, status: 'converted', tags: ['basement', 'signed'], updatedAt: '2026-05-04T14:00:00.000Z' },
    },
  },
  handoff: {
    request: { destination: 'krew', metadata: { krewLeadId: 'kl_xyz' } },
    response: { lead: handedOff },
  },
  handoffList: {
    response: {
      handoffs: [
        {
          id: 'hof_01kqs9k2m3n4p5q6r7s8t9v0w1',
          leadId: LEAD,
          destination: 'krew',
          metadata: { krewLeadId: 'kl_xyz' },
          handedOffAt: '2026-05-04T14:00:00.000Z',
        },
      ],
      count: 1,
    },
  },
  reply: {
    request: { message: 'Yes, please call me tomorrow.', channel: 'email', receivedAt: '2026-05-04T13:40:00.000Z' },
    response: { reply },
  },
  replyList: { response: { replies: [reply], count: 1 } },
  sourceList: { response: documentedSources },
  runList: { query: { source: 'reddit', status: 'succeeded' }, response: { runs: [run], count: 1 } },
  health: {
    response: {
      status: 'ok',
      version: 'v1',
      environment: 'live',
      reach: 'business',
      scopes: ['leads:read'],
      businessId: BUSINESS,
      timestamp: '2026-05-04T14:00:00.000Z',
    },
  },
  events: {
    'lead.created': lead,
    'lead.status_changed': { ...lead, status: 'contacted', updatedAt: '2026-05-04T13:30:00.000Z' },
    'lead.replied': {
      ...lead,
      status: 'replied',
      replyCount: 1,
      lastReplyAt: reply.receivedAt,
      updatedAt: '2026-05-04T13:40:00.000Z',
    },
    'lead.converted': { ...lead, status: 'converted', updatedAt: '2026-05-04T14:00:00.000Z' },
    'lead.handed_off': handedOff,
  },
};
