import { CRM_FIELDS, mappingField } from '../crm.ts';
import type { ConfigurationOf, Manifest } from '../manifest.ts';

export const manifest = {
  vendor: 'jobnimbus',
  title: 'JobNimbus',
  description: 'Leads become contacts in JobNimbus, and dispatched calls become jobs.',
  setup: [
    'In JobNimbus, Settings, API: make an API key with an access profile that may view and edit contacts and jobs.',
    'Choose the workflows and statuses that new contacts and jobs get; the test says which there are.',
  ],
  fields: [
    {
      name: 'api_key',
      label: 'API key',
      help: 'Settings, API, New API key.',
      kind: 'text',
      secret: true,
      required: true,
    },
    {
      name: 'contact_type',
      label: 'Workflow of contacts',
      help: 'Record type of a contact that is made.',
      kind: 'text',
      default: 'Customer',
    },
    {
      name: 'contact_status',
      label: 'Status of contacts',
      help: 'Of that workflow. Of a contact that is there already, it stays.',
      kind: 'text',
      default: 'Lead',
    },
    {
      name: 'job_type',
      label: 'Workflow of jobs',
      help: 'Record type of a job that is made.',
      kind: 'text',
      default: 'Job',
    },
    { name: 'job_status', label: 'Status of jobs', help: 'Of that workflow.', kind: 'text', default: 'Lead' },
    {
      name: 'source_name',
      label: 'Lead source',
      help: 'One of the lead sources of the account, put on contacts that are made.',
      kind: 'text',
    },
    mappingField('a field of a contact'),
    ...CRM_FIELDS,
    {
      name: 'api_url',
      label: 'API',
      help: 'Its base address.',
      kind: 'endpoint',
      default: 'https://app.jobnimbus.com/api1',
    },
  ],
} as const satisfies Manifest;

export type Config = ConfigurationOf<(typeof manifest)['fields']>;
