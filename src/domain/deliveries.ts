import { sql } from 'kysely';
import { z } from 'zod';
import { db } from '../database/kysely.ts';
import { keysetPage, raw, statement } from '../database/page.ts';
import { template } from '../database/template.ts';
import { operation } from '../operations/operation.ts';
import {
  checkPeriod,
  cursor,
  pageParameters,
  pageSize,
  pageValues,
  period,
  prefixedId,
  text,
  timestamp,
} from './fields.ts';
import { missing, webhookId } from './webhooks.ts';

// What was sent to an endpoint, and sending it again.

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
    id: webhookId,
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
  input: z.strictObject({ id: webhookId, delivery_id: deliveryId }),
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
  input: z.strictObject({ id: webhookId, delivery_id: deliveryId }),
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
    id: webhookId,
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
  input: z.strictObject({ id: webhookId, since: timestamp.meta({ description: 'From when on (ISO 8601).' }) }),
  missing,
  statement: ({ input }) =>
    statement`select json_build_object('id', ${input.id}::uuid, 'recovered', app.recover_webhook(${input.id}::uuid, ${input.since}::timestamptz))::text as body`,
});
