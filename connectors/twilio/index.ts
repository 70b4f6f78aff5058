import { connector } from '../connector.ts';
import { ConnectorFailure } from '../failure.ts';
import type { ConfigurationOf, Manifest } from '../manifest.ts';
import { ask, fetchAccount, sent } from './api.ts';
import { broughtBy } from './hook.ts';
import { isTwilios } from './signature.ts';

const manifest = {
  vendor: 'twilio',
  title: 'Twilio',
  description: 'Sends text messages, and takes the answers: STOP, replies of leads, and what became of each message.',
  setup: [
    'Enter account SID, auth token and either a number or a messaging service (Twilio Console, Account Info).',
    'At the number (A message comes in) or the messaging service (Incoming messages, Send a webhook), enter the hook address, HTTP POST.',
    'Enter the hook address as status_callback too, to be told what was delivered.',
    'PUBLIC_URL must be how Twilio reaches this gateway: the address is part of the signature.',
  ],
  fields: [
    {
      name: 'account_sid',
      label: 'Account SID',
      help: 'Begins with AC.',
      kind: 'text',
      required: true,
      pattern: { expression: /^AC[0-9a-fA-F]{32}$/, reason: 'must be AC and 32 hexadecimal digits' },
    },
    {
      name: 'auth_token',
      label: 'Auth token',
      help: 'The primary one: Twilio also signs with it what it sends.',
      kind: 'text',
      secret: true,
      required: true,
    },
    {
      name: 'from_number',
      label: 'Number',
      help: 'The number to send from; not needed with a messaging service.',
      kind: 'text',
      pattern: {
        expression: /^\+[1-9]\d{6,14}$|^\d{5,6}$/,
        reason: 'must be a number such as +14045550100, or a short code',
      },
    },
    {
      name: 'messaging_service_sid',
      label: 'Messaging service',
      help: 'Chooses the number by itself; begins with MG.',
      kind: 'text',
      pattern: { expression: /^MG[0-9a-fA-F]{32}$/, reason: 'must be MG and 32 hexadecimal digits' },
    },
    {
      name: 'status_callback',
      label: 'Status callback',
      help: 'The hook address of this connection; Twilio tells there what became of each message.',
      kind: 'text',
      secret: true,
      pattern: { expression: /^https?:\/\/\S+$/, reason: 'must be an http or https address' },
    },
    {
      name: 'api_url',
      label: 'API',
      help: 'Without the version.',
      kind: 'endpoint',
      default: 'https://api.twilio.com',
    },
  ],
} as const satisfies Manifest;

export type TwilioConfig = ConfigurationOf<(typeof manifest)['fields']>;

export const twilio = connector(manifest, {
  async test(config, io) {
    sender(config);
    const { friendly_name: name, status } = await fetchAccount(config, io);
    if (status !== 'active') throw new ConnectorFailure('refused', `The account ${name} is ${status}.`);
    return `The account is ${name}.`;
  },

  messages: {
    channel: 'sms',
    async send({ to, content }, config, io) {
      // (no fault of the message's: it waits for the setting, as for right credentials)
      const form = {
        To: to,
        Body: content,
        ...sender(config, 'unavailable'),
        ...(config.status_callback !== undefined && { StatusCallback: config.status_callback }),
      };
      return sent(await ask('/Messages.json', config, io, form), config.from_number);
    },
  },

  hook: {
    kind: 'stored',
    keepHeaders: ['content-type', 'user-agent'],
    // anything but TwiML without a word would be sent to whoever wrote
    answer: { type: 'text/xml', body: '<?xml version="1.0" encoding="UTF-8"?><Response></Response>' },
    verify: (request, config) => isTwilios(request, config.auth_token),
    process: async ({ body }) => broughtBy(body),
  },
});

function sender(
  { from_number: number, messaging_service_sid: service }: TwilioConfig,
  without: 'refused' | 'unavailable' = 'refused',
): Record<string, string> {
  if (service !== undefined) return { MessagingServiceSid: service };
  if (number !== undefined) return { From: number };
  throw new ConnectorFailure(without, 'Set from_number or messaging_service_sid.');
}
