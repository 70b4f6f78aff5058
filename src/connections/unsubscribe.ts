import type { Encryption } from '../security/encryption.ts';

// The link by which whoever was sent a mail unsubscribes. The token says which mail, and holds nothing that could be guessed or made by
// anybody else; nothing is stored for it, and it does not expire: an old mail is still a way out.

const CONTEXT = 'unsubscribe';

export interface UnsubscribeSubject {
  organizationId: string;
  messageId: string;
}

const bytesOf = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex');
const uuidOf = (bytes: Buffer): string =>
  bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** The token for a mail. */
export const unsubscribeToken = ({ organizationId, messageId }: UnsubscribeSubject, encryption: Encryption): string =>
  encryption.encrypt(Buffer.concat([bytesOf(organizationId), bytesOf(messageId)]), CONTEXT).toString('base64url');

/** The mail that a token is for; undefined for one that was not made here. */
export function readUnsubscribeToken(token: string, encryption: Encryption): UnsubscribeSubject | undefined {
  if (!/^[A-Za-z0-9_-]{60,120}$/.test(token)) return undefined;
  try {
    const sealed = Buffer.from(token, 'base64url');
    const bytes = encryption.decrypt(sealed, CONTEXT);
    // base 64 has bits to spare at its end: one mail, one token
    return bytes.length === 32 && sealed.toString('base64url') === token
      ? { organizationId: uuidOf(bytes.subarray(0, 16)), messageId: uuidOf(bytes.subarray(16)) }
      : undefined;
  } catch {
    return undefined;
  }
}
