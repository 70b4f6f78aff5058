import type { INodeProperties } from 'n8n-workflow';
import { callFields, callOutputs } from '../generated/call';
import { paging, simplify } from './shared';

const resource = ['call'];

export const callProperties: INodeProperties[] = [
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
        description: 'Record a call; the same external ID again adds what was not known',
        action: 'Create a call',
      },
      { name: 'Get', value: 'get', description: 'Get a call with transcript and classification', action: 'Get a call' },
      { name: 'Get Many', value: 'getAll', description: 'List calls, newest first', action: 'Get many calls' },
      {
        name: 'Get Statistics',
        value: 'getStats',
        description: 'Count calls by intent and qualification',
        action: 'Get statistics of calls',
      },
      { name: 'Update', value: 'update', description: 'Correct what a call was about', action: 'Update a call' },
    ],
    default: 'getAll',
  },
  {
    displayName: 'Call',
    name: 'callId',
    type: 'resourceLocator',
    default: { mode: 'list', value: '' },
    required: true,
    description: 'The call to work on',
    displayOptions: { show: { resource, operation: ['get', 'update'] } },
    modes: [
      {
        displayName: 'From List',
        name: 'list',
        type: 'list',
        placeholder: 'Select a call…',
        typeOptions: { searchListMethod: 'getCalls', searchable: true },
      },
      {
        displayName: 'By ID',
        name: 'id',
        type: 'string',
        placeholder: 'e.g. call_01kq80hkgefv3tkwx5rvce9wd2',
        validation: [
          {
            type: 'regex',
            properties: {
              regex: '\\s*call_[0-9a-z]{26}\\s*',
              errorMessage: 'Not the ID of a call, which is call_ and 26 characters',
            },
          },
        ],
      },
    ],
  },
  ...paging({ resource, operation: ['getAll'] }),
  ...simplify({ resource, operation: ['get'] }, callOutputs),
  ...callFields,
];
