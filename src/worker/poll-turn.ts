import type pg from 'pg';
import type { Logger } from 'pino';
import type { CallDraft } from '../../connectors/call-draft.ts';
import type { PolledCalls, PollSchedule } from '../../connectors/connector.ts';
import { ConnectorFailure } from '../../connectors/failure.ts';
import { type RecordedCall, recordCalls } from '../connections/calls.ts';
import type { Outbound } from '../connections/http-client.ts';
import { connectorIo } from '../connections/io.ts';
import { connectionActor } from '../connections/leads.ts';
import { type ConnectionRow, openConnection, UnusableConnection } from '../connections/opened.ts';
import { fromDatabase } from '../errors.ts';
import type { Encryption } from '../security/encryption.ts';
import { inTransaction } from './database.ts';
import { asTenant } from './tenant.ts';

/** A row of app.claim_polls. */
export interface ClaimedPoll extends ConnectionRow {
  connection_id: string;
  claim: string;
  started_at: Date;
  watermark: Date | null;
  page_cursor: string | null;
  /** in a row, before this one */
  failures: number;
}

export interface PollTools {
  pool: pg.Pool;
  outbound: Outbound;
  encryption: Encryption;
  log: Logger;
  /** seconds that a claim holds, which each page renews */
  leaseSeconds: number;
}

export interface TurnLimits {
  /** instead of the connector's */
  pages?: number;
  /** asked between pages: whether to leave the rest to another turn */
  isEnding?(): boolean;
}

/** What came of a turn. `lost`: the connection was changed, or another worker had to take over. */
export interface Turn {
  outcome: 'done' | 'rest' | 'failed' | 'lost';
  /** calls that the service told of, and how many of them were new */
  told: number;
  created: number;
  error?: string;
}

/** Further back than so, nothing is made up for: in seconds. */
const LONGEST_LOOK_BACK = 90 * 24 * 60 * 60;
/** Seconds to wait after each failure in a row. */
const PAUSES = [60, 300, 900, 3600];
/** A service that says "too often", and not how long to wait, counts by the hour; what was refused is so until somebody changes it. */
const SHORTEST_PAUSE = { rate_limited: 900, refused: 3600, unavailable: 0, garbage: 0 } as const;
const LONGEST_PAUSE = 24 * 60 * 60;

/** Polls a claimed connection, page by page, until the service has no more or it is time to rest. Throws only what the database throws. */
export async function pollTurn(poll: ClaimedPoll, tools: PollTools, limits: TurnLimits = {}): Promise<Turn> {
  const turn: Turn = { outcome: 'rest', told: 0, created: 0 };
  const service = attempted(() => opened(poll, tools), poll, tools.log);
  let cursor = poll.page_cursor;
  for (let page = 1; ; page++) {
    const answer = await service
      .then(async ({ ask }) => attempted(() => ask(cursor), poll, tools.log))
      .catch(onlyFailures);
    if (answer instanceof ConnectorFailure) return { ...turn, ...(await fail(poll, tools, answer, cursor)) };
    const { schedule } = await service;
    const { calls, next } = answer;
    const ending = limits.isEnding?.() ?? false;
    const outcome = next === undefined ? 'done' : ending || page >= (limits.pages ?? schedule.pages) ? 'rest' : 'page';
    const pause = { done: schedule.every, rest: ending ? 0 : schedule.rest, page: tools.leaseSeconds }[outcome];
    const recorded = await record(poll, tools, calls, { outcome, cursor: next ?? null, pause });
    if (!recorded) return { ...turn, outcome: 'lost' };
    turn.told += calls.length;
    turn.created += recorded.created;
    if (recorded.error !== undefined) turn.error = recorded.error;
    if (outcome !== 'page') return { ...turn, outcome };
    cursor = next as string;
  }
}

/** What a connector does, and how it failed as a ConnectorFailure, whatever it throws. */
async function attempted<T>(work: () => T | Promise<T>, poll: ClaimedPoll, log: Logger): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConnectorFailure) throw error;
    // set right (another key, other settings), it goes on by itself
    if (error instanceof UnusableConnection) throw new ConnectorFailure('unavailable', error.message);
    log.error({ err: error, connection: poll.connection_id, vendor: poll.vendor }, 'a defect: a connector threw');
    throw new ConnectorFailure('unavailable', 'Something went wrong on our side; the log says more.');
  }
}

function onlyFailures(error: unknown): ConnectorFailure {
  if (error instanceof ConnectorFailure) return error;
  throw error;
}

