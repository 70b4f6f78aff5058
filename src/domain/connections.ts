import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Connector } from '../../connectors/connector.ts';
import type { Values } from '../../connectors/manifest.ts';
import { connectorNamed, connectors } from '../../connectors/registry.ts';
import { secretContext } from '../connections/opened.ts';
import { statement } from '../database/page.ts';
import { invalidRequest } from '../errors.ts';
import { operation, type Services } from '../operations/operation.ts';
import { uuid } from './fields.ts';

// Connections to outside services. Their fields are those of the vendor's manifest.

const vendor = z
  .string('must be a string')
  .refine(
    (name) => connectorNamed(name) !== undefined,
    `must be one of ${connectors.map(({ manifest }) => manifest.vendor).join(', ')}`,
  )
  .meta({ description: 'The outside service.' });
const name = z
  .string('must be a string')
  .regex(/^[a-z0-9][a-z0-9_-]{0,49}$/, 'must be lower-case letters, digits, - and _, at most 50')
  .default('default')
  .meta({ description: 'Tells several connections of one vendor apart.' });
const one = { vendor, name };
const missing = 'No such connection.';

const known = (of: string): Connector => connectorNamed(of) as Connector;

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
const SECRETS_SET =
  'array(select s.name from app.connection_secrets as s where s.connection_id = row.id order by s.name)';

interface Shown {
  vendor: string;
  settings: Values;
  secrets_set: string[];
  [field: string]: unknown;
}

function masked({ settings, secrets_set: set, ...row }: Shown): object {
  return { ...row, settings: connectorNamed(row.vendor)?.configuration.mask(settings, set) ?? settings };
}

export const listConnections = operation({
  id: 'connectors.list',
  summary: 'List connections',
  description: 'What is connected, and how it is doing. Credentials are never shown.',
  scope: 'connectors.read',
  kind: 'read',
  input: z.strictObject({}),
  statement: () => statement`
    select json_build_object('data', coalesce(json_agg(c order by c.vendor, c.name), '[]'))::text as body
      from (select id, vendor, name, enabled, last_received_at, last_lead_at, failing_since, last_error, waiting, dead from api.connections) as c`,
});

export const getConnection = operation({
  id: 'connectors.get',
  summary: 'Fetch a connection',
  description: 'Its settings, with the defaults in force. Of credentials, only whether they are set.',
  scope: 'connectors.read',
  kind: 'read',
  input: z.strictObject(one),
  missing,
  statement: ({ input }) => ({
    text: `select ${shownAs('row', SECRETS_SET)}::text as body from app.connections as row where row.vendor = $1 and row.name = $2`,
    values: [input.vendor, input.name],
  }),
  finish: (body) => JSON.stringify(masked(JSON.parse(body))),
});

/** The settings as they are stored, for whoever changes some of them. */
export const getSettings = operation({
  id: 'connectors.settings',
  summary: 'Fetch the stored settings of a connection',
  scope: 'connectors.read',
  kind: 'read',
  input: z.strictObject(one),
  statement: ({ input }) => ({
    text: `select coalesce((select row.settings from app.connections as row where row.vendor = $1 and row.name = $2), '{}')::text as body`,
    values: [input.vendor, input.name],
  }),
});

const values = z.record(z.string(), z.unknown(), 'must be an object');

export const saveConnection = operation({
  id: 'connectors.save',
  summary: 'Connect an outside service, or change what is connected',
  description: 'Settings are replaced; credentials that are not given stay. The address of a new hook is shown once.',
  scope: 'connectors.admin',
  kind: 'write',
  input: z.strictObject({
    ...one,
    settings: values.default({}),
    secrets: values.default({}),
    enabled: z.boolean().optional(),
  }),
  prepare(input, services, actor) {
    const { configuration, hook } = known(input.vendor);
    const settings = accepted(configuration.settings, 'settings', input.settings, configuration.secretNames);
    const secrets = accepted(configuration.secrets, 'secrets', input.secrets, []);
    for (const field of configuration.endpoints) checkAddress(field, settings[field], services);
    return {
      settings,
      secrets: Object.entries(secrets).map(([field, secret]) => ({
        field,
        ciphertext: services.encryption.encrypt(
          String(secret),
          secretContext(actor.organizationId, input.vendor, input.name, field),
        ),
      })),
      required: configuration.requiredSecrets,
      token: hook && newHookToken(),
      services,
    };
  },
  statement: ({ input, local }) => ({
    text: `
      select json_build_object('created', saved.created, 'connection', ${shownAs('(saved.connection)', 'saved.secrets_set')})::text as body
        from app.save_connection($1, $2, $3, $4, $5, $6, $7, $8, $9) as saved`,
    values: [
      input.vendor,
      input.name,
      JSON.stringify(local.settings),
      input.enabled ?? null,
      local.secrets.map(({ field }) => field),
      local.secrets.map(({ ciphertext }) => ciphertext),
      local.required,
      local.token?.hash ?? null,
      local.token?.prefix ?? null,
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
  description: 'Removes its credentials and what its hook brought. Leads stay.',
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
  description: 'The address before is unknown at once. The new one is shown once.',
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
  input: z.strictObject({ ...one, receipt: uuid.optional() }),
  missing,
  statement: ({ input }) => statement`
    select json_build_object('vendor', ${input.vendor}::text, 'name', ${input.name}::text,
             'retried', app.retry_hook_receipts(${input.vendor}, ${input.name}, ${input.receipt ?? null}::uuid))::text as body`,
});

/** Values of a manifest's fields. Throws 400 that names the field. */
function accepted(schema: z.ZodType<Values>, where: string, given: Values, secretNames: string[]): Values {
  const secret = secretNames.find((field) => field in given);
  if (secret)
    throw invalidRequest(`${secret} is a secret.`, { field: `settings.${secret}`, reason: 'belongs into secrets' });
  const read = schema.safeParse(given);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const path = issue?.code === 'unrecognized_keys' ? [issue.keys[0] ?? ''] : (issue?.path ?? []);
  const reason = issue?.code === 'unrecognized_keys' ? 'unknown field' : (issue?.message ?? 'is invalid');
  throw invalidRequest(`Invalid value for ${path.join('.')}: ${reason}.`, {
    field: [where, ...path].join('.'),
    reason,
  });
}

function checkAddress(field: string, value: unknown, services: Services): void {
  if (value === undefined) return;
  const checked = services.guard.checkUrl(String(value));
  if (!checked.ok)
    throw invalidRequest(`Invalid value for ${field}: ${checked.reason}.`, {
      field: `settings.${field}`,
      reason: checked.reason,
    });
}
