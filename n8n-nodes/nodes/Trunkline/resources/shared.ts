import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';

type Show = { resource: string[]; operation: string[] };

/** Return All and Limit of lists. */
export const paging = (show: Show): INodeProperties[] => [
  {
    displayName: 'Return All',
    name: 'returnAll',
    type: 'boolean',
    default: false,
    description: 'Whether to return all results or only up to a given limit',
    displayOptions: { show },
  },
  {
    displayName: 'Limit',
    name: 'limit',
    type: 'number',
    typeOptions: { minValue: 1 },
    default: 50,
    description: 'Max number of results to return',
    displayOptions: { show: { ...show, returnAll: [false] } },
  },
];

/** Simplify, where an answer has many fields. An agent that has the node as its tool reads them all, so there they can be chosen. */
export const simplify = (show: Show, fields: INodePropertyOptions[]): INodeProperties[] => [
  {
    displayName: 'Simplify',
    name: 'simplify',
    type: 'boolean',
    default: true,
    description: 'Whether to return a simplified version of the response instead of the raw data',
    displayOptions: { show: { ...show, '@tool': [false] } },
  },
  {
    displayName: 'Output',
    name: 'output',
    type: 'options',
    options: [
      { name: 'Raw', value: 'raw', description: 'All fields' },
      { name: 'Selected Fields', value: 'selected', description: 'The ID and the fields that are chosen below' },
      { name: 'Simplified', value: 'simplified', description: 'The most useful fields' },
    ],
    default: 'simplified',
    description: 'Which fields the agent gets',
    displayOptions: { show: { ...show, '@tool': [true] } },
  },
  {
    displayName: 'Fields',
    name: 'outputFields',
    type: 'multiOptions',
    options: fields,
    default: [],
    description: 'The fields that the agent gets beside the ID',
    displayOptions: { show: { ...show, '@tool': [true], output: ['selected'] } },
  },
];
