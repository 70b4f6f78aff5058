import type { OutgoingMessage } from '../../../connectors/connector.ts';
import { SENDERS } from '../../connections/messages.ts';
import type { ConnectionRow } from '../../connections/opened.ts';
import { unsubscribeToken } from '../../connections/unsubscribe.ts';
import { inTransaction } from '../database.ts';
import { type Attempted, attempt, keepInOutbox } from '../messages/attempt.ts';
import { withClaims } from '../tenant.ts';
import { taskActor } from './execute.ts';
import { holdConnection } from './hold-connection.ts';
import { type Outcome, type OutsideTask, TASK_RETRY_SCHEDULE, type Task, type TaskTools } from './task.ts';

/** A row of app.begin_message. */
interface Decision extends ConnectionRow {
  verdict: 'send' | 'wait' | 'over';
  /** seconds */
  pause: number;
  attempt: number;
  message_id: string;
  channel: 'sms' | 'email';
  to_address: string;
  subject: string | null;
  content: string;
  organization_name: string;
  connection_id: string | null;
}

/**
 * Sends a message, at most once: that it is being sent is committed before anything leaves (app.begin_message, which also says whether
 * it may leave now), and what came of it in the transaction that settles the task. Interrupted in between, it is `unknown`.
 */
export const sendMessage = (retrySchedule = TASK_RETRY_SCHEDULE): OutsideTask => ({
  kind: 'send_message',
  retrySchedule,
  async run(task, tools) {
    const decision = await decide(task, tools);
    if (decision.verdict === 'over') return { state: 'done' };
    if (decision.verdict === 'wait') return { state: 'later', pause: decision.pause };
    const message = outgoing(task, decision, tools);
    const attempted =
      decision.connection_id === null
        ? await keepInOutbox(task.organizationId, message, tools)
        : await attempt(decision, message, tools);
    return settled(task, decision, attempted, retrySchedule[task.attempt - 1] === undefined);
  },
});

/** Committed when this returns. */
async function decide(task: Task, { pool }: TaskTools): Promise<Decision> {
  const { rows } = await inTransaction(pool, (client) =>
    withClaims(client, taskActor(task.organizationId, task.id), () =>
      client.query<Decision>('select * from app.begin_message($1, $2, $3)', [
        task.organizationId,
        task.subjectId,
        JSON.stringify(SENDERS),
      ]),
    ),
  );
  return rows[0] as Decision;
}

function outgoing(task: Task, decision: Decision, { encryption, publicUrl }: TaskTools): OutgoingMessage {
  const { message_id: id, to_address: to, subject, content, organization_name: organization } = decision;
  const message = { id, to, content, organization };
  if (decision.channel === 'sms') return message;
  const token = unsubscribeToken({ organizationId: task.organizationId, messageId: task.subjectId }, encryption);
  return {
    ...message,
    subject: subject ?? '',
    ...(publicUrl !== undefined && { unsubscribeUrl: `${publicUrl}/unsubscribe/${token}` }),
  };
}

/** The last attempt leaves nothing queued that no task would send. */
function settled(task: Task, decision: Decision, attempted: Attempted, last: boolean): Outcome {
  const { externalId = null, from = null, error = null, optedOut = false } = attempted;
  const outcome = attempted.outcome === 'queued' && last ? 'failed' : attempted.outcome;
  const record: Outcome['record'] = async (client) => {
    await client.query('select app.settle_message($1, $2, $3, $4, $5, $6, $7)', [
      ...[task.subjectId, decision.attempt, outcome],
      ...[externalId, from, error, optedOut],
    ]);
    await holdConnection(client, decision.connection_id, attempted.retryAfter);
  };
  return outcome === 'queued'
    ? { state: 'failed', error: error ?? '', retryAfter: attempted.retryAfter, record }
    : { state: 'done', record };
}
