import type { Channel, IncomingMessage, MessageReport } from '../../connectors/connector.ts';
import { connectors } from '../../connectors/registry.ts';
import type { Statement } from '../database/transaction.ts';

/** The vendors through which each channel can be sent. */
export const SENDERS: Record<Channel, string[]> = {
  sms: vendorsOf('sms'),
  email: vendorsOf('email'),
};

function vendorsOf(channel: Channel): string[] {
  return connectors.filter(({ messages }) => messages?.channel === channel).map(({ manifest }) => manifest.vendor);
}

/** Keeps what people wrote, each once, as of when it came, and what they asked for by it, for the tenant in the claims. */
export const receiveMessages = (messages: readonly IncomingMessage[], receivedAt: Date): Statement => ({
  text: 'select app.receive_message(one) from jsonb_array_elements($1::jsonb) as one',
  values: [JSON.stringify(messages.map((message) => ({ ...message, created_at: receivedAt })))],
});

/** Notes what became of messages that were sent. */
export const noteReports = (reports: readonly MessageReport[]): Statement => ({
  text: 'select app.note_message_status(one) from jsonb_array_elements($1::jsonb) as one',
  values: [JSON.stringify(reports)],
});
