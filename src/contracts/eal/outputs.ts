import { z } from 'zod';

// The answers of the contract, field by field as its document prints them.

const id = z.uuid();
const at = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/)
  .meta({ format: 'date-time' });
const score = z.int().min(0).max(100);
const stage = z.enum(['new', 'contacted', 'replied', 'qualified', 'won', 'lost']);
const nullable = z.string().nullable();

const list = <T extends z.ZodType>(item: T) =>
  z.strictObject({
    data: z.array(item),
    next_cursor: z.string().nullable().meta({ description: 'Pass it as cursor for the next page; null on the last.' }),
  });

export const leadSummary = z.strictObject({
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
});
export const leadList = list(leadSummary);
export const lead = z.strictObject({
  ...leadSummary.shape,
  pain_points: nullable,
  timeline: nullable,
  budget_range: nullable,
  ai_reasoning: nullable,
  qualification_completed_at: at.nullable(),
});
export const leadPatched = leadSummary.omit({ industry: true, company_size: true, created_at: true });

const settings = z.record(z.string(), z.unknown());
export const organization = z.strictObject({
  id,
  name: z.string(),
  industry: nullable,
  parent_organization_id: id.nullable(),
  settings,
  created_at: at,
});
const grantScope = z.enum(['leads.read', 'calls.read', 'audit_log.read']);
export const organizationList = list(
  z.strictObject({ id, name: z.string(), industry: nullable, grants: z.array(grantScope) }),
);
export const organizationCreated = z.strictObject({
  id,
  name: z.string(),
  parent_organization_id: id,
  invite_url: z.url(),
  invite_expires_at: at,
  created_at: at,
});
export const organizationPatched = z.strictObject({ id, settings, updated_at: at });
export const grant = z.strictObject({
  grant_id: id,
  parent_organization_id: id,
  scopes: z.array(grantScope),
  created_at: at,
  expires_at: at.nullable(),
});
export const grantRevoked = z.strictObject({ grant_id: id, revoked: z.literal(true) });

export const auditEntry = z.strictObject({
  id,
  organization_id: id,
  action: z.string(),
  source: z.enum(['api', 'cron', 'n8n', 'worker', 'system']),
  correlation_id: z.string(),
  payload: z.record(z.string(), z.unknown()),
  created_at: at,
});
export const auditList = list(auditEntry);

const webhookBase = {
  id,
  url: z.url(),
  events: z.array(z.string()),
  description: nullable,
  signing_secret_prefix: z.string(),
  enabled: z.boolean(),
  created_at: at,
};
export const webhook = z.strictObject({
  ...webhookBase,
  last_delivery_at: at.nullable(),
  last_delivery_status: z.int().nullable(),
  retry_schedule: z.array(z.string()).optional(),
});
export const webhookList = z.strictObject({ data: z.array(webhook) });
export const webhookCreated = z.strictObject({ ...webhookBase, signing_secret: z.string(), _warning: z.string() });
export const webhookDeleted = z.strictObject({ id, deleted: z.literal(true) });
export const secretRotated = z.strictObject({
  id,
  url: z.url(),
  signing_secret_prefix: z.string(),
  signing_secret: z.string(),
  _warning: z.string(),
});
export const delivery = z.strictObject({
  id: z.string().regex(/^whd_/),
  event: z.string(),
  status: z.enum(['delivered', 'failed', 'dead_letter']),
  response_status: z.int().nullable(),
  latency_ms: z.int(),
  attempt: z.int().min(1),
  delivered_at: at,
});
export const deliveryList = list(delivery);
export const deliveryDetail = z.strictObject({
  ...delivery.shape,
  event_id: z.string().regex(/^evt_[0-9a-f]{16}$/),
  next_attempt_at: at.nullable(),
  error: nullable,
  response_body: nullable,
});
export const deliveryRetried = z.strictObject({ id: z.string(), status: z.literal('pending') });
export const testSent = z.strictObject({ event_id: z.string(), event: z.string(), status: z.literal('pending') });
export const recovered = z.strictObject({ id, recovered: z.int().min(0) });

export const apiKey = z.strictObject({
  id,
  name: z.string(),
  key_prefix: z.string(),
  environment: z.enum(['live', 'test']),
  scopes: z.array(z.string()),
  last_used_at: at.nullable(),
  expires_at: at.nullable(),
  revoked_at: at.nullable(),
  created_at: at,
});
export const apiKeyList = list(apiKey);
export const apiKeyCreated = z.strictObject({ ...apiKey.shape, key: z.string(), _warning: z.string() });
export const apiKeyRevoked = z.strictObject({ id, revoked: z.literal(true) });

export const health = z.strictObject({
  status: z.literal('ok'),
  version: z.literal('v1'),
  tenant_id: id.optional(),
  environment: z.enum(['live', 'test']).optional(),
  scopes: z.array(z.string()).optional(),
  timestamp: at,
});

export const error = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    message: z.string(),
    details: z.strictObject({ field: z.string().optional(), reason: z.string().optional() }),
  }),
});
