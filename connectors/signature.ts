import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether two texts are the same, in a time that tells nothing about where they differ or how long they are. */
export const sameText = (given: string, expected: string): boolean => timingSafeEqual(digest(given), digest(expected));

/** Whether `given` is the HMAC of the payload, in constant time. */
export const isHmac = (
  given: string,
  payload: Buffer,
  secret: string,
  { algorithm, encoding }: { algorithm: 'sha1' | 'sha256'; encoding: 'hex' | 'base64' },
): boolean => sameText(given, createHmac(algorithm, secret).update(payload).digest(encoding));
