import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Values } from '../../connectors/manifest.ts';
import { connectorNamed } from '../../connectors/registry.ts';
import { secretContext } from '../connections/opened.ts';
import { statement } from '../database/page.ts';
import { invalidRequest } from '../errors.ts';
import { operation, type Services } from '../operations/operation.ts';
import { acceptedSecrets, acceptedSettings, known, missing, one, secrets, settings } from './connection-fields.ts';
import { uuid } from './fields.ts';

// Connections to outside services. Their fields are those of the vendor's manifest.

/** A hook's address: its token is 192 random bits, kept as a hash. */
export interface HookToken {
  token: string;
  hash: Buffer;
  prefix: string;
}
export const hashHookToken = (token: string): Buffer => createHash('sha256').update(token).digest();

function newHookToken(): HookToken {
  const token = randomBytes(24).toString('base64url');
  return { token, hash: hashHookToken(token), prefix: token.slice(0, 6) };
}

const hookUrl = (services: Services, of: string, token: string): string => `${services.publicUrl}/hooks/${of}/${token}`;
const SAVE = 'Save this hook_url now. Its token will not be shown again.';

/** A row as it may be shown: credentials only as set or not. */
const shownAs = (row: string, secretsSet: string): string => `json_build_object(
  'id', ${row}.id, 'vendor', ${row}.vendor, 'name', ${row}.name, 'enabled', ${row}.enabled, 'settings', ${row}.settings,
  'secrets_set', ${secretsSet}, 'token_prefix', ${row}.token_prefix,
  'created_at', app.iso(${row}.created_at), 'updated_at', app.iso(${row}.updated_at))`;

interface Shown {
  vendor: string;
  settings: Values;
  secrets_set: string[];
  [field: string]: unknown;
}

function masked({ settings, secrets_set: set, ...row }: Shown): object {
  return { ...row, settings: connectorNamed(row.vendor)?.configuration.mask(settings, set) ?? settings };
}

/** What lists show of a row of api.connections. */
const SUMMARY = `'id', c.id, 'vendor', c.vendor, 'name', c.name, 'enabled', c.enabled,
  'status', c.status,
  'last_received_at', app.iso(c.last_received_at), 'last_lead_at', app.iso(c.last_lead_at),
  'last_call_at', app.iso(c.last_call_at), 'last_polled_at', app.iso(c.last_polled_at),
  'failing_since', app.iso(c.failing_since), 'last_error', c.last_error, 'last_error_at', app.iso(c.last_error_at),
  'held_until', app.iso(c.held_until),
  'waiting', c.waiting, 'dead', c.dead, 'leads_7d', c.leads_7d,
  'created_at', app.iso(c.created_at), 'updated_at', app.iso(c.updated_at)`;

export const listConnections = operation({
  id: 'connectors.list',
  summary: 'List connections',
  description: 'What is connected, and how it is doing. Settings and credentials are not shown.',
  scope: 'connectors.read',
  kind: 'read',
  input: z.strictObject({}),
  statement: () => ({
    text: `select json_build_object('data', coalesce(json_agg(json_build_object(${SUMMARY}) order by c.vendor, c.name), '[]'))::text as body
             from api.connections as c`,
    values: [],
  }),
});

export const getConnection = operation({
  id: 'connectors.get',
  summary: 'Fetch a connection',
  description:
    'Its settings, with the defaults in force, and how it is doing. Of credentials, only whether they are set: those that are stand masked.',
  scope: 'connectors.admin',
  kind: 'read',
  input: z.strictObject(one),
  missing,
  statement: ({ input }) => ({
    text: `select json_build_object(${SUMMARY}, 'settings', c.settings, 'secrets_set', array(
                    select s.name from app.connection_secrets as s where s.connection_id = c.id order by s.name),
                  'token_prefix', c.token_prefix)::text as body
             from api.connections as c where c.vendor = $1 and c.name = $2`,
    values: [input.vendor, input.name],
  }),
  finish: (body) => JSON.stringify(masked(JSON.parse(body))),
});

/** The settings as they are stored, for whoever changes some of them. */
export const getSettings = operation({
  id: 'connectors.settings',
  summary: 'Fetch the stored settings of a connection',
  scope: 'connectors.admin',
  kind: 'read',
  input: z.strictObject(one),
  statement: ({ input }) => ({
    text: `select coalesce((select row.settings from app.connections as row where row.vendor = $1 and row.name = $2), '{}')::text as body`,
    values: [input.vendor, input.name],
  }),
});

