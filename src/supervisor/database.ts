import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { type Credentials, setLoginPasswords } from '../database/login.ts';
import { migrate } from '../database/migrate.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded/postgres.ts';
import type { Logger } from '../log.ts';
import { StartupError } from '../startup-error.ts';
import { embeddedEncryptionKey, encryptionOf, requiredEncryptionKey } from './encryption-key.ts';
import { connectionProblem, holdsCore, reach } from './reach.ts';

export interface Database {
  /** an administrator's connection string */
  adminUrl: string;
  /** the server, when it is the embedded one */
  embedded: EmbeddedPostgres | undefined;
  /** it holds a core already */
  inUse: boolean;
}

/** The database of the configuration: DATABASE_URL, or the embedded one, which is started unless `attach` finds it running. */
export async function openDatabase(config: Config, log: Logger, options: { attach: boolean }): Promise<Database> {
  if (config.databaseUrl !== undefined) {
    return { adminUrl: config.databaseUrl, embedded: undefined, inUse: await holdsCore(config.databaseUrl) };
  }
  const embedded = await startEmbeddedPostgres({
    dataDir: config.dataDir,
    attach: options.attach,
    ...(config.postgresPort !== undefined && { port: config.postgresPort }),
    ...(config.postgresSystemUser && { systemUser: config.postgresSystemUser }),
    log: (line) =>
      log[/ (PANIC|LOG): .*(PANIC|was terminated by signal)/.test(line) ? 'error' : 'debug']({ line }, 'postgresql'),
  });
  try {
    return { adminUrl: embedded.url, embedded, inUse: await holdsCore(embedded.url) };
  } catch (error) {
    await embedded.stop();
    throw error;
  }
}

/** Whether the data directory holds an embedded database already. */
export const embeddedExists = (config: Config): boolean => existsSync(join(config.dataDir, 'postgres', 'PG_VERSION'));

/** What the passwords of the login roles are made of. Throws a StartupError when the encryption key is missing or none. */
export function credentialsOf(config: Config, database: Pick<Database, 'embedded' | 'inUse'>): Credentials {
  const encryptionKey = database.embedded
    ? embeddedEncryptionKey(config.dataDir, config.encryptionKey, database.inUse)
    : requiredEncryptionKey(config.encryptionKey);
  encryptionOf(encryptionKey);
  return { encryptionKey, passwords: config.loginPasswords };
}

/** Applies sql/ and sets the passwords of the login roles. Returns whether anything had to be applied. */
export async function prepareDatabase(adminUrl: string, credentials: Credentials): Promise<{ applied: boolean }> {
  try {
    await reach(adminUrl);
    const result = await migrate(adminUrl);
    await setLoginPasswords(adminUrl, credentials);
    return result;
  } catch (error) {
    throw connectionProblem(error, adminUrl) ?? administratorProblem(error, adminUrl) ?? error;
  }
}

/** The user of DATABASE_URL is no administrator: it may not make roles, take the owner's role, or the like. */
export function administratorProblem(error: unknown, url: string): StartupError | undefined {
  const { code, cause, message } = error as { code?: string; cause?: { code?: string }; message: string };
  if (code !== '42501' && cause?.code !== '42501') return undefined;
  const user = decodeURIComponent(URL.parse(url)?.username ?? '');
  return new StartupError(
    `DATABASE_URL: this needs an administrator's connection string, and "${user}" is none (${message}).`,
    { cause: error },
  );
}
