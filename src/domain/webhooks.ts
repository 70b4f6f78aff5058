import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { z } from 'zod';
import { db } from '../database/kysely.ts';
import { keysetPage, raw, statement } from '../database/page.ts';
import { template } from '../database/template.ts';
import { invalidRequest } from '../errors.ts';
import type { Reach } from '../operations/actor.ts';
import { operation, type ResultRow, type Services } from '../operations/operation.ts';
import { generateSigningSecret, secretPrefix } from '../webhooks/signing.ts';
import {
  checkPeriod,
  cursor,
  pageParameters,
  pageSize,
  pageValues,
  pathId,
  period,
  prefixedId,
  text,
  timestamp,
} from './fields.ts';

const SAVE = 'Save this signing_secret now. It will not be shown again.';
const missing = 'No such webhook.';
const id = pathId.meta({ description: 'Id of the webhook.' });

const url = z
  .string('must be a string')
  .max(2048, 'must have at most 2048 characters')
  .meta({ format: 'uri', description: 'Where deliveries go. HTTPS, and a public address.' });
const events = z
  .array(z.string('must be a string'), 'must be a list of event names')
  .min(1, 'must hold at least one event name')
  .max(100, 'must hold at most 100 event names')
  .meta({ description: 'Names of the events to receive.' });
const description = z
  .string('must be a string')
  .max(500, 'must have at most 500 characters')
  .nullable()
  .meta({ description: 'What the endpoint is for.' });
const retrySchedule = z
  .array(
    z
      .string('must be a string')
      .regex(/^(\d{1,6}s|\d{1,4}m|\d{1,3}h|[1-7]d)$/, 'must be durations such as 1m, 5m, 2h, of at most 7 days'),
    'must be a list of durations',
  )
  .max(24, 'must hold at most 24 retries')
  .nullable()
  .meta({
    description:
      'Times of the retries, counted from the first attempt, e.g. ["1m","5m","30m","2h","12h"]; null: the platform’s schedule.',
  });

/** The address as the guard writes it, so that two spellings of one address are one endpoint. */
function checkedUrl(given: string, services: Services): string {
  const checked = services.guard.checkUrl(given);
  if (!checked.ok) throw invalidRequest('The webhook address is refused.', { field: 'url', reason: checked.reason });
  return checked.url.href;
}

interface NewSecret {
  secretId: string;
  secret: string;
  ciphertext: Buffer;
}

function newSecret(services: Services): NewSecret {
  const secret = generateSigningSecret();
  const secretId = randomUUID();
  return { secretId, secret, ciphertext: services.encryption.encrypt(secret, `webhook_secret:${secretId}`) };
}

export const listWebhooks = operation({
  id: 'webhooks.list',
  summary: 'List webhook subscriptions',
  description: 'All webhook endpoints of the calling organization.',
  scope: 'webhooks.read',
  kind: 'read',
  input: z.strictObject({}),
  statement: ({ shape, contract }) => statement`
    select json_build_object('data', coalesce(json_agg(${sql.raw(shape('webhook'))}(row) order by row.created_at desc, row.id desc), '[]'))::text as body
      from app.webhook_endpoints as row where row.deleted_at is null and row.contract = ${contract}`,
});

export const getWebhook = operation({
  id: 'webhooks.get',
  summary: 'Fetch a webhook subscription',
  description: 'The signing secret itself is never returned, only its public prefix.',
  scope: 'webhooks.read',
  kind: 'read',
  input: z.strictObject({ id }),
  missing,
  statement: ({ input, shape, contract }) => statement`
    select ${sql.raw(shape('webhook'))}(row)::text as body
      from app.webhook_endpoints as row where row.id = ${input.id}::uuid and row.deleted_at is null and row.contract = ${contract}`,
});

