import { z } from 'zod';
import type { Connector } from '../../connectors/connector.ts';
import type { Values } from '../../connectors/manifest.ts';
import {
  type ConnectionRow,
  type OpenedConnection,
  openConnection,
  secretsOf,
  UnusableConnection,
} from '../connections/opened.ts';
import { type TryOut, tryOut } from '../connections/try-out.ts';
import { invalidRequest } from '../errors.ts';
import { operation, type Services } from '../operations/operation.ts';
import {
  acceptedSecrets,
  acceptedSettings,
  invalidField,
  known,
  missing,
  one,
  type SecretChanges,
  secrets,
  settings,
} from './connection-fields.ts';

/** What is to be tried out: undefined settings are those that are stored; secrets stand in for stored ones, or take them away. */
interface Candidate {
  connector: Connector;
  settings: Values | undefined;
  secrets: SecretChanges;
}

export const testConnection = operation({
  id: 'connectors.test',
  summary: 'Try a connection out',
  description:
    'Asks the service whether the configuration works: the stored one, or one that is not saved yet, for which what is not given is taken from the stored one. Nothing is changed. A service that says no, or nothing within 10 seconds, is an answer too: `ok` is false then, and `message` says why.',
  scope: 'connectors.admin',
  kind: 'read',
  input: z.strictObject({ ...one, settings: settings.optional(), secrets: secrets.default({}) }),
  missing,
  prepare(input, services): Candidate {
    const connector = known(input.vendor);
    const { configuration, manifest, test } = connector;
    if (!test) {
      const reason = 'has nothing to try out: Trunkline does not call it';
      throw invalidRequest(`${manifest.title} ${reason}.`, { field: 'vendor', reason });
    }
    return {
      connector,
      settings: input.settings && acceptedSettings(configuration, input.settings, services),
      secrets: acceptedSecrets(configuration, input.secrets),
    };
  },
  statement: ({ input, local }) => ({
    text: `select case when $1 or exists (select from app.connections as c where c.vendor = $2 and c.name = $3) then '{}' end as body`,
    values: [local.settings !== undefined, input.vendor, input.name],
  }),
  async outside(_body, { input, actor, local, services }, pool) {
    const { rows } = await pool.query<ConnectionRow>({
      name: 'open_connection',
      text: 'select * from app.open_connection($1, $2, $3)',
      values: [actor.organizationId, input.vendor, input.name],
    });
    return JSON.stringify(await tried(rows[0], local, services));
  },
});

async function tried(stored: ConnectionRow | undefined, candidate: Candidate, services: Services): Promise<TryOut> {
  try {
    return await tryOut(opened(stored, candidate, services), services.outbound);
  } catch (error) {
    if (!(error instanceof UnusableConnection)) throw error;
    return { ok: false, message: error.message, kind: 'refused' };
  }
}

/** The candidate over what is stored. Throws 400 for what is missing of both, UnusableConnection for what cannot be used. */
function opened(stored: ConnectionRow | undefined, candidate: Candidate, { encryption }: Services): OpenedConnection {
  const {
    connector,
    settings: given,
    secrets: { set: fresh, removed },
  } = candidate;
  const changed = [...Object.keys(fresh), ...removed];
  if (stored && !given && changed.length === 0) return openConnection(stored, encryption);

  const kept = stored ? secretsOf(without(stored, changed), encryption) : {};
  const before = stored?.settings ?? {};
  const after = given ?? before;
  if (Object.keys(kept).length > 0) requireSameHosts(connector, before, after);
  const read = connector.configuration.schema.safeParse({ ...after, ...kept, ...fresh });
  if (read.success) return { connector, config: read.data as never, secrets: Object.values({ ...kept, ...fresh }) };
  const [issue] = read.error.issues;
  const [field = ''] = (issue?.path ?? []).map(String);
  const where = connector.configuration.secretNames.includes(field) ? 'secrets' : 'settings';
  throw invalidField(field, where, issue?.message ?? 'is invalid');
}

/** A connection without some of its credentials. */
function without(row: ConnectionRow, fields: string[]): ConnectionRow {
  const left = (row.secret_names ?? []).map((field, index) => ({
    field,
    ciphertext: row.ciphertexts?.[index] as Buffer,
  }));
  const kept = left.filter(({ field }) => !fields.includes(field));
  return {
    ...row,
    secret_names: kept.map(({ field }) => field),
    ciphertexts: kept.map(({ ciphertext }) => ciphertext),
  };
}

/** As app.save_connection: nobody reads credentials that are kept by having them sent to a server of his own. */
function requireSameHosts({ configuration }: Connector, before: Values, after: Values): void {
  for (const [field, standard] of Object.entries(configuration.endpoints)) {
    const host = (values: Values) => hostOf(String(values[field] ?? standard));
    if (host(before) === host(after)) continue;
    throw invalidRequest(`${field} leads to another host: give the credentials anew.`, {
      field: `settings.${field}`,
      reason: 'leads to another host; give all secrets anew',
    });
  }
}

/** Scheme, host and port of an address. A mail server's has no origin of its own: that of every one is the text "null". */
const hostOf = (address: string): string | undefined => URL.parse(address.replace(/^smtp/, 'http'))?.origin;