async function fail(
  poll: ClaimedPoll,
  { pool }: PollTools,
  failure: ConnectorFailure,
  cursor: string | null,
): Promise<Pick<Turn, 'outcome' | 'error'>> {
  const settled = await settle(pool, poll, {
    outcome: 'failed',
    // a cursor that is refused may be too old: the next attempt begins at the beginning
    cursor: failure.retryable ? cursor : null,
    pause: pauseAfter(failure, poll.failures),
    error: failure.message,
  });
  return { outcome: settled ? 'failed' : 'lost', error: failure.message };
}

function opened(
  poll: ClaimedPoll,
  { encryption, outbound }: PollTools,
): { schedule: PollSchedule; ask(cursor: string | null): Promise<PolledCalls> } {
  const { connector, config, secrets } = openConnection(poll, encryption);
  const { calls } = connector;
  if (!calls) throw new UnusableConnection(`${connector.manifest.title} cannot be polled.`);
  const schedule = calls.schedule(config);
  const io = connectorIo(outbound, secrets);
  const began = poll.started_at.getTime();
  const from = poll.watermark ? poll.watermark.getTime() - schedule.overlap * 1000 : began - schedule.lookBack * 1000;
  const since = new Date(Math.max(from, began - LONGEST_LOOK_BACK * 1000));
  return {
    schedule,
    ask: (cursor) => calls.poll({ since, cursor: cursor ?? undefined, now: new Date() }, config, io),
  };
}

function pauseAfter({ kind, retryAfter = 0 }: ConnectorFailure, failures: number): number {
  const scheduled = PAUSES[Math.min(failures, PAUSES.length - 1)] as number;
  return Math.min(LONGEST_PAUSE, Math.max(scheduled, retryAfter || SHORTEST_PAUSE[kind]));
}

interface Settlement {
  outcome: 'page' | 'rest' | 'done' | 'failed';
  cursor: string | null;
  /** seconds */
  pause: number;
  error?: string | undefined;
}

/** Records a page and moves on, together. Undefined when the claim was lost: then nothing of it is recorded. */
async function record(
  poll: ClaimedPoll,
  { pool, log }: PollTools,
  calls: readonly CallDraft[],
  settlement: Settlement,
): Promise<{ created: number; error?: string } | undefined> {
  const together = (insert: (client: pg.PoolClient) => Promise<number>) =>
    inTransaction(pool, async (client) => {
      if (!(await settle(client, poll, settlement))) return undefined;
      const actor = connectionActor(poll.organization_id, 'worker', `poll_${poll.claim}`, ['calls.write']);
      const created = calls.length > 0 ? await asTenant(client, actor, () => insert(client)) : 0;
      if (created > 0) {
        await client.query('select app.note_poll_found($1, $2, $3)', [
          poll.organization_id,
          poll.connection_id,
          created,
        ]);
      }
      return { created };
    });
  try {
    return await together((client) => insertAll(client, calls));
  } catch (error) {
    const refusal = fromDatabase(error, new Map());
    if (!refusal || refusal.status >= 500) throw error;
    // one that no column takes must not keep out the others, nor be asked for without end
    log.warn({ err: error, connection: poll.connection_id }, 'a page of a poll could not be recorded as a whole');
    settlement.error = `A call that was polled cannot be stored: ${refusal.message}`;
    const recorded = await together((client) => insertWhatFits(client, calls));
    return recorded && { ...recorded, error: settlement.error };
  }
}

async function insertAll(client: pg.PoolClient, calls: readonly CallDraft[]): Promise<number> {
  const { rows } = await client.query<RecordedCall>(recordCalls(calls));
  return rows.filter(({ created }) => created).length;
}

async function insertWhatFits(client: pg.PoolClient, calls: readonly CallDraft[]): Promise<number> {
  let created = 0;
  for (const call of calls) {
    await client.query('savepoint one');
    try {
      created += await insertAll(client, [call]);
    } catch (error) {
      const refusal = fromDatabase(error, new Map());
      if (!refusal || refusal.status >= 500) throw error;
      await client.query('rollback to savepoint one');
    }
  }
  return created;
}

async function settle(
  through: pg.Pool | pg.PoolClient,
  { organization_id: organization, connection_id: connection, claim }: ClaimedPoll,
  { outcome, cursor, error, pause }: Settlement,
): Promise<boolean> {
  const { rows } = await through.query<{ settled: boolean }>(
    'select app.settle_poll($1, $2, $3, $4, $5, $6, make_interval(secs => $7)) as settled',
    [organization, connection, claim, outcome, cursor, error ?? null, pause],
  );
  return rows[0]?.settled === true;
}
