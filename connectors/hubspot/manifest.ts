import { CRM_FIELDS, mappingField } from '../crm.ts';
import type { ConfigurationOf, Manifest } from '../manifest.ts';

const PROPERTY = { expression: /^[a-z][a-z0-9_]{0,99}$/, reason: 'must be the internal name of a property' };

export const manifest = {
  vendor: 'hubspot',
  title: 'HubSpot',
  description: 'Leads become contacts in HubSpot, and dispatched calls become deals.',
  setup: [
    'In HubSpot, make a private app (Development, Legacy apps, or a service key) with the scopes crm.objects.contacts.read, crm.objects.contacts.write, crm.objects.deals.read and crm.objects.deals.write.',
    'For leads that may have no email address, make a contact property of one line of text that requires unique values, and name it in reference_property: HubSpot then refuses a second contact of a lead by itself.',
  ],
  fields: [
    {
      name: 'access_token',
      label: 'Access token',
      help: 'Of the private app.',
      kind: 'text',
      secret: true,
      required: true,
    },
    {
      name: 'reference_property',
      label: 'Property of the reference',
      help: 'A property of contacts with unique values, which holds the id of the lead. Without it, contacts are known by their email address, else their number.',
      kind: 'text',
      pattern: PROPERTY,
    },
    mappingField('a property of contacts'),
    {
      name: 'initial_properties',
      label: 'Values of new contacts',
      help: 'Name of a property to the value it has on contacts that are made, e.g. lifecyclestage:lead.',
      kind: 'map',
      default: {},
    },
    {
      name: 'pipeline',
      label: 'Pipeline of deals',
      help: 'Its internal id.',
      kind: 'text',
      default: 'default',
    },
    {
      name: 'deal_stage',
      label: 'Stage of deals',
      help: 'Internal id of a stage of that pipeline.',
      kind: 'text',
      default: 'appointmentscheduled',
    },
    ...CRM_FIELDS,
    { name: 'api_url', label: 'API', help: 'Its base address.', kind: 'endpoint', default: 'https://api.hubapi.com' },
    {
      name: 'api_version',
      label: 'Version of the API',
      help: 'As it stands in its addresses.',
      kind: 'text',
      default: '2026-09',
      pattern: { expression: /^\d{4}-\d{2}$/, reason: 'must be a version such as 2026-09' },
    },
  ],
} as const satisfies Manifest;

export type Config = ConfigurationOf<(typeof manifest)['fields']>;
