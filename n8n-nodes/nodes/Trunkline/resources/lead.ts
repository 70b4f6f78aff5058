import type { INodeProperties } from 'n8n-workflow';
import { leadFields, leadOutputs } from '../generated/lead';
import { paging, simplify } from './shared';

const resource = ['lead'];

export const leadProperties: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource } },
    options: [
      {
        name: 'Add Reply',
        value: 'addReply',
        description: 'Record what a lead answered',
        action: 'Add a reply to a lead',
      },
      {
        name: 'Create',
        value: 'create',
        description: "Create a new lead. 'Create or Update' also takes a phone number, tags and notes.",
        action: 'Create a lead',
      },
      {
        name: 'Create or Update',
        value: 'upsert',
        description: 'Create a new record, or update the current one if it already exists (upsert)',
        action: 'Create or update a lead',
      },
      { name: 'Get', value: 'get', description: 'Get a lead in full', action: 'Get a lead' },
      {
        name: 'Get Many',
        value: 'getAll',
        description: 'List and search leads, newest first',
        action: 'Get many leads',
      },
      {
        name: 'Hand Off',
        value: 'handOff',
        description: 'Note which system takes a lead over',
        action: 'Hand off a lead',
      },
      {
        name: 'Push to CRM',
        value: 'pushToCrm',
        description: 'Create or update a lead in the connected CRM',
        action: 'Push a lead to the CRM',
      },
      {
        name: 'Score',
        value: 'score',
        description: 'Score a lead anew by the rules of the organization, with the reasons',
        action: 'Score a lead',
      },
      { name: 'Update', value: 'update', description: 'Change fields of a lead', action: 'Update a lead' },
    ],
    default: 'create',
  },
  {
    displayName: 'Lead',
    name: 'leadId',
    type: 'resourceLocator',
    default: { mode: 'list', value: '' },
    required: true,
    description: 'The lead to work on',
    displayOptions: {
      show: { resource, operation: ['addReply', 'get', 'handOff', 'pushToCrm', 'score', 'update'] },
    },
    modes: [
      {
        displayName: 'From List',
        name: 'list',
        type: 'list',
        placeholder: 'Select a lead…',
        typeOptions: { searchListMethod: 'getLeads', searchable: true },
      },
      {
        displayName: 'By ID',
        name: 'id',
        type: 'string',
        placeholder: 'e.g. 9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18',
        validation: [
          {
            type: 'regex',
            properties: {
              regex: '\\s*[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\\s*',
              errorMessage: 'Not the ID of a lead, which looks like 9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18',
            },
          },
        ],
      },
    ],
  },
  ...paging({ resource, operation: ['getAll'] }),
  ...simplify({ resource, operation: ['get', 'getAll'] }, leadOutputs),
  ...leadFields,
  ...simplify({ resource, operation: ['create', 'upsert'] }, leadOutputs),
];
