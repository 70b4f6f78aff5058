import type { IncomingMessage, MessageReport, Processed } from '../connector.ts';
import { ConnectorFailure } from '../failure.ts';

// What Twilio posts to the hook: a text that came in, or what became of one that was sent.

const DELIVERED = new Set(['delivered', 'read']);
const FAILED = new Set(['failed', 'undelivered']);
/** the recipient wants no messages */
const UNSUBSCRIBED = '21610';
const LONGEST = 10_000;

/** What a form of Twilio's brings. */
export function broughtBy(body: Buffer): Processed {
  const form = new URLSearchParams(body.toString('utf8').replaceAll('\0', ''));
  const status = form.get('MessageStatus') ?? form.get('SmsStatus') ?? '';
  const id = form.get('MessageSid') ?? form.get('SmsSid') ?? '';
  const to = form.get('To') ?? '';
  const from = form.get('From') ?? '';
  if (!/^[A-Z]{2}[0-9a-zA-Z]{1,98}$/.test(id) || to === '')
    throw new ConnectorFailure('refused', 'What was received is not what Twilio sends: it names no message.');
  // a status callback has no text; a text that came in is "received"
  if (form.has('MessageStatus') && status !== 'received')
    return { leads: [], failures: [], reports: reportsOf(form, id, to, status) };
  if (from === '')
    throw new ConnectorFailure('refused', 'What was received is not what Twilio sends: it has no sender.');
  return { leads: [], failures: [], messages: [messageOf(form, id, from, to)] };
}

/** On its way is no news. */
function reportsOf(form: URLSearchParams, id: string, to: string, status: string): MessageReport[] {
  const about = { vendor: 'twilio', external_id: id, to_address: to };
  if (DELIVERED.has(status)) return [{ ...about, status: 'delivered' }];
  if (!FAILED.has(status)) return [];
  const code = form.get('ErrorCode') ?? '';
  return [
    {
      ...about,
      status: 'failed',
      error: /^\d{1,9}$/.test(code) ? `Twilio could not deliver it (code ${code}).` : 'Twilio could not deliver it.',
      ...(code === UNSUBSCRIBED && { opted_out: true }),
    },
  ];
}

function messageOf(form: URLSearchParams, id: string, from: string, to: string): IncomingMessage {
  const text = (form.get('Body') ?? '').slice(0, LONGEST);
  const media = [...form].filter(([name]) => /^MediaUrl\d{1,2}$/.test(name)).map(([, url]) => url);
  const opt = form.get('OptOutType')?.toLowerCase();
  return {
    vendor: 'twilio',
    external_id: id,
    channel: 'sms',
    from_address: from,
    to_address: to,
    content: [text, ...media].filter((part) => part.trim() !== '').join('\n') || '(empty)',
    ...((opt === 'stop' || opt === 'start') && { opt }),
  };
}
