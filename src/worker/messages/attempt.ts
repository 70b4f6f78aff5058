import type { Logger } from 'pino';
import type { MessagesPart, OutgoingMessage } from '../../../connectors/connector.ts';
import { ConnectorFailure } from '../../../connectors/failure.ts';
import type { Outbound } from '../../connections/http-client.ts';
import { connectorIo } from '../../connections/io.ts';
import { REFUSES_US } from '../../connections/mail-client.ts';
import { type ConnectionRow, openConnection, UnusableConnection } from '../../connections/opened.ts';
import type { Encryption } from '../../security/encryption.ts';
import { writeToOutbox } from './outbox.ts';

/** How an attempt to send ended, as app.settle_message takes it. */
export interface Attempted {
  /** queued: it certainly was not taken, and is worth another try. unknown: it may have been taken. */
  outcome: 'sent' | 'queued' | 'failed' | 'unknown';
  externalId?: string;
  from?: string;
  error?: string;
  /** seconds the service asked to wait */
  retryAfter?: number;
  optedOut?: boolean;
}

export interface AttemptTools {
  outbound: Outbound;
  encryption: Encryption;
  /** folder of messages that cannot leave */
  outbox: string;
  log: Logger;
}

const MAX_ERROR = 1000;

/** Keeps a message where it can be read, as nothing is connected that would send it. The row is the message; the file may be missing. */
export async function keepInOutbox(
  organizationId: string,
  message: OutgoingMessage,
  { outbox, log }: AttemptTools,
): Promise<Attempted> {
  const about = { message: message.id, organization: organizationId };
  try {
    const file = await writeToOutbox(outbox, organizationId, message);
    log.warn({ ...about, file }, 'NOT SENT: nothing is connected that sends it, so it stays in the outbox');
    return { outcome: 'sent' };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    log.warn({ ...about, err: error }, 'NOT SENT: it stays in the database, as the outbox cannot be written to');
    return { outcome: 'sent', error: `Its file in the outbox could not be written (${code}).` };
  }
}

/** Hands a message to the service of its connection, once. Never throws. */
export async function attempt(row: ConnectionRow, message: OutgoingMessage, tools: AttemptTools): Promise<Attempted> {
  let handed = false;
  try {
    const { connector, config, secrets } = openConnection(row, tools.encryption);
    const part = connector.messages as MessagesPart | undefined;
    if (!part) throw new UnusableConnection(`${row.vendor} sends no messages.`);
    handed = true;
    const { externalId, from } = await part.send(message, config, connectorIo(tools.outbound, secrets));
    return { outcome: 'sent', externalId: externalId.slice(0, 255), from };
  } catch (error) {
    return failed(error as Error, row, message, handed, tools.log);
  }
}

function failed(error: Error, row: ConnectionRow, message: OutgoingMessage, handed: boolean, log: Logger): Attempted {
  if (error instanceof UnusableConnection) return { outcome: 'queued', error: error.message };
  if (!(error instanceof ConnectorFailure)) {
    log.error({ err: error, message: message.id, vendor: row.vendor }, 'a defect: sending a message threw');
    return { outcome: handed ? 'unknown' : 'queued', error: 'Something went wrong on our side; the log says more.' };
  }
  const said = { error: error.message.slice(0, MAX_ERROR), retryAfter: error.retryAfter, optedOut: error.optedOut };
  if (error.uncertain) return { ...said, outcome: 'unknown' };
  // set right, wrong credentials or a server that takes nothing from us let it leave after all
  return { ...said, outcome: error.retryable || isAboutUs(error) ? 'queued' : 'failed' };
}

const isAboutUs = ({ status, code }: ConnectorFailure): boolean => status === 401 || code === REFUSES_US;
