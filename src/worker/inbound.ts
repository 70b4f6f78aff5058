import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { type RecordedCall, recordCalls } from '../connections/calls.ts';
import type { Outbound } from '../connections/http-client.ts';
import { connectionActor, insertLeads } from '../connections/leads.ts';
import { noteReports, receiveMessages } from '../connections/messages.ts';
import { fromDatabase } from '../errors.ts';
import type { Encryption } from '../security/encryption.ts';
import { inTransaction } from './database.ts';
import { type ClaimedReceipt, outcomeOf, type Settlement } from './inbound-outcome.ts';
import { startLoop } from './loop.ts';
import type { WorkerMetrics } from './metrics.ts';
import { asTenant } from './tenant.ts';

export interface InboundOptions {
  pool: pg.Pool;
  outbound: Outbound;
  encryption: Encryption;
  log: Logger;
  metrics: WorkerMetrics;
  /** seconds to wait after each failed attempt; after the last, a receipt is given up */
  retrySchedule: readonly number[];
  pollMs: number;
  /** receipts processed at once */
  places?: number;
  /** seconds until the receipts of a worker that was killed are due again */
  leaseSeconds?: number;
}

export interface Inbound {
  /** Claims nothing more, and waits so long for what is under way; the rest is due again when its lease is over. */
  stop(patienceMs: number): Promise<void>;
}

/** 1 min, 5 min, 30 min, 2 h, 12 h. */
export const INBOUND_RETRY_SCHEDULE: readonly number[] = [60, 300, 1800, 7200, 43_200];

/** Of those places, as many as one connection may have: a service that is slow holds up only its own. */
const PLACES_PER_CONNECTION = 2;

/**
 * Processes what hooks brought: claims due receipts, asks the connector for leads and calls, and records them in the
 * transaction that settles the receipt. Any number of workers may do so; a claim that was lost meanwhile changes nothing.
 */
export function startInbound(options: InboundOptions): Inbound {
  const { pool, log, places = 8, leaseSeconds = 60 } = options;
  let givenUp = false;
  const underWay = new Map<ClaimedReceipt, Promise<void>>();

  async function claim(): Promise<number> {
    const held = Map.groupBy(underWay.keys(), (receipt) => receipt.connection_id);
    const busy = [...held].filter(([, receipts]) => receipts.length >= PLACES_PER_CONNECTION).map(([id]) => id);
    const { rows } = await pool.query<ClaimedReceipt>(
      'select * from app.claim_hook_receipts($1, make_interval(secs => $2), $3, $4)',
      [places - underWay.size, leaseSeconds, busy, options.retrySchedule.length + 1],
    );
    for (const receipt of rows) {
      const work = process(receipt).finally(() => {
        underWay.delete(receipt);
        loop.wake();
      });
      underWay.set(receipt, work);
    }
    return rows.length;
  }

  async function process(receipt: ClaimedReceipt): Promise<void> {
    const settlement = await outcomeOf(receipt, options);
    // what a stopping worker gave up has not failed
    if (givenUp) return;
    const made = await settle(receipt, settlement);
    if (made === undefined) return;
    options.metrics.received(settlement.state);
    const about = { receipt: receipt.receipt_id, vendor: receipt.vendor, attempt: receipt.attempt, ...made };
    const { state, error } = settlement;
    if (state === 'done') log.info({ ...about, ...(error !== null && { remark: error }) }, 'hook processed');
    else log.warn({ ...about, state, error }, 'hook could not be processed');
  }

  const renewal = setInterval(
    () => {
      const claims = [...underWay.keys()].map(({ organization_id, receipt_id, claim }) => ({
        organization_id,
        receipt_id,
        claim,
      }));
      if (claims.length === 0) return;
      pool
        .query('select app.renew_hook_claims($1, make_interval(secs => $2))', [JSON.stringify(claims), leaseSeconds])
        .catch((error: Error) => log.debug({ err: error }, 'leases could not be renewed'));
    },
    (leaseSeconds * 1000) / 3,
  );

  const loop = startLoop('inbound', log, async () => {
    if (underWay.size >= places) return options.pollMs;
    return (await claim()) > 0 && underWay.size < places ? 0 : options.pollMs;
  });

  /** A database that is away leaves the receipt claimed; it is due again when its lease is over. */
  async function settle(receipt: ClaimedReceipt, settlement: Settlement): Promise<Made | undefined> {
    try {
      return await record(pool, receipt, settlement);
    } catch (error) {
      log.warn({ err: error, receipt: receipt.receipt_id }, 'a processed hook could not be recorded');
      const refusal = fromDatabase(error, new Map());
      // a value that no column takes will be taken by none the next time
      if (!refusal || refusal.status >= 500 || makesNothing(settlement)) return undefined;
      const why = `What it brought cannot be stored: ${refusal.message}`;
      return settle(receipt, { state: 'dead', error: why, pause: 0, leads: [], calls: [], messages: [], reports: [] });
    }
  }

  return {
    async stop(patienceMs) {
      await loop.stop();
      await Promise.race([Promise.allSettled(underWay.values()), delay(patienceMs, undefined, { ref: false })]);
      givenUp = true;
      clearInterval(renewal);
    },
  };
}

