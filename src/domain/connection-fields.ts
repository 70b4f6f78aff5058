import { z } from 'zod';
import type { Connector } from '../../connectors/connector.ts';
import { type Configuration, MASKED, type Values } from '../../connectors/manifest.ts';
import { connectorNamed, connectors } from '../../connectors/registry.ts';
import { AppError, invalidRequest } from '../errors.ts';
import type { Services } from '../operations/operation.ts';

// What names a connection, and the values of its vendor's fields: described and checked by the vendor's manifest.

const vendors = connectors.map(({ manifest }) => manifest.vendor);

/** A vendor in a path: what is no name of one is looked up like any other, and not found. */
const vendor: z.ZodType<string> = z
  .string('must be a string')
  .transform((text) => (/^[a-z][a-z0-9-]{0,49}$/.test(text) ? text : ''))
  .pipe(z.string().meta({ enum: vendors }))
  .meta({ description: 'The outside service.' });
const name = z
  .string('must be a string')
  .regex(/^[a-z0-9][a-z0-9_-]{0,49}$/, 'must be lower-case letters, digits, - and _, at most 50')
  .default('default')
  .meta({ description: 'Tells several connections of one vendor apart.' });

/** What names a connection. */
export const one = { vendor, name };
export const missing = 'No such connection.';

/** The connector of a vendor. Throws 404 that says which there are. */
export function known(of: string): Connector {
  const found = connectorNamed(of);
  if (found) return found;
  throw new AppError(404, 'not_found', missing, { field: 'vendor', reason: `must be one of ${vendors.join(', ')}` });
}

/** Values by field: any here, as the vendor is not known yet; each vendor's own in the document. */
const valuesOf = (part: 'settings' | 'secrets', description: string) =>
  z.record(z.string(), z.unknown(), 'must be an object').meta({
    description,
    anyOf: connectors.map(({ manifest, configuration }) => {
      const { $schema: _dialect, properties = {}, ...schema } = z.toJSONSchema(configuration[part], { io: 'input' });
      const required = [...configuration.requiredSettings, ...configuration.requiredSecrets];
      // null takes away what is not required
      const described = Object.entries(properties as Record<string, { type?: string }>).map(([field, values]) => [
        field,
        required.includes(field) ? values : { ...values, type: [values.type, 'null'] },
      ]);
      return { title: manifest.title, ...schema, properties: Object.fromEntries(described) };
    }),
  });
export const settings = valuesOf(
  'settings',
  'Values of the vendor’s fields that are no secrets, all together: what is left out of them, or null, has its default.',
);
export const secrets = valuesOf(
  'secrets',
  'Values of the vendor’s fields that are secrets. One that is left out, or masked as an answer shows it, stays as it is; null removes one that is not required.',
);

/** Settings as they are stored, of what a client sent, who may send back what an answer shows. Throws 400 that names the field. */
export function acceptedSettings(configuration: Configuration, given: Values, services: Services): Values {
  const { secretNames } = configuration;
  const set = Object.entries(given).filter(
    ([field, value]) => value !== null && !(value === MASKED && secretNames.includes(field)),
  );
  const secret = set.find(([field]) => secretNames.includes(field))?.[0];
  if (secret !== undefined)
    throw invalidRequest(`${secret} is a secret.`, { field: `settings.${secret}`, reason: 'belongs in secrets' });
  const values = parsed(configuration.settings, 'settings', Object.fromEntries(set));
  for (const field of Object.keys(configuration.endpoints)) checkAddress(field, values[field], services);
  return values;
}

/** What is to become of credentials. */
export interface SecretChanges {
  set: Record<string, string>;
  removed: string[];
}

/** Credentials to be set and to be removed, of what a client sent. Throws 400 that names the field. */
export function acceptedSecrets(configuration: Configuration, given: Values): SecretChanges {
  const fields = Object.entries(given);
  const removed = fields.filter(([, value]) => value === null).map(([field]) => field);
  for (const field of removed) {
    if (!configuration.secretNames.includes(field)) throw invalidField(field, 'secrets', 'unknown field');
    if (configuration.requiredSecrets.includes(field))
      throw invalidField(field, 'secrets', 'is required, and cannot be removed');
  }
  const set = Object.fromEntries(fields.filter(([, value]) => value !== null && value !== MASKED));
  return { set: parsed(configuration.secrets, 'secrets', set), removed };
}

function parsed<T extends Values>(schema: z.ZodType<T>, where: string, given: Values): T {
  const read = schema.safeParse(given);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const unknown = issue?.code === 'unrecognized_keys';
  const path = unknown ? [issue.keys[0] ?? ''] : (issue?.path ?? []);
  throw invalidField(path.join('.'), where, unknown ? 'unknown field' : (issue?.message ?? 'is invalid'));
}

/** 400 for a field of the manifest, with the manifest's reason. */
export const invalidField = (field: string, where: string, reason: string): AppError =>
  invalidRequest(`Invalid value for ${field}: ${reason}.`, { field: `${where}.${field}`, reason });

/** A mail server's address, for the guard, which knows those of the web. */
const webAddress = (text: string): string => text.replace(/^smtps?:/, 'https:');

function checkAddress(field: string, value: unknown, services: Services): void {
  if (value === undefined) return;
  const checked = services.guard.checkUrl(webAddress(String(value)));
  if (!checked.ok) throw invalidField(field, 'settings', checked.reason);
}
