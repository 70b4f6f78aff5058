import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a signature covers: exactly the bytes that are sent, and when. Secrets: newest first, one or more. */
export interface Signable {
  /** Unix seconds. */
  timestamp: number;
  body: string | Buffer;
  secrets: readonly string[];
}

export interface EalVerification {
  /** The value of `X-EAL-Signature`, as received. */
  header: string | undefined;
  body: string | Buffer;
  secrets: readonly string[];
  /** How far the timestamp may be from `now`, in either direction; 300 unless told. */
  toleranceSeconds?: number;
  /** Unix seconds; the clock unless told. */
  now?: number;
}

const SECRET_PREFIX = 'whsec_';

/** A new signing secret: `whsec_` and 24 random bytes in base64. */
export function generateSigningSecret(): string {
  return SECRET_PREFIX + randomBytes(24).toString('base64');
}

/** The part of a secret that may be shown again, e.g. `whsec_a1b2c3`. */
export function secretPrefix(secret: string): string {
  return secret.slice(0, 12);
}

/**
 * The value of `X-EAL-Signature`: `t=<seconds>,v1=<hex>`, and one `v1` more for every further secret.
 * The HMAC key is the secret as shown, prefix and all. Throws when there is no secret.
 */
export function ealSignature({ timestamp, body, secrets }: Signable): string {
  requireSecret(secrets);
  const signatures = secrets.map((secret) => `v1=${timestampedHmac(secret, timestamp, body).toString('hex')}`);
  return `t=${timestamp},${signatures.join(',')}`;
}

/**
 * The value of `X-AI93-Signature`: `sha256=<hex>` over `{timestamp}.{body}`, by the newest secret: its receivers compare the whole
 * header, so there is place for one. The HMAC key is the secret as shown. Throws when there is no secret.
 */
export function ai93Signature({ timestamp, body, secrets }: Signable): string {
  requireSecret(secrets);
  return `sha256=${timestampedHmac(secrets[0] as string, timestamp, body).toString('hex')}`;
}

/** Whether `X-EAL-Signature` is that of this body under one of the secrets, and recent. Never throws. */
export function verifyEalSignature(verification: EalVerification): boolean {
  const { header, body, secrets, toleranceSeconds = 300, now = Math.floor(Date.now() / 1000) } = verification;
  const parts = (header ?? '').split(',').map((part) => part.trim());
  const timestamps = parts.filter((part) => /^t=\d{1,15}$/.test(part)).map((part) => Number(part.slice(2)));
  const signatures = parts
    .filter((part) => /^v1=[0-9a-f]{64}$/.test(part))
    .map((part) => Buffer.from(part.slice(3), 'hex'));
  const timestamp = timestamps[0];
  if (timestamp === undefined || timestamps.length > 1) return false;
  if (Math.abs(now - timestamp) > toleranceSeconds) return false;
  return secrets.some((secret) => {
    const expected = timestampedHmac(secret, timestamp, body);
    return signatures.some((signature) => timingSafeEqual(signature, expected));
  });
}

export interface StandardWebhooksHeaders {
  'webhook-id': string;
  'webhook-timestamp': string;
  'webhook-signature': string;
}

/**
 * The three headers of the Standard Webhooks specification. `id` is the event's: the same at every attempt,
 * so that receivers can drop duplicates. The HMAC key is the bytes that the secret encodes. Throws when there is no secret.
 */
export function standardWebhooksHeaders({
  id,
  timestamp,
  body,
  secrets,
}: Signable & { id: string }): StandardWebhooksHeaders {
  requireSecret(secrets);
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.replace(SECRET_PREFIX, ''), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signatures.join(' ') };
}

function timestampedHmac(secret: string, timestamp: number, body: string | Buffer): Buffer {
  return createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest();
}

// An unsigned delivery would look valid to a receiver that skips verification: fail here instead.
function requireSecret(secrets: readonly string[]): void {
  if (secrets.length === 0) throw new Error('A webhook needs at least one signing secret');
}
