import { setTimeout as delay } from 'node:timers/promises';
import { connectors } from '../../connectors/registry.ts';
import { startLoop } from './loop.ts';
import type { WorkerMetrics } from './metrics.ts';
import { type ClaimedPoll, type PollTools, pollTurn } from './poll-turn.ts';

export interface PollsOptions extends Omit<PollTools, 'leaseSeconds'> {
  metrics: WorkerMetrics;
  /** how often it is looked which are due */
  pollMs: number;
  /** connections polled at once */
  places?: number;
  leaseSeconds?: number;
}

export interface Polls {
  /** Claims nothing more, lets what is under way end its page, so long at most; the rest is due again when its lease is over. */
  stop(patienceMs: number): Promise<void>;
}

/** Longer than a page takes: ten seconds to ask for it, and what its calls take. */
export const POLL_LEASE_SECONDS = 60;

/** The connectors that can be asked for what their hooks missed. */
export const POLLED_VENDORS: readonly string[] = connectors
  .filter(({ calls }) => calls !== undefined)
  .map(({ manifest }) => manifest.vendor);

/**
 * Asks services, when it is time, for what their hooks missed. Any number of workers may do so: each connection is polled by one at a
 * time, and what one leaves in the middle another goes on with.
 */
export function startPolls(options: PollsOptions): Polls {
  const { pool, log, metrics, places = 2, leaseSeconds = POLL_LEASE_SECONDS } = options;
  const underWay = new Set<Promise<void>>();
  let ending = false;

  async function poll(claimed: ClaimedPoll): Promise<void> {
    const about = { connection: claimed.connection_id, vendor: claimed.vendor };
    try {
      const turn = await pollTurn(claimed, { ...options, leaseSeconds }, { isEnding: () => ending });
      metrics.polled(turn.outcome, turn.created);
      const report = { ...about, ...turn };
      if (turn.error !== undefined) log.warn(report, 'a service could not be polled');
      else log.info(report, 'service polled');
    } catch (error) {
      log.warn({ err: error, ...about }, 'a poll could not be recorded; it is due again when its lease is over');
    }
  }

  const loop = startLoop('polls', log, async () => {
    if (underWay.size >= places) return options.pollMs;
    const { rows } = await pool.query<ClaimedPoll>('select * from app.claim_polls($1, $2, make_interval(secs => $3))', [
      POLLED_VENDORS,
      places - underWay.size,
      leaseSeconds,
    ]);
    for (const claimed of rows) {
      const work: Promise<void> = poll(claimed).finally(() => {
        underWay.delete(work);
        loop.wake();
      });
      underWay.add(work);
    }
    return options.pollMs;
  });

  return {
    async stop(patienceMs) {
      ending = true;
      await loop.stop();
      await Promise.race([Promise.allSettled(underWay), delay(patienceMs, undefined, { ref: false })]);
    },
  };
}
