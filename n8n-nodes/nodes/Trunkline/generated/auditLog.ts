// Written by `npm run generate` from the operations of the contract. Do not edit.

import type { INodeProperties } from 'n8n-workflow';
import type { Endpoint } from '../endpoint';

export const auditLogEndpoints: Record<string, Endpoint> = {
  getAll: {
    method: 'GET',
    path: '/audit-log',
    paged: true,
    collection: 'filters',
    fields: {
      action: { label: 'Action', kind: 'text' },
      source: { label: 'Source', kind: 'text' },
      start_at: { label: 'From', kind: 'time' },
      end_at: { label: 'Until', kind: 'time' },
      organization_id: { label: 'Child Organization Name or ID', kind: 'text' },
    },
    upfront: [],
  },
  export: {
    method: 'GET',
    path: '/audit-log/export.csv',
    csv: true,
    collection: 'filters',
    fields: {
      action: { label: 'Action', kind: 'text' },
      source: { label: 'Source', kind: 'text' },
      start_at: { label: 'From', kind: 'time' },
      end_at: { label: 'Until', kind: 'time' },
      organization_id: { label: 'Child Organization Name or ID', kind: 'text' },
    },
    upfront: [],
  },
};

export const auditLogFields: INodeProperties[] = [
  {
    displayName: 'Filters',
    name: 'filters',
    type: 'collection',
    placeholder: 'Add Filter',
    default: {},
    displayOptions: { show: { resource: ['auditLog'], operation: ['getAll'] } },
    options: [
      {
        displayName: 'Action',
        name: 'action',
        type: 'string',
        default: '',
        placeholder: 'e.g. lead.updated',
        description: 'What was done, such as lead.updated',
      },
      {
        displayName: 'Child Organization Name or ID',
        name: 'organization_id',
        type: 'options',
        typeOptions: { loadOptionsMethod: 'getChildOrganizations' },
        default: '',
        description: 'Read what belongs to a child organization that allows it, instead of your own. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
      },
      {
        displayName: 'From',
        name: 'start_at',
        type: 'dateTime',
        default: '',
        description: 'Earliest time to include; without a time zone, in that of the workflow',
      },
      {
        displayName: 'Source',
        name: 'source',
        type: 'options',
        options: [
          { name: 'API', value: 'api' },
          { name: 'Automation', value: 'n8n' },
          { name: 'Schedule', value: 'cron' },
          { name: 'System', value: 'system' },
          { name: 'Worker', value: 'worker' },
        ],
        default: 'api',
        description: 'Where the change came from',
      },
      {
        displayName: 'Until',
        name: 'end_at',
        type: 'dateTime',
        default: '',
        description: 'Latest time to include; without a time zone, in that of the workflow',
      },
    ],
  },
  {
    displayName: 'Filters',
    name: 'filters',
    type: 'collection',
    placeholder: 'Add Filter',
    default: {},
    displayOptions: { show: { resource: ['auditLog'], operation: ['export'] } },
    options: [
      {
        displayName: 'Action',
        name: 'action',
        type: 'string',
        default: '',
        placeholder: 'e.g. lead.updated',
        description: 'What was done, such as lead.updated',
      },
      {
        displayName: 'Child Organization Name or ID',
        name: 'organization_id',
        type: 'options',
        typeOptions: { loadOptionsMethod: 'getChildOrganizations' },
        default: '',
        description: 'Read what belongs to a child organization that allows it, instead of your own. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
      },
      {
        displayName: 'From',
        name: 'start_at',
        type: 'dateTime',
        default: '',
        description: 'Earliest time to include; without a time zone, in that of the workflow',
      },
      {
        displayName: 'Source',
        name: 'source',
        type: 'options',
        options: [
          { name: 'API', value: 'api' },
          { name: 'Automation', value: 'n8n' },
          { name: 'Schedule', value: 'cron' },
          { name: 'System', value: 'system' },
          { name: 'Worker', value: 'worker' },
        ],
        default: 'api',
        description: 'Where the change came from',
      },
      {
        displayName: 'Until',
        name: 'end_at',
        type: 'dateTime',
        default: '',
        description: 'Latest time to include; without a time zone, in that of the workflow',
      },
    ],
  },
];