const registration = (reach: Reach) =>
  operation({
    id: 'webhooks.create',
    summary: 'Register a webhook endpoint',
    description:
      'The signing secret is returned once. A URL that is registered already answers 200 with the existing endpoint and no secret; one that was deleted less than 24 hours ago resumes with what it missed.',
    scope: 'webhooks.admin',
    kind: 'write',
    input: z.strictObject({
      url,
      events,
      description: description.optional(),
      retry_schedule: retrySchedule.optional(),
    }),
    prepare: (input, services) => ({ ...newSecret(services), url: checkedUrl(input.url, services) }),
    statement: ({ input, local, shape, contract }) => statement`
    select case when made.created then ${sql.raw(shape('webhook_created'))}(made.endpoint, ${secretPrefix(local.secret)}) else ${sql.raw(shape('webhook'))}(made.endpoint) end::text as body,
           case when made.created then 201 else 200 end as status
      from app.register_webhook(${contract}, ${local.url}, ${input.events}::text[], ${input.description ?? null},
                                ${input.retry_schedule ?? null}::interval[], ${local.secretId}::uuid, ${local.ciphertext},
                                ${secretPrefix(local.secret)}, ${reach}) as made`,
    finish: (body, local, row: ResultRow) =>
      row.status === 201 ? JSON.stringify({ ...JSON.parse(body), signing_secret: local.secret, _warning: SAVE }) : body,
  });

export const createWebhook = registration('organization');
/** An endpoint for the events of every business of a workspace: the operator's to give, so no route has it. */
export const createWorkspaceWebhook = registration('workspace');

export const updateWebhook = operation({
  id: 'webhooks.update',
  summary: 'Update a webhook',
  description: 'Address, events, description, retry schedule, or whether it is enabled.',
  scope: 'webhooks.admin',
  kind: 'write',
  input: z.strictObject({
    id,
    url: url.optional(),
    events: events.optional(),
    description: description.optional(),
    enabled: z
      .boolean('must be true or false')
      .meta({ description: 'false pauses deliveries; their events are kept and can be recovered.' })
      .optional(),
    retry_schedule: retrySchedule.optional(),
  }),
  prepare: (input, services) => {
    const { id: _id, ...changes } = input;
    if (Object.keys(changes).length === 0) {
      throw invalidRequest('Nothing to update.', {
        reason: 'give at least one of url, events, description, enabled, retry_schedule',
      });
    }
    return { ...changes, ...(changes.url !== undefined && { url: checkedUrl(changes.url, services) }) };
  },
  missing,
  statement: ({ input, local, shape }) => statement`
    select ${sql.raw(shape('webhook'))}(row)::text as body from app.update_webhook(${input.id}::uuid, ${JSON.stringify(local)}::jsonb) as row`,
});

export const deleteWebhook = operation({
  id: 'webhooks.delete',
  summary: 'Delete a webhook',
  description:
    'Stops sending at once. What it had not received is kept for 24 hours, and sent if the same URL registers again.',
  scope: 'webhooks.admin',
  kind: 'write',
  input: z.strictObject({ id }),
  missing,
  statement: ({ input }) =>
    statement`select json_build_object('id', app.delete_webhook(${input.id}::uuid), 'deleted', true)::text as body`,
});

export const rotateWebhookSecret = operation({
  id: 'webhooks.rotate_secret',
  summary: 'Rotate the signing secret',
  description: 'Returns a new secret. The previous secret remains valid for 24 hours: deliveries are signed with both.',
  scope: 'webhooks.admin',
  kind: 'write',
  input: z.strictObject({ id }),
  prepare: (_input, services) => newSecret(services),
  missing,
  statement: ({ input, local }) => statement`
    select json_build_object('id', row.id, 'url', row.url, 'signing_secret_prefix', ${secretPrefix(local.secret)}::text)::text as body
      from app.rotate_webhook_secret(${input.id}::uuid, ${local.secretId}::uuid, ${local.ciphertext}, ${secretPrefix(local.secret)}) as row`,
  finish: (body, local) =>
    JSON.stringify({
      ...JSON.parse(body),
      signing_secret: local.secret,
      _warning: `${SAVE} The previous secret remains valid for 24 hours.`,
    }),
});

const DELIVERY_STATUS = ['delivered', 'failed', 'dead_letter'] as const;

/** Of an endpoint that is not there, there is no list either. */
const deliveriesPage = template((given, value, shape) => {
  const attempts = db
    .selectFrom('app.delivery_attempts as row')
    .where('row.organization_id', '=', value('organization'))
    .where('row.endpoint_id', '=', value('id'))
    .$if(given('status'), (q) => q.where('row.status', '=', value('status')))
    .$if(given('event'), (q) => q.where('row.event_type', '=', value('event')))
    .$if(given('start_at'), (q) => q.where('row.attempted_at', '>=', sql<Date>`${value('start_at')}::timestamptz`))
    .$if(given('end_at'), (q) => q.where('row.attempted_at', '<=', sql<Date>`${value('end_at')}::timestamptz`));
  return raw`
    select (${keysetPage(attempts, { ...pageParameters(given, value), shape, time: 'attempted_at' })}) as body
      from app.webhook_endpoints as e
     where e.id = ${value('id')}::uuid and e.deleted_at is null and e.contract = ${value('contract')}`;
});

