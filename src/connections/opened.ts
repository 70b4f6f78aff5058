import type { Connector } from '../../connectors/connector.ts';
import type { Values } from '../../connectors/manifest.ts';
import { connectorNamed } from '../../connectors/registry.ts';
import type { Encryption } from '../security/encryption.ts';

/** A connection as the database's named functions hand it out. */
export interface ConnectionRow {
  organization_id: string;
  vendor: string;
  name: string;
  settings: Values;
  secret_names: string[] | null;
  ciphertexts: Buffer[] | null;
}

export interface OpenedConnection {
  connector: Connector;
  /** settings and secrets, defaults filled in; of the type that the connector's parts take */
  config: never;
  /** what must not be said */
  secrets: string[];
}

/** Why a connection cannot be used; its message names no credential. */
export class UnusableConnection extends Error {
  override readonly name = 'UnusableConnection';
}

/** What a credential is encrypted for: copied to another organization, connection or field, it does not decrypt. */
export const secretContext = (organizationId: string, vendor: string, name: string, field: string): string =>
  `connection_secret:${organizationId}:${vendor}:${name}:${field}`;

/** Decrypts a connection's credentials and checks the whole. Throws UnusableConnection. */
export function openConnection(row: ConnectionRow, encryption: Encryption): OpenedConnection {
  const connector = connectorNamed(row.vendor);
  if (!connector) throw new UnusableConnection(`There is no connector ${row.vendor}.`);
  const secrets = secretsOf(row, encryption);
  const read = connector.configuration.schema.safeParse({ ...row.settings, ...secrets });
  if (read.success) return { connector, config: read.data as never, secrets: Object.values(secrets) };
  const [issue] = read.error.issues;
  throw new UnusableConnection(`Its configuration is no longer valid: ${issue?.path.join('.')} ${issue?.message}.`);
}

/** A connection's credentials by field, decrypted. Throws UnusableConnection. */
export function secretsOf(row: ConnectionRow, encryption: Encryption): Record<string, string> {
  try {
    return Object.fromEntries(
      (row.secret_names ?? []).map((field, index) => {
        const context = secretContext(row.organization_id, row.vendor, row.name, field);
        return [field, encryption.decrypt(row.ciphertexts?.[index] ?? Buffer.of(), context).toString('utf8')];
      }),
    );
  } catch (cause) {
    throw new UnusableConnection('Its credentials cannot be decrypted: they were set under another ENCRYPTION_KEY.', {
      cause,
    });
  }
}
