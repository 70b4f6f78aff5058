import type { DeliveryDocument } from '../contract.ts';
import { examples } from './examples.ts';
import { event } from './outputs.ts';

const DESCRIPTIONS: Record<keyof typeof examples.events, string> = {
  'lead.created': 'A lead came in, from whatever source and by whatever way',
  'lead.status_changed': 'The status is another one than before',
  'lead.replied': 'A reply of the lead was recorded',
  'lead.converted': 'The new status is converted; comes besides lead.status_changed',
  'lead.handed_off': 'The lead was handed off to a system downstream, which takes over from here',
};

/** The five events of AI93, and the headers of their deliveries. */
export const deliveries: DeliveryDocument = {
  tag: 'Webhooks',
  gone: false,
  events: Object.entries(examples.events).map(([name, data]) => ({
    name,
    description: DESCRIPTIONS[name as keyof typeof DESCRIPTIONS],
    body: event,
    example: {
      id: 'evt_5f1c8a324d65e2b8',
      type: name,
      createdAt: data.updatedAt,
      consumerWorkspace: 'krew',
      data,
    },
  })),
  headers: ({ name }) => [
    {
      name: 'X-AI93-Signature',
      description:
        'Hex HMAC-SHA256 of `{timestamp}.{raw body}` with the signing secret as shown, prefix and all. After a rotation it is the new secret’s at once; `webhook-signature` has both for 24 hours.',
      example: 'sha256=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd',
    },
    {
      name: 'X-AI93-Timestamp',
      description: 'Unix seconds; refuse what is older than 5 minutes.',
      example: '1777903200',
    },
    { name: 'X-AI93-Event', description: 'Event type.', example: name },
    {
      name: 'X-AI93-Event-Id',
      description: 'The same at every attempt: drop what was seen before.',
      example: 'evt_5f1c8a324d65e2b8',
    },
    { name: 'X-AI93-Attempt', description: '1 for the first, 2 and more for retries.', example: '1' },
    {
      name: 'User-Agent',
      description: '`AI93Platform/1.0`, from the second attempt on `AI93Platform/1.0 (retry)`.',
      example: 'AI93Platform/1.0',
    },
    { name: 'webhook-id', description: 'Standard Webhooks: the event id.', example: 'evt_5f1c8a324d65e2b8' },
    { name: 'webhook-timestamp', description: 'Standard Webhooks: Unix seconds.', example: '1777903200' },
    {
      name: 'webhook-signature',
      description:
        'Standard Webhooks: base64 HMAC-SHA256 of `{id}.{timestamp}.{raw body}` with the bytes after `whsec_`.',
      example: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
  ],
};
