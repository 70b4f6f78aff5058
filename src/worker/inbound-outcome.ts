import type { Logger } from 'pino';
import type { CallDraft } from '../../connectors/call-draft.ts';
import type { IncomingMessage, MessageReport, Processed, StoredHook } from '../../connectors/connector.ts';
import { ConnectorFailure } from '../../connectors/failure.ts';
import type { LeadDraft } from '../../connectors/lead-draft.ts';
import type { Outbound } from '../connections/http-client.ts';
import { connectorIo } from '../connections/io.ts';
import { type ConnectionRow, openConnection, UnusableConnection } from '../connections/opened.ts';
import type { Encryption } from '../security/encryption.ts';

/** A row of app.claim_hook_receipts. */
export interface ClaimedReceipt extends ConnectionRow {
  receipt_id: string;
  connection_id: string;
  claim: string;
  /** 1 for the first */
  attempt: number;
  received_at: Date;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Settlement {
  state: 'done' | 'failed' | 'dead';
  /** for the operator: what went wrong, or why nothing was made of what is done; otherwise null */
  error: string | null;
  /** seconds until the next attempt */
  pause: number;
  leads: LeadDraft[];
  calls: CallDraft[];
  /** what people wrote, and what became of messages that were sent */
  messages: IncomingMessage[];
  reports: MessageReport[];
}

/** A service may say that it is back in a hundred years, or in so many that no timestamp holds them. */
const LONGEST_PAUSE = 24 * 60 * 60;

interface Tools {
  outbound: Outbound;
  encryption: Encryption;
  retrySchedule: readonly number[];
  log: Logger;
}

/** Runs the connector over a receipt, and says what becomes of it. Never throws. */
export async function outcomeOf(receipt: ClaimedReceipt, tools: Tools): Promise<Settlement> {
  const { leads, calls = [], messages = [], reports = [], failures, remark = null } = await processed(receipt, tools);
  const made = { leads, calls, messages, reports };
  if (failures.length === 0) return { state: 'done', error: remark, pause: 0, ...made };
  const error = [...new Set(failures.map(({ message }) => message))].join(' ').slice(0, 1000);
  const scheduled = tools.retrySchedule[receipt.attempt - 1];
  // what was refused would be refused again; what is left of the others is worth another attempt
  if (scheduled === undefined || !failures.some(({ retryable }) => retryable))
    return { state: 'dead', error, pause: 0, ...made };
  const asked = Math.max(0, ...failures.map(({ retryAfter }) => retryAfter ?? 0));
  return { state: 'failed', error, pause: Math.max(scheduled, Math.min(asked, LONGEST_PAUSE)), ...made };
}

async function processed(receipt: ClaimedReceipt, { outbound, encryption, log }: Tools): Promise<Processed> {
  try {
    const { connector, config, secrets } = openConnection(receipt, encryption);
    const hook = connector.hook as StoredHook;
    return await hook.process(
      { headers: receipt.headers, body: receipt.body, receivedAt: receipt.received_at },
      config,
      connectorIo(outbound, secrets),
    );
  } catch (error) {
    return { leads: [], failures: [failureOf(error as Error, receipt, log)] };
  }
}

function failureOf(error: Error, receipt: ClaimedReceipt, log: Logger): ConnectorFailure {
  if (error instanceof ConnectorFailure) return error;
  // set right (another key, other settings), it goes on by itself
  if (error instanceof UnusableConnection) return new ConnectorFailure('unavailable', error.message);
  log.error({ err: error, receipt: receipt.receipt_id, vendor: receipt.vendor }, 'a defect: a connector threw');
  return new ConnectorFailure('unavailable', 'Something went wrong on our side; the log says more.');
}
