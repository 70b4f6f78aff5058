import type pg from 'pg';
import type { Logger } from 'pino';
import type { Encryption } from '../security/encryption.ts';
import type { Claim } from './claims.ts';
import { deliveryHeaders } from './headers.ts';

/** A row of app.prepare_deliveries. */
export interface Prepared {
  organization_id: string;
  delivery_id: string;
  endpoint_id: string;
  attempt: number;
  contract: string;
  url: string;
  event_public_id: string;
  event_type: string;
  body: string;
  secret_ids: string[] | null;
  secrets: Buffer[] | null;
  attempt_id: string;
  attempt_public_id: string;
}

/** What to send for each claim. A claim without an entry was overtaken by time: delivered, held or tried again meanwhile. */
export async function prepareDeliveries(pool: pg.Pool, claims: Claim[]): Promise<Map<Claim, Prepared>> {
  const jobs = claims.map(({ data }) => ({
    organization_id: data.organizationId,
    delivery_id: data.deliveryId,
    attempt: data.attempt,
  }));
  const { rows } = await pool.query<Prepared>('select * from app.prepare_deliveries($1)', [JSON.stringify(jobs)]);
  const byDelivery = new Map(rows.map((row) => [row.delivery_id, row]));
  const prepared = new Map<Claim, Prepared>();
  for (const claim of claims) {
    const row = byDelivery.get(claim.data.deliveryId);
    if (row?.attempt === claim.data.attempt) prepared.set(claim, row);
  }
  return prepared;
}

export interface SignedRequest {
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

/**
 * Signs a delivery with every secret in force. Undefined when that is impossible (another encryption key, say): sent unsigned, it
 * would look genuine to a receiver that does not verify.
 */
export function signDelivery(row: Prepared, encryption: Encryption, log: Logger): SignedRequest | undefined {
  const body = Buffer.from(row.body);
  try {
    const secrets = (row.secrets ?? []).map((ciphertext, i) =>
      encryption.decrypt(ciphertext, `webhook_secret:${row.secret_ids?.[i]}`).toString(),
    );
    const headers = deliveryHeaders(row.contract, {
      eventId: row.event_public_id,
      eventType: row.event_type,
      attemptId: row.attempt_public_id,
      attempt: row.attempt,
      body,
      secrets,
      timestamp: Math.floor(Date.now() / 1000),
    });
    return { url: row.url, headers, body };
  } catch (error) {
    log.error({ err: error, endpoint: row.endpoint_id, delivery: row.delivery_id }, 'a delivery could not be signed');
    return undefined;
  }
}