export const listDeliveries = operation({
  id: 'webhooks.deliveries.list',
  summary: 'Recent deliveries',
  description: 'Delivery attempts, newest first: the last 100, and more by cursor. Filter by status, event and time.',
  scope: 'webhooks.read',
  kind: 'read',
  input: z.strictObject({
    id,
    limit: pageSize.default(100),
    cursor: cursor.optional(),
    status: z
      .enum(DELIVERY_STATUS, `must be one of ${DELIVERY_STATUS.join(', ')}`)
      .meta({ description: 'failed: another attempt follows; dead_letter: none does.' })
      .optional(),
    event: text(100).meta({ description: 'Event name.' }).optional(),
    ...period,
  }),
  missing,
  statement({ input, shape, contract, actor }) {
    checkPeriod(input);
    return deliveriesPage({ ...pageValues(input), organization: actor.organizationId, contract }, shape('delivery'));
  },
});

const deliveryId = prefixedId('whd').meta({ description: 'Id of the attempt: `whd_` and 26 characters.' });

export const getDelivery = operation({
  id: 'webhooks.deliveries.get',
  summary: 'Fetch a delivery attempt',
  description: 'One attempt with the receiver’s answer (first 4 KB), the error, and when it is tried again.',
  scope: 'webhooks.read',
  kind: 'read',
  input: z.strictObject({ id, delivery_id: deliveryId }),
  missing: 'No such delivery.',
  statement: ({ input, shape, contract }) => statement`
    select ${sql.raw(shape('delivery_detail'))}(row)::text as body
      from app.delivery_attempts as row
      join app.webhook_endpoints as e on e.organization_id = row.organization_id and e.id = row.endpoint_id
     where row.id = app.typeid_uuid('whd', ${input.delivery_id}) and row.endpoint_id = ${input.id}::uuid
       and e.deleted_at is null and e.contract = ${contract}`,
});

export const retryDelivery = operation({
  id: 'webhooks.deliveries.retry',
  summary: 'Retry a delivery',
  description: 'Sends the event of this attempt again now, whatever became of it; the retry schedule starts anew.',
  scope: 'webhooks.admin',
  kind: 'write',
  input: z.strictObject({ id, delivery_id: deliveryId }),
  missing: 'No such delivery.',
  statement: ({ input }) => statement`
    select json_build_object('id', ${input.delivery_id}::text, 'status', (app.retry_delivery(${input.id}::uuid,
             coalesce(app.typeid_uuid('whd', ${input.delivery_id}), '00000000-0000-0000-0000-000000000000'))).state)::text as body`,
});

export const testWebhook = operation({
  id: 'webhooks.test',
  summary: 'Send a test event',
  description:
    'Sends the newest such resource of the organization, or a sample, as an event of a subscribed type (default: the first).',
  scope: 'webhooks.admin',
  kind: 'write',
  input: z.strictObject({
    id,
    event: text(100).meta({ description: 'A subscribed event; without it, the first.' }).optional(),
  }),
  missing,
  statement: ({ input }) => statement`
    select json_build_object('event_id', row.public_id, 'event', row.type, 'status', 'pending')::text as body
      from app.test_webhook(${input.id}::uuid, ${input.event ?? null}) as row`,
});

export const recoverWebhook = operation({
  id: 'webhooks.recover',
  summary: 'Recover undelivered events',
  description:
    'Sends again everything the endpoint did not receive since a time: dead letters, and what was kept while it was disabled.',
  scope: 'webhooks.admin',
  kind: 'write',
  input: z.strictObject({ id, since: timestamp.meta({ description: 'From when on (ISO 8601).' }) }),
  missing,
  statement: ({ input }) =>
    statement`select json_build_object('id', ${input.id}::uuid, 'recovered', app.recover_webhook(${input.id}::uuid, ${input.since}::timestamptz))::text as body`,
});
