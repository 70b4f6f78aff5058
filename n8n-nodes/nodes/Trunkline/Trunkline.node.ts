import {
  type IExecuteFunctions,
  type INodeExecutionData,
  type INodeType,
  type INodeTypeDescription,
  type JsonObject,
  NodeApiError,
  NodeConnectionTypes,
  NodeOperationError,
} from 'n8n-workflow';
import { trunklineApiTest } from './credentialTest';
import type { Endpoint } from './endpoint';
import { wholeMessage } from './errors';
import { auditLogEndpoints } from './generated/auditLog';
import { callEndpoints } from './generated/call';
import { leadEndpoints } from './generated/lead';
import { organizationEndpoints } from './generated/organization';
import { webhookEndpoints } from './generated/webhook';
import { getCalls, getLeads, getWebhooks } from './listSearch';
import { getChildOrganizations, getEvents, getSources, getStages } from './loadOptions';
import { perform } from './perform';
import { auditLogProperties } from './resources/auditLog';
import { callProperties } from './resources/call';
import { leadProperties } from './resources/lead';
import { organizationProperties } from './resources/organization';
import { webhookProperties } from './resources/webhook';

const ENDPOINTS: Record<string, Record<string, Endpoint>> = {
  auditLog: auditLogEndpoints,
  call: callEndpoints,
  lead: leadEndpoints,
  organization: organizationEndpoints,
  webhook: webhookEndpoints,
};

export class Trunkline implements INodeType {
  description: INodeTypeDescription = {
    displayName: 'Trunkline',
    name: 'trunkline',
    icon: { light: 'file:../../icons/trunkline.svg', dark: 'file:../../icons/trunkline.dark.svg' },
    group: ['transform'],
    version: 1,
    subtitle: '={{ $parameter["operation"] + ": " + $parameter["resource"] }}',
    description: 'Work with leads, calls, webhooks and the audit log of Trunkline',
    defaults: { name: 'Trunkline' },
    inputs: [NodeConnectionTypes.Main],
    outputs: [NodeConnectionTypes.Main],
    usableAsTool: true,
    credentials: [{ name: 'trunklineApi', required: true, testedBy: 'trunklineApiTest' }],
    properties: [
      {
        displayName: 'Resource',
        name: 'resource',
        type: 'options',
        noDataExpression: true,
        options: [
          { name: 'Audit Log', value: 'auditLog' },
          { name: 'Call', value: 'call' },
          { name: 'Lead', value: 'lead' },
          { name: 'Organization', value: 'organization' },
          { name: 'Webhook', value: 'webhook' },
        ],
        default: 'lead',
      },
      ...auditLogProperties,
      ...callProperties,
      ...leadProperties,
      ...organizationProperties,
      ...webhookProperties,
    ],
  };

  methods = {
    credentialTest: { trunklineApiTest },
    listSearch: { getLeads, getCalls, getWebhooks },
    loadOptions: { getStages, getSources, getEvents, getChildOrganizations },
  };

  async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
    const items = this.getInputData();
    const results: INodeExecutionData[] = [];
    for (let item = 0; item < items.length; item++) {
      try {
        const resource = this.getNodeParameter('resource', item) as string;
        const operation = this.getNodeParameter('operation', item) as string;
        const endpoint = ENDPOINTS[resource]?.[operation];
        if (!endpoint) {
          throw new NodeOperationError(this.getNode(), `There is no operation ${operation} of ${resource}`, {
            description: 'Choose a resource and an operation from the lists.',
            itemIndex: item,
          });
        }
        results.push(...(await perform(this, { resource, operation, endpoint }, item)));
      } catch (error) {
        if (!this.continueOnFail()) {
          // an error that is one of n8n's already stays as it is
          if (error instanceof NodeOperationError) throw new NodeOperationError(this.getNode(), error);
          throw new NodeApiError(this.getNode(), error as JsonObject, { itemIndex: item });
        }
        const { message } = error as Error;
        // with these fields and no others n8n sends an item to the error output
        results.push({ json: { error: message, message: wholeMessage(error as Error) }, pairedItem: { item } });
      }
    }
    return [results];
  }
}
