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
      action: { kind: 'text' },
      source: { kind: 'text' },
      start_at: { kind: 'time' },
      end_at: { kind: 'time' },
      organization_id: { kind: 'text' },
    },
    upfront: [],
  },
  export: {
    method: 'GET',
    path: '/audit-log/export.csv',
    csv: true,
    collection: 'filters',
    fields: {
      action: { kind: 'text' },
      source: { kind: 'text' },
      start_at: { kind: 'time' },
      end_at: { kind: 'time' },
      organization_id: { kind: 'text' },
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
        description: 'A child organization that has granted the caller this; without it, the calling organization. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
      },
      {
        displayName: 'From',
        name: 'start_at',
        type: 'dateTime',
        default: '',
        description: 'From this time on (ISO 8601; without a zone, UTC)',
      },
      {
        displayName: 'Source',
        name: 'source',
        type: 'options',
        options: [
          { name: 'Api', value: 'api' },
          { name: 'Cron', value: 'cron' },
          { name: 'N8n', value: 'n8n' },
          { name: 'System', value: 'system' },
          { name: 'Worker', value: 'worker' },
        ],
        default: 'api',
        description: 'Who did it',
      },
      {
        displayName: 'Until',
        name: 'end_at',
        type: 'dateTime',
        default: '',
        description: 'Up to and including this time (ISO 8601)',
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
        description: 'A child organization that has granted the caller this; without it, the calling organization. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
      },
      {
        displayName: 'From',
        name: 'start_at',
        type: 'dateTime',
        default: '',
        description: 'From this time on (ISO 8601; without a zone, UTC)',
      },
      {
        displayName: 'Source',
        name: 'source',
        type: 'options',
        options: [
          { name: 'Api', value: 'api' },
          { name: 'Cron', value: 'cron' },
          { name: 'N8n', value: 'n8n' },
          { name: 'System', value: 'system' },
          { name: 'Worker', value: 'worker' },
        ],
        default: 'api',
        description: 'Who did it',
      },
      {
        displayName: 'Until',
        name: 'end_at',
        type: 'dateTime',
        default: '',
        description: 'Up to and including this time (ISO 8601)',
      },
    ],
  },
];