export const saveConnection = operation({
  id: 'connectors.save',
  summary: 'Connect an outside service, or change what is connected',
  description:
    'Settings that are given replace those that are there, all together; without `settings` they stay, and credentials that are not given stay too, so that `{"enabled": false}` alone switches a connection off. The same again changes nothing. Which fields a vendor has, GET /connector-vendors and the guide say. The address of a new hook is shown once. A setting that leads credentials to another host is taken only with all secrets anew.',
  scope: 'connectors.admin',
  kind: 'write',
  input: z.strictObject({
    ...one,
    settings: settings.optional(),
    secrets: secrets.default({}),
    enabled: z
      .boolean('must be true or false')
      .optional()
      .meta({ description: 'Whether its hooks are accepted and processed; a new connection is enabled.' }),
  }),
  prepare(input, services, actor) {
    const { configuration, hook } = known(input.vendor);
    const { set, removed } = acceptedSecrets(configuration, input.secrets);
    return {
      // none: those that are stored, which were accepted before
      settings: input.settings && acceptedSettings(configuration, input.settings, services),
      removed,
      secrets: Object.entries(set).map(([field, secret]) => ({
        field,
        ciphertext: services.encryption.encrypt(
          secret,
          secretContext(actor.organizationId, input.vendor, input.name, field),
        ),
      })),
      required: configuration.requiredSecrets,
      requiredSettings: configuration.requiredSettings,
      endpoints: configuration.endpoints,
      token: hook && newHookToken(),
      services,
    };
  },
  statement: ({ input, local }) => ({
    text: `
      select json_build_object('created', saved.created, 'connection', ${shownAs('(saved.connection)', 'saved.secrets_set')})::text as body,
             case when saved.created then 201 else 200 end as status
        from app.save_connection($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) as saved`,
    values: [
      input.vendor,
      input.name,
      local.settings ? JSON.stringify(local.settings) : null,
      input.enabled ?? null,
      local.secrets.map(({ field }) => field),
      local.secrets.map(({ ciphertext }) => ciphertext),
      local.required,
      local.token?.hash ?? null,
      local.token?.prefix ?? null,
      JSON.stringify(local.endpoints),
      local.removed,
      local.requiredSettings,
    ],
  }),
  finish(body, local) {
    const { created, connection } = JSON.parse(body) as { created: boolean; connection: Shown };
    const url = created && local.token && hookUrl(local.services, connection.vendor, local.token.token);
    return JSON.stringify({ ...masked(connection), created, ...(url && { hook_url: url, _warning: SAVE }) });
  },
});

export const deleteConnection = operation({
  id: 'connectors.delete',
  summary: 'Disconnect an outside service',
  description: 'Removes its credentials and what its hook brought. Leads stay, and still say where they are in a CRM.',
  scope: 'connectors.admin',
  kind: 'write',
  input: z.strictObject(one),
  missing,
  statement: ({ input }) =>
    statement`select json_build_object('id', app.delete_connection(${input.vendor}, ${input.name}), 'deleted', true)::text as body`,
});

export const rotateHookToken = operation({
  id: 'connectors.rotate_token',
  summary: 'Give a hook a new address',
  description: 'The former address stops working at once. The new one is shown once.',
  scope: 'connectors.admin',
  kind: 'write',
  input: z.strictObject(one),
  missing,
  prepare(input, services) {
    if (!known(input.vendor).hook)
      throw invalidRequest(`${input.vendor} has no hook.`, { field: 'vendor', reason: 'has no hook' });
    return { ...newHookToken(), services };
  },
  statement: ({ input, local }) => statement`
    select json_build_object('id', row.id, 'vendor', row.vendor, 'name', row.name, 'token_prefix', row.token_prefix)::text as body
      from app.rotate_hook_token(${input.vendor}, ${input.name}, ${local.hash}, ${local.prefix}) as row`,
  finish(body, local) {
    const row = JSON.parse(body);
    return JSON.stringify({ ...row, hook_url: hookUrl(local.services, row.vendor, local.token), _warning: SAVE });
  },
});

export const retryReceipts = operation({
  id: 'connectors.retry',
  summary: 'Process again what failed',
  description:
    'Everything that a hook brought and that was given up or waits for its next attempt, or one receipt of it.',
  scope: 'connectors.admin',
  kind: 'write',
  input: z.strictObject({
    ...one,
    receipt: uuid.optional().meta({ description: 'Only this receipt, as api.hook_receipts shows it.' }),
  }),
  missing,
  statement: ({ input }) => statement`
    select json_build_object('vendor', ${input.vendor}::text, 'name', ${input.name}::text,
             'retried', app.retry_hook_receipts(${input.vendor}, ${input.name}, ${input.receipt ?? null}::uuid))::text as body`,
});