/** How many leads were new, and how many calls were recorded, new or not. */
interface Made {
  leads: number;
  calls: number;
}

/** Settles the receipt and makes its leads and calls, together. Undefined when the claim was lost. */
async function record(pool: pg.Pool, receipt: ClaimedReceipt, settlement: Settlement): Promise<Made | undefined> {
  const { organization_id: organization, receipt_id: id } = receipt;
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ settled: boolean }>(
      'select app.settle_hook_receipt($1, $2, $3, $4, $5, make_interval(secs => $6)) as settled',
      [organization, id, receipt.claim, settlement.state, settlement.error, settlement.pause],
    );
    if (!rows[0]?.settled) return undefined;
    const { leads, calls } = await recordAsTenant(client, receipt, settlement);
    if (leads.length + calls.length > 0)
      await client.query('select app.note_hook_outcome($1, $2, $3, $4)', [organization, id, leads, calls]);
    return { leads: leads.length, calls: calls.length };
  });
}

const makesNothing = ({ leads, calls, messages, reports }: Settlement): boolean =>
  leads.length + calls.length + messages.length + reports.length === 0;

/** Under the claims and policies of its organization. Ids of the leads that are new, and of all calls that it told of. */
async function recordAsTenant(
  client: pg.PoolClient,
  receipt: ClaimedReceipt,
  settlement: Settlement,
): Promise<{ leads: string[]; calls: string[] }> {
  if (makesNothing(settlement)) return { leads: [], calls: [] };
  const { leads, calls, messages, reports } = settlement;
  const writes = messages.length + reports.length > 0;
  const scopes = [
    // what somebody wrote may be the reply of a lead
    ...(leads.length + messages.length > 0 ? (['leads.write'] as const) : []),
    ...(calls.length > 0 ? (['calls.write'] as const) : []),
    ...(writes ? (['outreach.write'] as const) : []),
  ];
  const actor = connectionActor(receipt.organization_id, 'worker', `hook_${receipt.receipt_id}`, scopes);
  return asTenant(client, actor, async () => {
    const made = leads.length > 0 ? (await client.query<{ id: string }>(insertLeads(leads))).rows : [];
    const told = calls.length > 0 ? (await client.query<RecordedCall>(recordCalls(calls))).rows : [];
    if (messages.length > 0) await client.query(receiveMessages(messages, receipt.received_at));
    if (reports.length > 0) await client.query(noteReports(reports));
    return { leads: made.map(({ id }) => id), calls: [...new Set(told.map(({ id }) => id))] };
  });
}
