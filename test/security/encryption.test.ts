import { describe, expect, it } from 'vitest';
import { createEncryption, generateEncryptionKey } from '../../src/security/encryption.ts';

const KEY = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
const encryption = createEncryption(KEY);

it('decrypts what another implementation made', () => {
  // Python's cryptography.AESGCM: key 00…1f, nonce 00…0b, associated data 01 ‖ "webhook_secret:1".
  const known = '01000102030405060708090a0b87ac5c8879786dfb81eaab088bb4760e306aa57ea6baa975e236f9';
  expect(encryption.decrypt(Buffer.from(known, 'hex'), 'webhook_secret:1').toString()).toBe('whsec_known');
});

it.each([
  ['text', 'whsec_a1b2c3'],
  ['Unicode', 'Zoë 🏠'],
  ['nothing', ''],
  ['bytes', Buffer.from([0, 255, 128])],
])('gives %s back', (_what, plaintext) => {
  const decrypted = encryption.decrypt(encryption.encrypt(plaintext, 'context'), 'context');
  expect(decrypted).toEqual(Buffer.from(plaintext as string));
});

it('never makes the same ciphertext twice', () => {
  const ciphertexts = Array.from({ length: 1_000 }, () => encryption.encrypt('same', 'context').toString('hex'));
  expect(new Set(ciphertexts).size).toBe(1_000);
});

describe('does not decrypt', () => {
  const ciphertext = encryption.encrypt('whsec_a1b2c3', 'webhook_secret:1');

  it('in another row', () => {
    expect(() => encryption.decrypt(ciphertext, 'webhook_secret:2')).toThrow(/Cannot decrypt/);
  });

  it('with another key', () => {
    const other = createEncryption(generateEncryptionKey());
    expect(() => other.decrypt(ciphertext, 'webhook_secret:1')).toThrow(/Cannot decrypt/);
  });

  it('with any one bit changed', () => {
    for (let bit = 0; bit < ciphertext.length * 8; bit++) {
      const altered = Buffer.from(ciphertext);
      altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => encryption.decrypt(altered, 'webhook_secret:1')).toThrow(/Cannot decrypt/);
    }
  });

  it('when cut short anywhere', () => {
    for (let length = 0; length < ciphertext.length; length++) {
      expect(() => encryption.decrypt(ciphertext.subarray(0, length), 'webhook_secret:1')).toThrow(/Cannot decrypt/);
    }
  });
});

describe('the key', () => {
  const ciphertext = encryption.encrypt('text', 'context');

  it.each([
    ['base64', KEY.toString('base64')],
    ['base64url', KEY.toString('base64url')],
    ['hex', KEY.toString('hex')],
    ['base64 and a line end', `${KEY.toString('base64')}\n`],
  ])('may be %s', (_form, key) => {
    expect(createEncryption(key).decrypt(ciphertext, 'context').toString()).toBe('text');
  });

  it('may be a buffer that is wiped afterwards', () => {
    const key = Buffer.from(KEY);
    const copied = createEncryption(key);
    key.fill(0);
    expect(copied.decrypt(ciphertext, 'context').toString()).toBe('text');
  });

  it.each(
    [
      ['', 'secret', 'x'.repeat(32), 'z'.repeat(64), KEY.toString('hex').slice(2), Buffer.alloc(16), Buffer.alloc(33)],
    ].flat(),
  )('may not be anything else (%#)', (key) => {
    expect(() => createEncryption(key)).toThrow(/must be 32 bytes/);
  });

  it('is not quoted in the error', () => {
    expect(() => createEncryption('hunter2')).not.toThrow(/hunter2/);
  });

  it('can be generated', () => {
    expect(Buffer.from(generateEncryptionKey(), 'base64')).toHaveLength(32);
    expect(generateEncryptionKey()).not.toBe(generateEncryptionKey());
  });
});
