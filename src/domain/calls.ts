import { sql } from 'kysely';
import { z } from 'zod';
import { db } from '../database/kysely.ts';
import { keysetPage, statement } from '../database/page.ts';
import { template } from '../database/template.ts';
import { invalidRequest } from '../errors.ts';
import { operation } from '../operations/operation.ts';
import {
  checkPeriod,
  childId,
  cursor,
  pageParameters,
  pageSize,
  pageValues,
  period,
  prefixedId,
  present,
  text,
  timestamp,
} from './fields.ts';
import { INTENTS, JUNK, URGENCIES } from './intents.ts';

const ACTIONS = ['auto_dispatch', 'callback', 'review', 'ignore'] as const;
const CALL_STATUSES = ['received', 'classified', 'dispatched'] as const;
/** The document filters by two words of its own: sales is sales_pitch, junk is whatever was filtered out. */
const CLASSIFICATIONS = [...INTENTS, 'sales', 'junk'] as const;

const id = prefixedId('call').meta({ description: 'Id of the call: `call_` and 26 characters.' });
const missing = 'No such call.';

const callsPage = template((given, value, shape) =>
  keysetPage(
    db
      .selectFrom('app.calls as row')
      .$if(given('status'), (q) => q.where('row.status', '=', value('status')))
      .$if(given('intent'), (q) => q.where('row.intent', '=', value('intent')))
      .$if(given('junk'), (q) => q.where(sql<boolean>`row.intent = any (${value('junk')}::text[])`))
      .$if(given('qualified'), (q) => q.where('row.qualified', '=', value<boolean>('qualified')))
      .$if(given('action'), (q) => q.where('row.dispatch_action', '=', value('action')))
      .$if(given('start_at'), (q) => q.where('row.received_at', '>=', sql<Date>`${value('start_at')}::timestamptz`))
      .$if(given('end_at'), (q) => q.where('row.received_at', '<=', sql<Date>`${value('end_at')}::timestamptz`)),
    { ...pageParameters(given, value), shape, time: 'received_at' },
  ),
);

export const listCalls = operation({
  id: 'calls.list',
  summary: 'List calls',
  description:
    'Newest first, cursor-paginated. Filter by status, classification, whether qualified, what was decided, and time: `dispatch_decision=review` is what waits for a person. With `organization_id`, a parent reads a child’s calls under a grant of `calls.read`.',
  scope: 'calls.read',
  kind: 'read',
  input: z.strictObject({
    limit: pageSize.default(50),
    cursor: cursor.optional(),
    status: z
      .enum(CALL_STATUSES, `must be one of ${CALL_STATUSES.join(', ')}`)
      .meta({ description: 'How far it got.' })
      .optional(),
    classification: z
      .enum(CLASSIFICATIONS, `must be one of ${CLASSIFICATIONS.join(', ')}`)
      .meta({ description: 'What it was about. `sales` is `sales_pitch`; `junk` is sales pitches and wrong numbers.' })
      .optional(),
    qualified: z
      .enum(['true', 'false'], 'must be true or false')
      .meta({ description: 'Whether somebody who may become a customer called.' })
      .optional(),
    dispatch_decision: z
      .enum(ACTIONS, `must be one of ${ACTIONS.join(', ')}`)
      .meta({ description: 'What was decided.' })
      .optional(),
    ...period,
    organization_id: childId.optional(),
  }),
  target: (input) => input.organization_id,
  statement({ input, shape }) {
    checkPeriod(input);
    const { classification, qualified, dispatch_decision: action, ...rest } = input;
    return callsPage(
      {
        ...pageValues(rest),
        action,
        intent: classification === 'sales' ? 'sales_pitch' : classification === 'junk' ? undefined : classification,
        junk: classification === 'junk' ? JUNK : undefined,
        qualified: qualified && qualified === 'true',
      },
      shape('call_summary'),
    );
  },
});

export const getCall = operation({
  id: 'calls.get',
  summary: 'Fetch a call',
  description: 'The full record: transcript, classification with its confidence, dispatch decision and reason.',
  scope: 'calls.read',
  kind: 'read',
  input: z.strictObject({ id, organization_id: childId.optional() }),
  target: (input) => input.organization_id,
  missing,
  statement: ({ input, shape }) => statement`
    select ${sql.raw(shape('call'))}(row)::text as body from app.calls as row where row.id = app.typeid_uuid('call', ${input.id})`,
});

const WINDOWS = { '24h': '24 hours', '7d': '7 days', '30d': '30 days', '90d': '90 days' } as const;

export const callStatistics = operation({
  id: 'calls.stats',
  summary: 'Call statistics',
  description: 'Counts by intent and qualification, and the median time to classification, of a window that ends now.',
  scope: 'calls.read',
  kind: 'read',
  input: z.strictObject({
    window: z
      .enum(Object.keys(WINDOWS) as (keyof typeof WINDOWS)[], `must be one of ${Object.keys(WINDOWS).join(', ')}`)
      .meta({ description: 'How far back.' })
      .default('7d'),
    organization_id: childId.optional(),
  }),
  target: (input) => input.organization_id,
  statement: ({ input }) => statement`
    select json_build_object('window', ${input.window}::text, 'total_calls', s.total_calls, 'qualified', s.qualified,
                             'junk_filtered', s.junk_filtered, 'by_intent', s.by_intent,
                             'median_classification_seconds', s.median_classification_seconds)::text as body
      from app.call_statistics(now() - ${WINDOWS[input.window]}::interval) as s`,
});

const phone = z
  .string('must be a string')
  .min(3, 'must have at least 3 characters')
  .max(40, 'must have at most 40 characters');

