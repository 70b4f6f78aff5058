import type { DeliveryDocument, EventDocument } from '../contract.ts';
import { examples } from './examples.ts';
import { auditEvent, leadEvent, otherEvent } from './outputs.ts';

const DESCRIPTIONS: Record<keyof typeof examples.events, string> = {
  'call.received': 'New inbound call ingested from CallRail or other tracker',
  'call.classified': 'AI classification finished; includes intent, urgency, qualified flag',
  'call.qualified': 'A call was determined to be a qualified lead',
  'lead.created': 'New lead added to the system',
  'lead.updated': 'Lead status, score, or fields changed',
  'outreach.email.sent': 'Outbound email sent',
  'outreach.email.replied': 'Reply received and classified',
  'claim.scope.ready': 'Insurance documentation extraction completed and ready for review',
  'review.requested': 'Customer was sent a review request after job completion',
  'review.received': 'New review detected on Google or another listing surface',
  'audit.log.event': 'Stream of audit events; opt-in for compliance integrations',
};

const BODIES: Record<string, EventDocument['body']> = {
  'lead.created': leadEvent,
  'lead.updated': leadEvent,
  'audit.log.event': auditEvent,
};

/** The eleven events of Expert AI Labs, as its document describes them, and the headers of their deliveries. */
export const deliveries: DeliveryDocument = {
  tag: 'Webhooks',
  gone: true,
  events: Object.entries(examples.events).map(([name, example]) => ({
    name,
    description: DESCRIPTIONS[name as keyof typeof DESCRIPTIONS],
    body: BODIES[name] ?? otherEvent,
    example,
  })),
  headers: (event) => [
    {
      name: 'X-EAL-Signature',
      description:
        'Hex HMAC-SHA256 of `{t}.{raw body}` with the signing secret as shown, prefix and all. A second `v1` for 24 hours after a rotation.',
      example: 't=1777311738,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd',
    },
    { name: 'X-EAL-Event', description: 'Event name.', example: event.name },
    { name: 'X-EAL-Event-Id', description: 'The same at every attempt.', example: 'evt_5f1c8a324d65e2b8' },
    {
      name: 'X-EAL-Delivery-Id',
      description: 'This attempt, as the delivery log shows it.',
      example: examples.delivery.response.id,
    },
    { name: 'X-EAL-Attempt', description: '1 for the first.', example: '1' },
    { name: 'webhook-id', description: 'Standard Webhooks: the event id.', example: 'evt_5f1c8a324d65e2b8' },
    { name: 'webhook-timestamp', description: 'Standard Webhooks: Unix seconds.', example: '1777311738' },
    {
      name: 'webhook-signature',
      description:
        'Standard Webhooks: base64 HMAC-SHA256 of `{id}.{timestamp}.{raw body}` with the bytes after `whsec_`.',
      example: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
  ],
};
