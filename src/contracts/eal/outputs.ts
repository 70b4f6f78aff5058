import { z } from 'zod';
import { at, eventId, id, list, nullable, score, stage, typeId } from './shapes.ts';

// The answers of the contract, field by field as its document prints them. The `id` of each is its name in the OpenAPI document.

export const leadSummary = z
  .strictObject({
    id,
    organization_id: id,
    name: nullable,
    company: nullable,
    email: nullable,
    source: nullable,
    lead_score: score,
    pipeline_stage: stage,
    industry: nullable,
    company_size: nullable,
    created_at: at,
    updated_at: at,
  })
  .meta({ id: 'LeadSummary', description: 'A lead, as lists show it.' });
export const leadList = list('LeadList', leadSummary);
export const lead = z
  .strictObject({
    ...leadSummary.omit({ created_at: true, updated_at: true }).shape,
    pain_points: nullable,
    timeline: nullable,
    budget_range: nullable,
    ai_reasoning: nullable,
    qualification_completed_at: at.nullable(),
    created_at: at,
    updated_at: at,
  })
  .meta({ id: 'Lead', description: 'A lead in full.' });
export const leadPatched = leadSummary
  .omit({ industry: true, company_size: true, created_at: true })
  .meta({ id: 'LeadPatched', description: 'A lead, as its update answers.' });

export const leadScored = z
  .strictObject({
    id,
    lead_score: score,
    ai_reasoning: z.string().meta({ description: 'The rules that spoke, with what each brought, heaviest first.' }),
    scored_at: at,
  })
  .meta({ id: 'LeadScored' });

export const leadPushed = z
  .strictObject({
    id,
    crm_sync: z.strictObject({
      vendor: z.string().meta({ description: 'The CRM: jobnimbus, hubspot, http-crm.' }),
      external_id: nullable.meta({ description: 'Id of the contact there; null until it is made.' }),
      status: z.enum(['pending', 'ok', 'failed']),
      last_synced_at: at.nullable().meta({ description: 'When the CRM last took it.' }),
      last_error: z.string().optional().meta({ description: 'Only when it failed: why.' }),
    }),
  })
  .meta({ id: 'LeadPushed' });

const settings = z.record(z.string(), z.unknown()).meta({
  description: '`timezone` (IANA), `default_locale` (BCP 47), `integrations` (on or off by name).',
});
export const organization = z
  .strictObject({
    id,
    name: z.string(),
    industry: nullable,
    parent_organization_id: id.nullable(),
    settings,
    created_at: at,
  })
  .meta({ id: 'Organization', description: 'A tenant.' });
const grantScope = z.enum(['leads.read', 'calls.read', 'audit_log.read']);
const childOrganization = z
  .strictObject({ id, name: z.string(), industry: nullable, grants: z.array(grantScope) })
  .meta({ id: 'ChildOrganization', description: 'A child, with what its grants in force let the parent read.' });
export const organizationList = list('OrganizationList', childOrganization);
export const organizationCreated = z
  .strictObject({
    id,
    name: z.string(),
    parent_organization_id: id,
    invite_url: z.url().meta({ description: 'Link for the first administrator; works once.' }),
    invite_expires_at: at,
    created_at: at,
  })
  .meta({ id: 'OrganizationCreated' });
export const organizationPatched = z.strictObject({ id, settings, updated_at: at }).meta({ id: 'OrganizationPatched' });
export const grant = z
  .strictObject({
    grant_id: id,
    parent_organization_id: id,
    scopes: z.array(grantScope),
    created_at: at,
    expires_at: at.nullable(),
  })
  .meta({ id: 'Grant', description: 'What a child lets its parent read.' });
export const grantRevoked = z.strictObject({ grant_id: id, revoked: z.literal(true) }).meta({ id: 'GrantRevoked' });

export const auditEntry = z
  .strictObject({
    id,
    organization_id: id,
    action: z.string(),
    source: z.enum(['api', 'cron', 'n8n', 'worker', 'system']),
    correlation_id: z.string().meta({ description: 'X-Request-Id of the request that made the change.' }),
    payload: z
      .record(z.string(), z.unknown())
      .meta({ description: 'What changed: the id of the resource, `diff` per field (`from`, `to`), the key.' }),
    created_at: at,
  })
  .meta({ id: 'AuditEntry', description: 'One change. Never altered, never deleted for 7 years.' });
export const auditList = list('AuditEntryList', auditEntry);

const webhookBase = {
  id,
  url: z.url(),
  events: z.array(z.string()),
  description: nullable,
  signing_secret_prefix: z.string().meta({ description: 'Its first characters, to recognise it by.' }),
  enabled: z.boolean(),
  created_at: at,
};
const secret = z.string().meta({ description: 'Shown in this answer only.' });
export const webhook = z
  .strictObject({
    ...webhookBase,
    last_delivery_at: at.nullable(),
    last_delivery_status: z.int().nullable(),
    retry_schedule: z
      .array(z.string())
      .optional()
      .meta({ description: 'Only where the endpoint has a schedule of its own.' }),
  })
  .meta({ id: 'Webhook', description: 'A subscription.' });
