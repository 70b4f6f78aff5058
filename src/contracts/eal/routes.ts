import * as audit from '../../domain/audit-log.ts';
import * as crm from '../../domain/crm.ts';
import * as deliveries from '../../domain/deliveries.ts';
import { getHealth } from '../../domain/health.ts';
import * as keys from '../../domain/keys.ts';
import * as leads from '../../domain/leads.ts';
import * as organizations from '../../domain/organizations.ts';
import * as webhooks from '../../domain/webhooks.ts';
import type { Route } from '../contract.ts';
import { callRoutes } from './calls.ts';
import { connectorRoutes } from './connectors.ts';
import { dispatchSettingsRoutes } from './dispatch-settings.ts';
import { examples } from './examples.ts';
import { leadActionRoutes } from './lead-action-routes.ts';
import * as output from './outputs.ts';

/** Every endpoint of Expert AI Labs, with the operation behind it. */
export const routes: Route[] = [
  {
    method: 'GET',
    path: '/leads',
    operation: leads.listLeads,
    tag: 'Leads',
    output: output.leadList,
    example: examples.leadList,
  },
  {
    method: 'POST',
    path: '/leads',
    operation: leads.createLead,
    tag: 'Leads',
    status: 201,
    output: output.leadSummary,
    example: examples.leadCreate,
  },
  // before /leads/{id}, which would take their names for ids
  ...leadActionRoutes,

  {
    method: 'GET',
    path: '/leads/{id}',
    operation: leads.getLead,
    tag: 'Leads',
    single: true,
    output: output.lead,
    example: examples.lead,
  },
  {
    method: 'PATCH',
    path: '/leads/{id}',
    operation: leads.updateLead,
    tag: 'Leads',
    output: output.leadPatched,
    example: examples.leadPatch,
  },

  {
    method: 'POST',
    path: '/leads/{id}/score',
    operation: leads.scoreLead,
    tag: 'Leads',
    output: output.leadScored,
    example: examples.leadScore,
  },
  {
    method: 'POST',
    path: '/leads/{id}/push-to-crm',
    operation: crm.pushLeadToCrm,
    tag: 'Leads',
    output: output.leadPushed,
    example: examples.leadPush,
  },

  ...callRoutes,

  {
    method: 'GET',
    path: '/health',
    operation: getHealth,
    tag: 'Health',
    output: output.health,
    example: examples.health,
  },

  {
    method: 'GET',
    path: '/organizations/me',
    operation: organizations.getOwnOrganization,
    tag: 'Organizations',
    single: true,
    output: output.organization,
    example: examples.organization,
  },
  ...dispatchSettingsRoutes,
  {
    method: 'GET',
    path: '/organizations',
    operation: organizations.listChildOrganizations,
    tag: 'Organizations',
    output: output.organizationList,
    example: examples.organizationList,
  },
  {
    method: 'POST',
    path: '/organizations',
    operation: organizations.createChildOrganization,
    tag: 'Organizations',
    status: 201,
    output: output.organizationCreated,
    example: examples.organizationCreate,
  },
  {
    method: 'PATCH',
    path: '/organizations/{id}',
    operation: organizations.updateOrganization,
    tag: 'Organizations',
    output: output.organizationPatched,
    example: examples.organizationPatch,
  },
  {
    method: 'POST',
    path: '/organizations/{id}/grants',
    operation: organizations.createGrant,
    tag: 'Organizations',
    status: 201,
    output: output.grant,
    example: examples.grant,
  },
  {
    method: 'DELETE',
    path: '/organizations/{id}/grants/{grant_id}',
    operation: organizations.revokeGrant,
    tag: 'Organizations',
    output: output.grantRevoked,
    example: examples.grantRevoke,
  },

  {
    method: 'GET',
    path: '/audit-log',
    operation: audit.listAuditLog,
    tag: 'Audit log',
    output: output.auditList,
    example: examples.auditList,
  },
  {
    method: 'GET',
    path: '/audit-log/export.csv',
    operation: audit.exportAuditLog,
    tag: 'Audit log',
    example: examples.auditExport,
  },
  {
    method: 'GET',
    path: '/audit-log/{id}',
    operation: audit.getAuditEntry,
    tag: 'Audit log',
    single: true,
    output: output.auditEntry,
    example: examples.auditEntry,
  },

  {
    method: 'GET',
    path: '/webhooks',
    operation: webhooks.listWebhooks,
    tag: 'Webhooks',
    output: output.webhookList,
    example: examples.webhookList,
  },
  {
    method: 'POST',
    path: '/webhooks',
    operation: webhooks.createWebhook,
    tag: 'Webhooks',
    status: 201,
    output: output.webhookCreated,
    example: examples.webhookCreate,
    existing: {
      description: 'The URL is registered already: the endpoint as it is, without a secret.',
      output: output.webhook,
      example: examples.webhook.response,
    },
  },
  {
    method: 'GET',
    path: '/webhooks/{id}',
    operation: webhooks.getWebhook,
    tag: 'Webhooks',
    single: true,
    output: output.webhook,
    example: examples.webhook,
  },
  {
    method: 'PATCH',
    path: '/webhooks/{id}',
    operation: webhooks.updateWebhook,
    tag: 'Webhooks',
    output: output.webhook,
    example: examples.webhookPatch,
    // a URL can only be registered once
    conflicts: true,
  },
  {
    method: 'DELETE',
    path: '/webhooks/{id}',
    operation: webhooks.deleteWebhook,
    tag: 'Webhooks',
    output: output.webhookDeleted,
    example: examples.webhookDelete,
  },
  {
    method: 'POST',
    path: '/webhooks/{id}/rotate-secret',
    operation: webhooks.rotateWebhookSecret,
    tag: 'Webhooks',
    output: output.secretRotated,
    example: examples.secretRotate,
  },
  {
    method: 'POST',
    path: '/webhooks/{id}/test',
    operation: deliveries.testWebhook,
    tag: 'Webhooks',
    status: 202,
    output: output.testSent,
    example: examples.webhookTest,
  },
  {
    method: 'POST',
    path: '/webhooks/{id}/recover',
    operation: deliveries.recoverWebhook,
    tag: 'Webhooks',
    status: 202,
    output: output.recovered,
    example: examples.webhookRecover,
  },
  {
    method: 'GET',
    path: '/webhooks/{id}/deliveries',
    operation: deliveries.listDeliveries,
    tag: 'Webhooks',
    output: output.deliveryList,
    example: examples.deliveryList,
  },
  {
    method: 'GET',
    path: '/webhooks/{id}/deliveries/{delivery_id}',
    operation: deliveries.getDelivery,
    tag: 'Webhooks',
    output: output.deliveryDetail,
    example: examples.delivery,
  },
  {
    method: 'POST',
    path: '/webhooks/{id}/deliveries/{delivery_id}/retry',
    operation: deliveries.retryDelivery,
    tag: 'Webhooks',
    status: 202,
    output: output.deliveryRetried,
    example: examples.deliveryRetry,
  },

  ...connectorRoutes,

  {
    method: 'GET',
    path: '/api-keys',
    operation: keys.listKeys,
    tag: 'API keys',
    output: output.apiKeyList,
    example: examples.keyList,
  },
  {
    method: 'POST',
    path: '/api-keys',
    operation: keys.createKey,
    tag: 'API keys',
    status: 201,
    output: output.apiKeyCreated,
    example: examples.keyCreate,
  },
  {
    method: 'POST',
    path: '/api-keys/{id}/rotate',
    operation: keys.rotateKey,
    tag: 'API keys',
    status: 201,
    output: output.apiKeyCreated,
    example: examples.keyRotate,
  },
  {
    method: 'DELETE',
    path: '/api-keys/{id}',
    operation: keys.revokeKey,
    tag: 'API keys',
    output: output.apiKeyRevoked,
    example: examples.keyRevoke,
  },
];
