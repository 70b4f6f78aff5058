import type { INodeProperties } from 'n8n-workflow';
import { auditLogFields } from '../generated/auditLog';
import { paging } from './shared';

const resource = ['auditLog'];
const file = { show: { resource, operation: ['export'] } };

export const auditLogProperties: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource } },
    options: [
      {
        name: 'Export',
        value: 'export',
        description: 'Get all matching entries as a CSV file',
        action: 'Export the audit log',
      },
      {
        name: 'Get Many',
        value: 'getAll',
        description: 'List what was changed, by whom, with a diff for each field',
        action: 'Get many audit log entries',
      },
    ],
    default: 'getAll',
  },
  {
    displayName: 'Put Output File in Field',
    name: 'binaryPropertyName',
    type: 'string',
    default: 'data',
    required: true,
    hint: 'The name of the output binary field to put the file in',
    displayOptions: file,
  },
  {
    displayName: 'File Name',
    name: 'fileName',
    type: 'string',
    default: 'audit-log.csv',
    placeholder: 'e.g. audit-log.csv',
    description: 'Name of the file',
    displayOptions: file,
  },
  ...paging({ resource, operation: ['getAll'] }),
  ...auditLogFields,
];
