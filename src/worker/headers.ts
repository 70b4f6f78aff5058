import { ai93Signature, ealSignature, standardWebhooksHeaders } from '../webhooks/signing.ts';

/** An attempt as its contract's headers need it. */
export interface OutgoingAttempt {
  eventId: string;
  eventType: string;
  /** id under which the delivery log shows this attempt */
  attemptId: string;
  attempt: number;
  /** exactly the bytes that are sent */
  body: Buffer;
  /** newest first */
  secrets: readonly string[];
  /** Unix seconds */
  timestamp: number;
}

type ContractHeaders = (attempt: OutgoingAttempt) => Record<string, string>;

/** What each contract's document promises its receivers, beside the Standard Webhooks headers that every delivery has. */
const CONTRACTS: Record<string, ContractHeaders> = {
  eal: (attempt) => ({
    'user-agent': 'Trunkline/1.0',
    'x-eal-signature': ealSignature(attempt),
    'x-eal-event': attempt.eventType,
    'x-eal-event-id': attempt.eventId,
    'x-eal-delivery-id': attempt.attemptId,
    'x-eal-attempt': String(attempt.attempt),
  }),
  ai93: (attempt) => ({
    'user-agent': attempt.attempt > 1 ? 'AI93Platform/1.0 (retry)' : 'AI93Platform/1.0',
    'x-ai93-signature': ai93Signature(attempt),
    'x-ai93-timestamp': String(attempt.timestamp),
    'x-ai93-event': attempt.eventType,
    'x-ai93-event-id': attempt.eventId,
    'x-ai93-attempt': String(attempt.attempt),
  }),
};

/** The headers of a delivery, signed. Throws when the contract is unknown or there is no secret. */
export function deliveryHeaders(contract: string, attempt: OutgoingAttempt): Record<string, string> {
  const contractHeaders = CONTRACTS[contract];
  if (!contractHeaders) throw new Error(`No webhook headers are known for the contract ${contract}`);
  return {
    'content-type': 'application/json',
    ...standardWebhooksHeaders({ ...attempt, id: attempt.eventId }),
    ...contractHeaders(attempt),
  };
}