/** What a tracker tells of a call. */
const told = {
  source: text(100).meta({ description: 'Name of the tracker.' }).default('api'),
  external_id: text(255).meta({ description: 'Id of the call at the tracker.' }).optional(),
  tracking_number: phone.meta({ description: 'Number that was called.' }).nullish(),
  caller_number: text(40).meta({ description: 'Number of the caller.' }).nullish(),
  caller_name: text(200).meta({ description: 'Name of the caller.' }).nullish(),
  caller_city: text(100).meta({ description: 'City of the caller.' }).nullish(),
  caller_state: text(100).meta({ description: 'State or province of the caller.' }).nullish(),
  caller_postal_code: text(20).meta({ description: 'Postal code of the caller.' }).nullish(),
  caller_country: text(100).meta({ description: 'Country of the caller.' }).nullish(),
  direction: z
    .enum(['inbound', 'outbound'], 'must be inbound or outbound')
    .meta({ description: 'Without it, inbound.' })
    .optional(),
  answered: z.boolean('must be true or false').meta({ description: 'Whether somebody answered.' }).nullish(),
  voicemail: z.boolean('must be true or false').meta({ description: 'Whether it went to voicemail.' }).optional(),
  duration_seconds: z
    .int('must be a whole number')
    .min(0, 'must be from 0 to 86400')
    .max(86_400, 'must be from 0 to 86400')
    .meta({ description: 'Length in seconds.' })
    .optional(),
  marketing_source: text(200).meta({ description: 'Campaign or channel that led to the call.' }).nullish(),
  recording_url: z
    .string('must be a string')
    .max(2048, 'must have at most 2048 characters')
    .regex(/^https?:\/\/\S+$/, 'must be a web address')
    .meta({ description: 'Where the recording can be fetched.', format: 'uri' })
    .nullish(),
  transcript: z
    .string('must be a string')
    .max(200_000, 'must have at most 200000 characters')
    .meta({ description: 'What was said.' })
    .nullish(),
  received_at: timestamp.meta({ description: 'When it came in (ISO 8601); without it, now.' }).optional(),
};

/** What a call can be known by: a message without any of it would make a call that nobody can do anything about. */
const KNOWN_BY = [
  'caller_number',
  'caller_name',
  'tracking_number',
  'external_id',
  'transcript',
  'recording_url',
] as const;

export const createCall = operation({
  id: 'calls.create',
  summary: 'Record a call',
  description:
    'For trackers without a connector of their own. The same `external_id` again fills in what was not known before: 200 instead of 201. Fields that are not known here are kept in `extra`. Fires `call.received`, then `call.classified`, and `call.qualified` when it is. One with an `external_id` of which nothing tells that it is over (duration, transcript, recording, voicemail, that nobody answered) may still ring: it is classified when more is told, or half an hour after it came in.',
  scope: 'calls.write',
  kind: 'write',
  input: z.looseObject(told).meta({ anyOf: KNOWN_BY.map((name) => present(name)) }),
  statement({ input, shape }) {
    if (KNOWN_BY.every((name) => input[name] === undefined || input[name] === null)) {
      throw invalidRequest('Nothing is told of the call.', { reason: `give at least one of ${KNOWN_BY.join(', ')}` });
    }
    const { recording_url, ...rest } = input;
    const entries = Object.entries(rest).filter(([, value]) => value !== undefined && value !== null);
    const call = {
      ...Object.fromEntries(entries.filter(([name]) => name in told)),
      ...(recording_url && { recording_source_url: recording_url }),
      extra: Object.fromEntries(entries.filter(([name]) => !(name in told))),
    };
    return statement`
      select ${sql.raw(shape('call'))}(made.call)::text as body, case when made.created then 201 else 200 end as status
        from app.record_call(${JSON.stringify(call)}::jsonb) as made`;
  },
});

export const correctCall = operation({
  id: 'calls.update',
  summary: 'Correct a call',
  description:
    'What a person says about a call: what it was about, and what is to be done. No rule, model or setting overrides it. `auto_dispatch` is done at once: a lead, a text message, a job in the CRM, each unless the call has it already. Fires `call.classified`, and `call.qualified` when it was not.',
  scope: 'calls.write',
  kind: 'write',
  input: z.strictObject({
    id,
    classification: z
      .enum(INTENTS, `must be one of ${INTENTS.join(', ')}`)
      .meta({ description: 'What it was about.' })
      .optional(),
    urgency: z
      .enum(URGENCIES, `must be one of ${URGENCIES.join(', ')}`)
      .meta({ description: 'How urgent it is.' })
      .optional(),
    qualified: z
      .boolean('must be true or false')
      .meta({ description: 'Whether the caller may become a customer. Without it, as the classification has it.' })
      .optional(),
    dispatch_decision: z
      .enum(ACTIONS, `must be one of ${ACTIONS.join(', ')}`)
      .meta({ description: 'What is to be done.' })
      .optional(),
  }),
  missing,
  statement({ input, shape }) {
    const { classification, urgency, qualified, dispatch_decision: action } = input;
    if ([classification, urgency, qualified, action].every((value) => value === undefined)) {
      throw invalidRequest('Nothing to update.', {
        reason: 'give at least one of classification, urgency, qualified, dispatch_decision',
      });
    }
    return statement`
      select ${sql.raw(shape('call'))}(row)::text as body
        from app.correct_call(app.typeid_uuid('call', ${input.id}), ${classification ?? null}::text, ${urgency ?? null}::text,
                              ${qualified ?? null}::boolean, ${action ?? null}::text) as row`;
  },
  // what nobody has classified yet is asked of the rules
  endlessRule: ({ input }) => statement`
    select app.switch_off_endless_classification_rule(app.typeid_uuid('call', ${input.id}))`,
});
