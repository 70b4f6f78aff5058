import { randomUUID } from 'node:crypto';
import { type Config, readConfig } from '../config.ts';
import { createOutbound } from '../connections/http-client.ts';
import { type Credentials, loginUrl } from '../database/login.ts';
import { createPool } from '../database/pool.ts';
import { httpUrl } from '../gateway/listen.ts';
import { createLogger } from '../log.ts';
import { type SystemActor, systemActor } from '../operations/actor.ts';
import { type Binding, type Core, execute, readReasons } from '../operations/execute.ts';
import type { Operation } from '../operations/operation.ts';
import { StartupError } from '../startup-error.ts';
import { credentialsOf, type Database, embeddedExists, openDatabase, prepareDatabase } from '../supervisor/database.ts';
import { encryptionOf } from '../supervisor/encryption-key.ts';
import { connectionProblem, reach } from '../supervisor/reach.ts';
import { guardOf } from '../supervisor/settings.ts';

/** The database a command works on. */
export interface Instance {
  config: Config;
  adminUrl: string;
  /** what the passwords of the login roles are made of; with DATABASE_URL this needs ENCRYPTION_KEY */
  credentials(): Credentials;
}

/**
 * Lets a command work on the database: DATABASE_URL's, that of a running `npm start`, or the embedded one, started for the
 * moment. An embedded one that holds no core yet gets it first.
 */
export async function withInstance<T>(work: (instance: Instance) => Promise<T>): Promise<T> {
  const config = readConfig();
  const fresh = config.databaseUrl === undefined && !embeddedExists(config);
  // an embedded server is told to end on the way out (embedded/child.ts), also one that is just being started
  const leave = () => process.exit(130);
  process.once('SIGINT', leave).once('SIGTERM', leave);
  let database: Database | undefined;
  try {
    const opened = await openDatabase(config, createLogger('silent'), { attach: true });
    database = opened;
    if (fresh) process.stderr.write(`A new database was made in ${config.dataDir}.\n`);
    const { adminUrl, embedded, inUse } = opened;
    if (!embedded && !inUse) {
      throw new StartupError('This database holds no Trunkline core yet: run "trunkline migrate" on it first.');
    }
    const credentials = () => credentialsOf(config, opened);
    if (embedded && (!embedded.attached || !inUse)) await prepareDatabase(adminUrl, credentials());
    return await work({ config, adminUrl, credentials });
  } finally {
    await database?.embedded?.stop();
    process.removeListener('SIGINT', leave).removeListener('SIGTERM', leave);
  }
}

/** What a command does for one organization, with every scope, under that organization's row-level security. */
export interface Tenant {
  core: Core;
  actor: SystemActor;
  /** runs an operation of the domain as the gateway would; returns its answer */
  // biome-ignore lint/suspicious/noExplicitAny: answers are in the contract's shape
  run<Input, Local>(operation: Operation<Input, Local>, binding: Binding, input: unknown): Promise<any>;
}

/** Acts for one organization, through the gateway's login. Throws a StartupError when there is no such organization. */
export async function withTenant<T>(
  instance: Instance,
  organizationId: string,
  work: (tenant: Tenant) => Promise<T>,
): Promise<T> {
  const { config, adminUrl } = instance;
  const credentials = instance.credentials();
  const url = loginUrl(adminUrl, 'gateway', credentials);
  await reach(url);
  const pool = createPool(url, { max: 1, name: 'trunkline command line' });
  const guard = guardOf(config);
  const outbound = createOutbound({ guard });
  try {
    const services = {
      encryption: encryptionOf(credentials.encryptionKey),
      guard,
      outbound,
      publicUrl: config.publicUrl ?? httpUrl(config.host, config.port),
    };
    const core: Core = { pool, reasons: await readReasons(pool), services };
    const actor = systemActor(organizationId, 'system', `cli_${randomUUID()}`);
    const tenant: Tenant = {
      core,
      actor,
      async run(operation, binding, input) {
        const { body } = await execute(core, operation, actor, input, binding);
        return JSON.parse(body);
      },
    };
    return await work(tenant);
  } catch (error) {
    throw connectionProblem(error, url) ?? error;
  } finally {
    await Promise.all([pool.end(), outbound.close()]);
  }
}
