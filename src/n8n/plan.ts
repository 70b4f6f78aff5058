// What the n8n nodes offer of the Expert AI Labs contract, and in which words. Everything about the fields comes from the operations;
// an operation that is neither here nor in NOT_OFFERED makes the tests fail.

/** One operation of a node's resource. */
export interface Offer {
  /** value of the operation in workflows: never changed once released */
  value: string;
  /** operation of the contract */
  operation: string;
  /** fields beside the others, in this order; required ones always are */
  upfront?: string[];
  /** the rest goes into a collection of this name */
  collection?: 'Additional Fields' | 'Update Fields' | 'Filters';
  /** a field that takes whatever the schema does not name */
  extra?: string;
}

/** Fields of paths that the nodes pick from a list; each resource's own `id`. */
export const PLAN: Record<string, Offer[]> = {
  lead: [
    {
      value: 'create',
      operation: 'leads.create',
      upfront: ['email', 'name', 'company'],
      collection: 'Additional Fields',
    },
    { value: 'upsert', operation: 'leads.upsert', upfront: ['email', 'phone'], collection: 'Additional Fields' },
    { value: 'get', operation: 'leads.get', collection: 'Additional Fields' },
    { value: 'getAll', operation: 'leads.list', collection: 'Filters' },
    { value: 'update', operation: 'leads.update', collection: 'Update Fields' },
    { value: 'score', operation: 'leads.score' },
    { value: 'pushToCrm', operation: 'leads.push_to_crm', collection: 'Additional Fields' },
    { value: 'handOff', operation: 'leads.handoff', collection: 'Additional Fields' },
    { value: 'addReply', operation: 'leads.replies.create', collection: 'Additional Fields' },
  ],
  call: [
    {
      value: 'create',
      operation: 'calls.create',
      upfront: ['caller_number'],
      collection: 'Additional Fields',
      extra: 'extra',
    },
    { value: 'get', operation: 'calls.get', collection: 'Additional Fields' },
    { value: 'getAll', operation: 'calls.list', collection: 'Filters' },
    { value: 'update', operation: 'calls.update', collection: 'Update Fields' },
    { value: 'getStats', operation: 'calls.stats', upfront: ['window'], collection: 'Additional Fields' },
  ],
  webhook: [
    { value: 'create', operation: 'webhooks.create', collection: 'Additional Fields' },
    { value: 'get', operation: 'webhooks.get' },
    { value: 'getAll', operation: 'webhooks.list' },
    { value: 'update', operation: 'webhooks.update', collection: 'Update Fields' },
    { value: 'rotateSecret', operation: 'webhooks.rotate_secret' },
    { value: 'listDeliveries', operation: 'webhooks.deliveries.list', collection: 'Filters' },
    { value: 'retryDelivery', operation: 'webhooks.deliveries.retry' },
    { value: 'recover', operation: 'webhooks.recover' },
    { value: 'delete', operation: 'webhooks.delete' },
  ],
  auditLog: [
    { value: 'getAll', operation: 'audit_log.list', collection: 'Filters' },
    { value: 'export', operation: 'audit_log.export', collection: 'Filters' },
  ],
  organization: [
    { value: 'getMine', operation: 'organizations.me' },
    { value: 'getAllChildren', operation: 'organizations.list' },
  ],
};

/** Operations whose answer has all fields of a resource: those that an agent's tool can be told to return. */
export const RECORDS: Record<string, string> = { lead: 'leads.upsert', call: 'calls.get' };

/** Why an operation has no place in a workflow, or has one without being picked. */
export const NOT_OFFERED: Record<string, string> = {
  'health.get': 'the test of the credential',
  'leads.sources.list': 'the list of sources',
  'webhooks.test': 'the trigger, when somebody listens for a test event',
  'webhooks.deliveries.get': 'the list shows what a workflow decides by',
  'audit_log.get': 'the list shows every entry in full',
  'organizations.create': 'setting tenants up is no step of an automation',
  'organizations.update': 'setting tenants up is no step of an automation',
  'organizations.grants.create': 'what a parent may read is for people to decide',
  'organizations.grants.revoke': 'what a parent may read is for people to decide',
  'organizations.dispatch_settings.get': 'how calls are dispatched is for people to decide',
  'organizations.dispatch_settings.update': 'how calls are dispatched is for people to decide',
  'connectors.vendors': 'connections are for people to make',
  'connectors.list': 'connections are for people to make',
  'connectors.get': 'connections are for people to make',
  'connectors.save': 'connections are for people to make',
  'connectors.delete': 'connections are for people to make',
  'connectors.test': 'connections are for people to make',
  'connectors.rotate_token': 'connections are for people to make',
  'connectors.retry': 'connections are for people to make',
  'api_keys.list': 'keys are for people to make',
  'api_keys.create': 'keys are for people to make',
  'api_keys.rotate': 'keys are for people to make',
  'api_keys.revoke': 'keys are for people to make',
};

