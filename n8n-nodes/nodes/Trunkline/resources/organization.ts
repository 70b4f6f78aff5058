import type { INodeProperties } from 'n8n-workflow';
import { organizationFields } from '../generated/organization';
import { paging } from './shared';

const resource = ['organization'];

export const organizationProperties: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource } },
    options: [
      {
        name: 'Get Many Children',
        value: 'getAllChildren',
        description: 'List the organizations below that of the API key, with what they let it read',
        action: 'Get many child organizations',
      },
      {
        name: 'Get Mine',
        value: 'getMine',
        description: 'Get the organization of the API key',
        action: 'Get my organization',
      },
    ],
    default: 'getMine',
  },
  ...paging({ resource, operation: ['getAllChildren'] }),
  ...organizationFields,
];
