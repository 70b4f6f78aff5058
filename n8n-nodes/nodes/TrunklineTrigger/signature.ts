import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far the time of a signature may be from now, in seconds. */
const TOLERANCE = 300;
/** More signatures than a rotation ever makes are not looked at. */
const MOST_SIGNATURES = 8;

export interface Verdict {
  valid: boolean;
  /** what is wrong, when it is not valid */
  reason?: string;
  /** a signature that none of our secrets made: the secret may have been rotated by somebody else */
  foreign: boolean;
}

/** Verifies `X-EAL-Signature` (`t=<seconds>,v1=<hex>[,v1=<hex>]`) over the bytes as they came. Never throws. */
export function verify(
  header: string | undefined,
  body: Buffer | undefined,
  secrets: string[],
  now = Math.floor(Date.now() / 1000),
): Verdict {
  const parts = (header ?? '')
    .slice(0, 2000)
    .split(',')
    .map((part) => part.trim());
  const [timestamp, ...others] = parts.filter((part) => /^t=\d{1,15}$/.test(part)).map((part) => Number(part.slice(2)));
  const signatures = parts.filter((part) => /^v1=[0-9a-f]{64}$/.test(part)).slice(0, MOST_SIGNATURES);
  if (timestamp === undefined || others.length > 0 || signatures.length === 0 || !body) {
    return { valid: false, reason: 'The signature is missing or malformed.', foreign: false };
  }
  if (Math.abs(now - timestamp) > TOLERANCE) {
    const reason = `The signature is of a time ${Math.abs(now - timestamp)} seconds from now. Are the clocks right?`;
    return { valid: false, reason, foreign: false };
  }
  const own = secrets.map((secret) => createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest());
  const known = signatures.map((part) => {
    const given = Buffer.from(part.slice(3), 'hex');
    return own.some((expected) => timingSafeEqual(expected, given));
  });
  return known.includes(true)
    ? { valid: true, foreign: known.includes(false) }
    : { valid: false, reason: 'The signature does not match.', foreign: true };
}