/** Names that people read, where the field's own does not say it. */
export const NAMES: Record<string, string> = {
  q: 'Search',
  start_at: 'From',
  end_at: 'Until',
  window: 'Period',
  organization_id: 'Child Organization Name or ID',
  pipeline_stage: 'Stage Name or ID',
  'leads.list.source': 'Source Name or ID',
  'calls.create.extra': 'Extra Fields',
  duration_seconds: 'Duration (Seconds)',
  delivery_id: 'Delivery ID',
  events: 'Event Names or IDs',
  'webhooks.deliveries.list.event': 'Event Name or ID',
};

/** Options that are loaded from Trunkline; what is loaded can also be given by an expression. */
export const LOADED: Record<string, string> = {
  pipeline_stage: 'getStages',
  organization_id: 'getChildOrganizations',
  events: 'getEvents',
  'leads.list.source': 'getSources',
  'webhooks.deliveries.list.event': 'getEvents',
};

/** Descriptions, where n8n wants other words than the reference. */
export const DESCRIPTIONS: Record<string, string> = {
  enabled: 'Whether events are sent. Those that are not sent meanwhile are kept and can be recovered.',
  start_at: 'Earliest time to include; without a time zone, in that of the workflow',
  end_at: 'Latest time to include; without a time zone, in that of the workflow',
  description: 'What the webhook is for',
  since: 'Earliest time of the events to send again; without a time zone, in that of the workflow',
  received_at: 'When it came in; without it, now',
  organization_id: 'Read what belongs to a child organization that allows it, instead of your own',
  delivery_id: "ID of a delivery, as 'List Deliveries' shows it",
  retry_schedule: 'How long after the first attempt to try again; without it, at the usual times',
  'leads.create.email': 'Email address; without it, give a name and a company',
  'leads.upsert.email': 'Email address, by which the lead is found',
  'leads.upsert.phone': 'Phone number, in any notation, by which the lead is found when its email address is not known',
  'leads.upsert.external_id': "ID of the lead where it came from; needs 'Source'",
  'calls.create.source': 'What recorded the call, such as the name of a call tracker',
  'calls.create.external_id': 'ID of the call in what recorded it',
  'calls.create.extra': 'Whatever else is known of the call, as an object; kept with it',
  'calls.list.classification': "What the call was about; 'Junk' is sales pitches and wrong numbers",
  'webhooks.deliveries.list.status':
    "How it ended; after 'Failed' another attempt follows, after 'Dead Letter' none does",
  'audit_log.list.source': 'Where the change came from',
  'audit_log.export.source': 'Where the change came from',
};

/** What people choose, where the value does not say it. */
export const CHOICES: Record<string, string> = {
  api: 'API',
  cron: 'Schedule',
  n8n: 'Automation',
  true: 'Yes',
  false: 'No',
  '24h': 'Last 24 Hours',
  '7d': 'Last 7 Days',
  '30d': 'Last 30 Days',
  '90d': 'Last 90 Days',
};

/** Values that mean the same as another one. */
export const HIDDEN: Record<string, string[]> = {
  'calls.list.classification': ['sales'],
};

export const PLACEHOLDERS: Record<string, string> = {
  email: 'name@email.com',
  name: 'e.g. Sarah Mitchell',
  phone: 'e.g. +1 404 555 0173',
  caller_number: 'e.g. +1 404 555 0173',
  tracking_number: 'e.g. +1 770 555 0199',
  company: 'e.g. Acme Inc',
  source: 'e.g. website',
  'calls.create.source': 'e.g. phone_system',
  url: 'e.g. https://example.com/webhook',
  recording_url: 'e.g. https://example.com/recording.mp3',
  tags: 'e.g. storm, basement',
  retry_schedule: 'e.g. 1m, 5m, 30m, 2h',
  destination: 'e.g. jobnimbus',
  channel: 'e.g. sms',
  delivery_id: 'e.g. whd_01kq80hkgefv3tkwx5rvce9wd2',
  action: 'e.g. lead.updated',
  timeline: 'e.g. this_week',
};
