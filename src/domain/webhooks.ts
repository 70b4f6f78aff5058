import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { z } from 'zod';
import { statement } from '../database/page.ts';
import { invalidRequest } from '../errors.ts';
import type { Reach } from '../operations/actor.ts';
import { operation, type ResultRow, type Services } from '../operations/operation.ts';
import { generateSigningSecret, secretPrefix } from '../webhooks/signing.ts';
import { pathId } from './fields.ts';

const SAVE = 'Save this signing_secret now. It will not be shown again.';
export const missing = 'No such webhook.';
export const webhookId = pathId.meta({ description: 'Id of the webhook.' });

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
  input: z.strictObject({ id: webhookId }),
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
    id: webhookId,
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
  input: z.strictObject({ id: webhookId }),
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
  input: z.strictObject({ id: webhookId }),
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
