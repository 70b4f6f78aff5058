import type { Config } from '../config.ts';
import { createLogger } from '../log.ts';
import { credentialsOf, openDatabase, prepareDatabase } from './database.ts';

/** Applies sql/ and sets the passwords of the login roles, whichever database it is. */
export async function migrateDatabase(config: Config): Promise<{ applied: boolean }> {
  const database = await openDatabase(config, createLogger('silent'), { attach: true });
  try {
    return await prepareDatabase(database.adminUrl, credentialsOf(config, database));
  } finally {
    await database.embedded?.stop();
  }
}
