import type { ConnectorIo } from './connector.ts';
import { ConnectorFailure } from './failure.ts';
import type { Field } from './manifest.ts';

// What a CRM is to Trunkline: somewhere a lead becomes a contact, and a call a job.

/** A lead as app.crm_lead hands it out: columns of app.leads that are known. */
export interface CrmLead {
  id: string;
  name?: string;
  company?: string;
  email?: string;
  phone?: string;
  job_title?: string;
  source?: string;
  notes?: string;
  pain_points?: string;
  timeline?: string;
  budget_range?: string;
  context?: Record<string, unknown>;
  [column: string]: unknown;
}

/** A call as app.crm_call hands it out. */
export interface CrmCall {
  /** call_… */
  id: string;
  received_at: string;
  caller_number?: string;
  caller_name?: string;
  city?: string;
  state?: string;
  postal_code?: string;
  intent?: string;
  urgency?: string;
  dispatch_reason?: string;
  transcript?: string;
  [column: string]: unknown;
}

/** Where something is in the CRM. */
export interface CrmRecord {
  externalId: string;
  /** its page, for a person */
  url?: string;
}

/**
 * Both look before they make anything: the worker may have been killed between the CRM's answer and its record of it, so what is
 * asked for may be there already. They are never asked twice at once for one lead.
 */
export interface Crm<Config = never> {
  /** Makes the lead a contact, or brings the contact up to date; `known` is its id from an earlier push. */
  push(lead: CrmLead, known: string | undefined, config: Config, io: ConnectorIo): Promise<CrmRecord>;
  /** Makes a call a job of the contact. */
  createJob(call: CrmCall, contact: { id: string; lead: CrmLead }, config: Config, io: ConnectorIo): Promise<CrmRecord>;
}

const COLUMNS = [
  'id',
  'name',
  'company',
  'email',
  'phone',
  'handle',
  'job_title',
  'source',
  'source_url',
  'pipeline_stage',
  'lead_score',
  'tags',
  'notes',
  'industry',
  'company_size',
  'pain_points',
  'timeline',
  'budget_range',
  'ai_reasoning',
  'linkedin_url',
];

/** Fields that every CRM has. push_when and priority are read by sql/37_crm_requests.sql and sql/38_crm_triggers.sql, which knows the same defaults. */
export const CRM_FIELDS = [
  {
    name: 'push_when',
    label: 'Pushed by itself',
    help: 'Stages at which a lead is pushed without being asked for: new, contacted, replied, qualified, won, lost. Without any, leads are pushed only when somebody asks, or when a call is dispatched.',
    kind: 'list',
    default: [],
    pattern: {
      expression: /^(?:new|contacted|replied|qualified|won|lost)$/,
      reason: 'must be stages: new, contacted, replied, qualified, won, lost',
    },
  },
  {
    name: 'priority',
    label: 'Priority',
    help: 'Where several CRMs are connected, leads go to the one with the highest; of equal ones, to the oldest.',
    kind: 'integer',
    default: 0,
    max: 1000,
  },
] as const satisfies readonly Field[];

/** The field that maps what the CRM calls something to what is known of a lead. */
export const mappingField = (what: string) =>
  ({
    name: 'field_mapping',
    label: 'Mapping of fields',
    help: `Name of ${what} to what it is filled with: ${COLUMNS.join(', ')}, or context. and a name of the lead’s context (context.city). It comes before what is filled in without it.`,
    kind: 'map',
    default: {},
    pattern: {
      expression: new RegExp(`^(?:${COLUMNS.join('|')}|context\\.[^.]{1,100})$`),
      reason: 'must be a field of leads, or context. and a name',
    },
  }) as const satisfies Field;

/** What a mapping fills in; what is not known of the lead is left out. */
export function mapped(mapping: Record<string, string>, lead: CrmLead): Record<string, string | number | boolean> {
  const found = Object.entries(mapping).map(([field, path]) => {
    const value = path.startsWith('context.') ? lead.context?.[path.slice('context.'.length)] : lead[path];
    return [field, Array.isArray(value) ? value.join(', ') : value] as const;
  });
  return Object.fromEntries(
    found.filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value) && value !== ''),
  ) as Record<string, string | number | boolean>;
}

/** First and last name, as a CRM wants them; of a name of one word, the first. */
export function splitName(name: string | undefined): { first?: string; last?: string } {
  const words = (name ?? '').split(/\s/).filter(Boolean);
  const last = words.length > 1 ? words.at(-1) : undefined;
  const first = words.slice(0, last === undefined ? 1 : -1).join(' ');
  return { ...(first && { first }), ...(last && { last }) };
}

/** The lead's number, where it is one: "unknown" or "+" is written in many contacts, and is nobody's. */
export const numberOf = ({ phone }: CrmLead): string | undefined =>
  phone !== undefined && phone.replace(/\D/g, '').length >= 5 ? phone : undefined;

const INTENTS: Record<string, string> = {
  water: 'Water damage',
  fire: 'Fire damage',
  mold: 'Mold',
  biohazard: 'Biohazard',
};

/** What a job is called: what the call was about, and who called. */
export const jobName = (call: CrmCall, lead: CrmLead): string =>
  `${INTENTS[call.intent ?? ''] ?? 'Call'}: ${lead.name ?? lead.company ?? call.caller_name ?? call.caller_number ?? 'unknown caller'}`;

const LONGEST_TRANSCRIPT = 5000;

/** What is written into a job, for a person; its last line is what the job is known by. */
export const jobDescription = (call: CrmCall): string =>
  [
    call.urgency && `Urgency: ${call.urgency}`,
    call.dispatch_reason && `Dispatch: ${call.dispatch_reason}`,
    call.caller_number && `Caller: ${call.caller_number}`,
    call.transcript && `\n${call.transcript.slice(0, LONGEST_TRANSCRIPT)}\n`,
    call.id,
  ]
    .filter(Boolean)
    .join('\n');

/** Of what the CRM answered; throws a ConnectorFailure when it has no id that can be kept. */
export function recordOf(id: unknown, url?: string): CrmRecord {
  const externalId = typeof id === 'number' ? String(id) : id;
  if (typeof externalId !== 'string' || externalId === '' || externalId.length > 255) {
    throw new ConnectorFailure('garbage', 'The CRM answered without the id of what it made.');
  }
  return { externalId, ...(url !== undefined && url.length <= 2048 && /^https?:\/\//.test(url) && { url }) };
}

/** The record of a failed look-up that means: there is none. */
export async function unlessMissing<Found>(looking: Promise<Found>): Promise<Found | undefined> {
  try {
    return await looking;
  } catch (failure) {
    if (failure instanceof ConnectorFailure && failure.status === 404) return undefined;
    throw failure;
  }
}
