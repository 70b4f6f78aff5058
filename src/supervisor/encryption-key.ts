import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEncryption, type Encryption, generateEncryptionKey } from '../security/encryption.ts';
import { StartupError } from '../startup-error.ts';

const fileIn = (dataDir: string): string => join(dataDir, 'encryption.key');

/**
 * The encryption key of an embedded instance: made once into the data directory, or ENCRYPTION_KEY.
 *   inUse  the database holds a core already, so a key was made for it: a new one could read nothing of it
 */
export function embeddedEncryptionKey(dataDir: string, configured: string | undefined, inUse: boolean): string {
  const kept = readKey(dataDir);
  if (configured !== undefined) {
    if (kept !== undefined && kept !== configured.trim()) {
      throw new StartupError(
        `ENCRYPTION_KEY: differs from ${fileIn(dataDir)}, with which the secrets of this database are encrypted. Unset it.`,
      );
    }
    return configured;
  }
  if (kept !== undefined) return kept;
  if (inUse) {
    throw new StartupError(
      `${fileIn(dataDir)}, with which the secrets of this database are encrypted, is missing: restore it from a backup, or set ENCRYPTION_KEY to what it held.`,
    );
  }
  return makeKey(dataDir);
}

/** ENCRYPTION_KEY, where the database is not ours to keep a key beside. */
export function requiredEncryptionKey(configured: string | undefined): string {
  if (configured === undefined) {
    throw new StartupError(
      'ENCRYPTION_KEY: is required with DATABASE_URL. Make one with "openssl rand -base64 32", give it to every process, and keep it safe.',
    );
  }
  return configured;
}

/** Throws a StartupError for a key that is none. */
export function encryptionOf(key: string): Encryption {
  try {
    return createEncryption(key);
  } catch {
    throw new StartupError('ENCRYPTION_KEY: must be 32 bytes, in base64 (44 characters) or hex (64 characters).');
  }
}

function readKey(dataDir: string): string | undefined {
  try {
    return readFileSync(fileIn(dataDir), 'utf8').trim();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new StartupError(`The encryption key cannot be read (${message}).`, { cause: error });
  }
}

/** Written whole and then linked, so that nobody reads half a key, and of two makers one wins and both use its key. */
function makeKey(dataDir: string): string {
  const draft = `${fileIn(dataDir)}.${process.pid}`;
  writeFileSync(draft, `${generateEncryptionKey()}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(draft, fileIn(dataDir));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readKey(dataDir) as string;
}
