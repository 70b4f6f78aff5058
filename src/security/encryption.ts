import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

export interface Encryption {
  /** Encrypts for one place: `context` names it, e.g. `webhook_secret:<endpoint id>`. */
  encrypt(plaintext: string | Buffer, context: string): Buffer;
  /** Returns the plaintext; throws when key, context or a single bit differ from what was encrypted. */
  decrypt(ciphertext: Buffer, context: string): Buffer;
}

// Layout: version (1) · nonce (12) · tag (16) · ciphertext. The version lets a later scheme live beside this one.
const VERSION = 1;
const KEY_LENGTH = 32;
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
const HEADER_LENGTH = 1 + NONCE_LENGTH + TAG_LENGTH;
const ALGORITHM = 'aes-256-gcm';

/**
 * AES-256-GCM under one key: 32 bytes, or those in base64 or hex. Throws when the key is anything else.
 * The context is authenticated with the text, so a ciphertext copied to another row does not decrypt there.
 */
export function createEncryption(key: Buffer | string): Encryption {
  const keyBytes = readKey(key);
  return {
    encrypt(plaintext, context) {
      const nonce = randomBytes(NONCE_LENGTH);
      const cipher = createCipheriv(ALGORITHM, keyBytes, nonce, { authTagLength: TAG_LENGTH });
      cipher.setAAD(associatedData(context));
      const encrypted = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), encrypted]);
    },

    decrypt(ciphertext, context) {
      if (ciphertext.length < HEADER_LENGTH) throw new Error('Cannot decrypt: the ciphertext is too short');
      if (ciphertext[0] !== VERSION) throw new Error(`Cannot decrypt: unknown version ${ciphertext[0]}`);
      const nonce = ciphertext.subarray(1, 1 + NONCE_LENGTH);
      const decipher = createDecipheriv(ALGORITHM, keyBytes, nonce, { authTagLength: TAG_LENGTH });
      decipher.setAAD(associatedData(context));
      decipher.setAuthTag(ciphertext.subarray(1 + NONCE_LENGTH, HEADER_LENGTH));
      try {
        return Buffer.concat([decipher.update(ciphertext.subarray(HEADER_LENGTH)), decipher.final()]);
      } catch (cause) {
        throw new Error(`Cannot decrypt ${context}: another key or context, or altered data`, { cause });
      }
    },
  };
}

/** A new random key in base64, for the configuration. */
export function generateEncryptionKey(): string {
  return randomBytes(KEY_LENGTH).toString('base64');
}

function associatedData(context: string): Buffer {
  return Buffer.concat([Buffer.of(VERSION), Buffer.from(context)]);
}

// Copied, so that a caller who wipes or reuses its buffer does not change the key in use.
function readKey(key: Buffer | string): Buffer {
  const bytes = typeof key === 'string' ? decodeKey(key.trim()) : Buffer.from(key);
  // The message must not quote the key: it ends up in logs.
  if (bytes?.length !== KEY_LENGTH) {
    throw new Error('The encryption key must be 32 bytes, in base64 (44 characters) or hex (64 characters)');
  }
  return bytes;
}

function decodeKey(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return Buffer.from(text, 'base64'); // reads base64url too
  return undefined;
}
