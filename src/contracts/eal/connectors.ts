import { z } from 'zod';
import { testConnection } from '../../domain/connection-test.ts';
import * as connections from '../../domain/connections.ts';
import { listVendors } from '../../domain/connectors.ts';
import type { Route } from '../contract.ts';
import { examples } from './connectors-examples.ts';
import { at, id, nullable } from './shapes.ts';

// Connections to outside services: their answers and their endpoints.

const kind = z.enum(['text', 'url', 'endpoint', 'integer', 'boolean', 'list', 'map']).meta({
  description:
    'What it holds; `endpoint` is an address that Trunkline calls, `list` a list of texts, `map` an object of texts.',
});
const field = z.strictObject({
  name: z.string(),
  label: z.string(),
  help: z.string(),
  kind,
  secret: z.boolean().meta({ description: 'Belongs into `secrets`, and is never shown again.' }),
  required: z.boolean(),
  default: z.unknown().meta({ description: 'In force where nothing is set; null: none.' }),
  values: z.array(z.string()).optional().meta({ description: 'What the values of a map may be.' }),
  min: z.int().optional(),
  max: z.int().optional(),
});
const vendor = z
  .strictObject({
    vendor: z.string(),
    title: z.string(),
    description: z.string(),
    hook: z.boolean().meta({ description: 'Whether it calls a hook of ours, or posts forms to one.' }),
    test: z.boolean().meta({ description: 'Whether a configuration can be tried out.' }),
    setup: z.array(z.string()).meta({ description: 'What there is to do on its side, in the order it is done.' }),
    fields: z.array(field),
  })
  .meta({ id: 'ConnectorVendor', description: 'An outside service that can be connected.' });
const vendorList = z.strictObject({ data: z.array(vendor) }).meta({ id: 'ConnectorVendorList' });

const base = {
  id,
  vendor: z.string(),
  name: z.string().meta({ description: 'Tells several connections of one vendor apart.' }),
  enabled: z.boolean(),
};
const times = { created_at: at, updated_at: at };
const health = {
  status: z
    .enum(['ok', 'failing', 'disabled'])
    .meta({ description: '`failing` from the first failure to the next success.' }),
  last_received_at: at.nullable().meta({ description: 'When its hook last accepted something.' }),
  last_lead_at: at.nullable().meta({ description: 'When it last made a lead.' }),
  last_call_at: at.nullable().meta({ description: 'When it last told of a call.' }),
  last_polled_at: at
    .nullable()
    .meta({ description: 'When it was last asked for what its hook missed; null where nothing is asked for.' }),
  failing_since: at.nullable(),
  last_error: nullable.meta({ description: 'What went wrong last, without credentials.' }),
  last_error_at: at.nullable(),
  held_until: at.nullable().meta({
    description: 'When the service asked for a pause: nothing is sent to it before. A time that is over says nothing.',
  }),
  waiting: z.int().min(0).meta({ description: 'What its hook brought and waits for an attempt.' }),
  dead: z.int().min(0).meta({ description: 'What was given up; a retry starts it anew.' }),
  leads_7d: z.int().min(0).meta({ description: 'Leads made from deliveries of the last 7 days.' }),
};
const configured = {
  settings: z.record(z.string(), z.unknown()).meta({
    description:
      'Every field of the vendor, with the defaults in force; a secret that is set is `••••••••`, one that is not null.',
  }),
  token_prefix: nullable.meta({ description: 'First characters of the token in its hook’s address.' }),
};
const hookUrl = z.string().meta({ description: 'Address of its hook, shown in this answer only.' });
const summary = z
  .strictObject({ ...base, ...health, ...times })
  .meta({ id: 'ConnectionSummary', description: 'A connection, as lists show it.' });
const connectionList = z.strictObject({ data: z.array(summary) }).meta({ id: 'ConnectionList' });
const connection = z
  .strictObject({ ...base, ...health, ...times, ...configured })
  .meta({ id: 'Connection', description: 'A connection in full.' });
const saved = z
  .strictObject({
    ...base,
    ...configured,
    ...times,
    created: z.boolean(),
    hook_url: hookUrl.optional(),
    _warning: z.string().optional(),
  })
  .meta({ id: 'ConnectionSaved', description: 'A connection as it is now.' });
const deleted = z.strictObject({ id, deleted: z.literal(true) }).meta({ id: 'ConnectionDeleted' });
const rotated = z
  .strictObject({
    id,
    vendor: base.vendor,
    name: base.name,
    token_prefix: z.string(),
    hook_url: hookUrl,
    _warning: z.string(),
  })
  .meta({ id: 'ConnectionHookRotated' });
const retried = z
  .strictObject({
    vendor: base.vendor,
    name: base.name,
    retried: z.int().min(0).meta({ description: 'Deliveries that are processed again.' }),
  })
  .meta({ id: 'ConnectionRetried' });
const tested = z
  .strictObject({
    ok: z.boolean(),
    message: z
      .string()
      .meta({ description: 'What was found, or why it does not work; never with a credential in it.' }),
    kind: z
      .enum(['unavailable', 'rate_limited', 'garbage', 'refused'])
      .optional()
      .meta({ description: 'Only when not ok: `refused` would be refused again, all others are worth another try.' }),
    status: z.int().optional().meta({ description: 'HTTP status of the service’s answer, if one came.' }),
    retry_after: z.number().optional().meta({ description: 'Seconds that the service asked to wait.' }),
  })
  .meta({ id: 'ConnectionTested', description: 'What came of trying a configuration out.' });

const named = { tag: 'Connectors', inQuery: ['name'] };

/** The endpoints of connectors. */
export const connectorRoutes: Route[] = [
  {
    method: 'GET',
    path: '/connector-vendors',
    operation: listVendors,
    tag: 'Connectors',
    output: vendorList,
    example: examples.vendors,
  },
  {
    method: 'GET',
    path: '/connectors',
    operation: connections.listConnections,
    tag: 'Connectors',
    output: connectionList,
    example: examples.list,
  },
  {
    method: 'GET',
    path: '/connectors/{vendor}',
    operation: connections.getConnection,
    tag: 'Connectors',
    single: true,
    output: connection,
    example: examples.one,
  },
  {
    method: 'PUT',
    path: '/connectors/{vendor}',
    operation: connections.saveConnection,
    ...named,
    status: 201,
    output: saved,
    example: examples.save,
    existing: {
      description: 'There was one: it is as you say now, and its hook is where it was.',
      output: saved,
      example: examples.saved,
    },
  },
  {
    method: 'DELETE',
    path: '/connectors/{vendor}',
    operation: connections.deleteConnection,
    ...named,
    output: deleted,
    example: examples.delete,
  },
  {
    method: 'POST',
    path: '/connectors/{vendor}/test',
    operation: testConnection,
    ...named,
    output: tested,
    example: examples.test,
  },
  {
    method: 'POST',
    path: '/connectors/{vendor}/rotate-token',
    operation: connections.rotateHookToken,
    ...named,
    output: rotated,
    example: examples.rotate,
  },
  {
    method: 'POST',
    path: '/connectors/{vendor}/retry',
    operation: connections.retryReceipts,
    ...named,
    status: 202,
    output: retried,
    example: examples.retry,
  },
];
