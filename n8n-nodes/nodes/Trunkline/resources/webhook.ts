import type { INodeProperties } from 'n8n-workflow';
import { webhookFields } from '../generated/webhook';
import { paging } from './shared';

const resource = ['webhook'];

export const webhookProperties: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource } },
    options: [
      {
        name: 'Create',
        value: 'create',
        description: 'Create a new webhook; its signing secret is in the output, this once',
        action: 'Create a webhook',
      },
      {
        name: 'Delete',
        value: 'delete',
        description: 'Delete a webhook: nothing is sent to it any more',
        action: 'Delete a webhook',
      },
      { name: 'Get', value: 'get', description: 'Get a webhook', action: 'Get a webhook' },
      { name: 'Get Many', value: 'getAll', description: 'List webhooks, newest first', action: 'Get many webhooks' },
      {
        name: 'List Deliveries',
        value: 'listDeliveries',
        description: 'List what was sent to a webhook, and how it answered',
        action: 'List deliveries of a webhook',
      },
      {
        name: 'Recover',
        value: 'recover',
        description: 'Send again everything that a webhook did not receive since a time',
        action: 'Recover a webhook',
      },
      {
        name: 'Retry Delivery',
        value: 'retryDelivery',
        description: 'Send the event of a delivery again now',
        action: 'Retry a delivery of a webhook',
      },
      {
        name: 'Rotate Secret',
        value: 'rotateSecret',
        description: 'Get a new signing secret for a webhook; the one before holds for 24 hours more',
        action: 'Rotate the secret of a webhook',
      },
      { name: 'Update', value: 'update', description: 'Change a webhook', action: 'Update a webhook' },
    ],
    default: 'getAll',
  },
  {
    displayName: 'Webhook',
    name: 'webhookId',
    type: 'resourceLocator',
    default: { mode: 'list', value: '' },
    required: true,
    description: 'The webhook to work on',
    displayOptions: {
      show: {
        resource,
        operation: ['delete', 'get', 'listDeliveries', 'recover', 'retryDelivery', 'rotateSecret', 'update'],
      },
    },
    modes: [
      {
        displayName: 'From List',
        name: 'list',
        type: 'list',
        placeholder: 'Select a webhook…',
        typeOptions: { searchListMethod: 'getWebhooks', searchable: true },
      },
      {
        displayName: 'By ID',
        name: 'id',
        type: 'string',
        placeholder: 'e.g. f4e9c2a8-7d31-4b6f-9c83-21e5d4a07b14',
        validation: [
          {
            type: 'regex',
            properties: {
              regex: '\\s*[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\\s*',
              errorMessage: 'Not the ID of a webhook, which looks like f4e9c2a8-7d31-4b6f-9c83-21e5d4a07b14',
            },
          },
        ],
      },
    ],
  },
  ...paging({ resource, operation: ['getAll', 'listDeliveries'] }),
  ...webhookFields,
];