export const webhookList = z.strictObject({ data: z.array(webhook) }).meta({ id: 'WebhookList' });
export const webhookCreated = z
  .strictObject({ ...webhookBase, signing_secret: secret, _warning: z.string() })
  .meta({ id: 'WebhookCreated', description: 'A new subscription, with its signing secret.' });
export const webhookDeleted = z.strictObject({ id, deleted: z.literal(true) }).meta({ id: 'WebhookDeleted' });
export const secretRotated = z
  .strictObject({
    id,
    url: z.url(),
    signing_secret_prefix: z.string(),
    signing_secret: secret,
    _warning: z.string(),
  })
  .meta({ id: 'WebhookSecretRotated' });
export const delivery = z
  .strictObject({
    id: typeId('whd'),
    event: z.string(),
    status: z.enum(['delivered', 'failed', 'dead_letter']),
    response_status: z.int().nullable().meta({ description: 'null: there was no answer.' }),
    latency_ms: z.int(),
    attempt: z.int().min(1),
    delivered_at: at.meta({ description: 'When the attempt was made.' }),
  })
  .meta({ id: 'Delivery', description: 'One attempt.' });
export const deliveryList = list('DeliveryList', delivery);
export const deliveryDetail = z
  .strictObject({
    ...delivery.shape,
    event_id: eventId,
    next_attempt_at: at.nullable(),
    error: nullable,
    response_body: nullable.meta({ description: 'First 4 KB of the answer.' }),
  })
  .meta({ id: 'DeliveryDetail', description: 'One attempt, with what came back.' });
export const deliveryRetried = z
  .strictObject({ id: typeId('whd'), status: z.literal('pending') })
  .meta({ id: 'DeliveryRetried' });
export const testSent = z
  .strictObject({ event_id: eventId, event: z.string(), status: z.literal('pending') })
  .meta({ id: 'WebhookTestSent' });
export const recovered = z
  .strictObject({ id, recovered: z.int().min(0).meta({ description: 'Deliveries that are sent again.' }) })
  .meta({ id: 'WebhookRecovered' });

export const apiKey = z
  .strictObject({
    id,
    name: z.string(),
    key_prefix: z.string(),
    environment: z.enum(['live', 'test']),
    scopes: z.array(z.string()),
    last_used_at: at.nullable(),
    expires_at: at.nullable(),
    revoked_at: at.nullable(),
    created_at: at,
  })
  .meta({ id: 'ApiKey', description: 'A key, without what it would take to use it.' });
export const apiKeyList = list('ApiKeyList', apiKey);
export const apiKeyCreated = z
  .strictObject({
    ...apiKey.shape,
    key: z.string().meta({ description: 'Shown in this answer only.' }),
    _warning: z.string(),
  })
  .meta({ id: 'ApiKeyCreated', description: 'A new key.' });
export const apiKeyRevoked = z.strictObject({ id, revoked: z.literal(true) }).meta({ id: 'ApiKeyRevoked' });

export const health = z
  .strictObject({
    status: z.literal('ok'),
    version: z.literal('v1'),
    tenant_id: id.optional(),
    environment: z.enum(['live', 'test']).optional(),
    scopes: z.array(z.string()).optional(),
    timestamp: at,
  })
  .meta({ id: 'Health', description: 'Without a key: status, version and timestamp only.' });

export const error = z
  .strictObject({
    error: z.strictObject({
      code: z.string().meta({ description: 'Stable; what programs look at.' }),
      message: z.string().meta({ description: 'One sentence for people.' }),
      details: z.strictObject({
        field: z.string().optional().meta({ description: 'Which field, parameter or header.' }),
        reason: z.string().optional().meta({ description: 'What is wrong with it.' }),
      }),
    }),
  })
  .meta({ id: 'Error' });

const event = { id: eventId, created_at: at, organization_id: id };
export const leadEvent = z
  .strictObject({ ...event, type: z.enum(['lead.created', 'lead.updated']), data: lead })
  .meta({ id: 'LeadEvent', description: 'A lead as the change left it.' });
export const auditEvent = z
  .strictObject({ ...event, type: z.literal('audit.log.event'), data: auditEntry })
  .meta({ id: 'AuditEvent', description: 'An entry of the audit log.' });
export const otherEvent = z
  .strictObject({ ...event, type: z.string(), data: z.record(z.string(), z.unknown()) })
  .meta({ id: 'Event', description: 'The resource as its GET returns it.' });
