import type { CommandResponse, PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import { DELIVERY_QUEUE } from '../database/queue-schema.ts';
import type { Claim, Claims } from './claims.ts';
import { startLoop } from './loop.ts';

const INTERVAL_MS = 2500;
/** A claim that found no place for so long goes back, for others and for later. */
const LONGEST_WAIT_MS = 5000;

export interface Upkeep {
  /** Hands jobs back to the queue, to be fetched again at once, by whomever. */
  giveBack(claims: Claim[]): Promise<void>;
  stop(): Promise<void>;
}

/** Keeps the claims that take longer alive, so that pg-boss does not take this worker for dead, and gives back those without a place. */
export function startUpkeep({ boss, claims, log }: { boss: PgBoss; claims: Claims; log: Logger }): Upkeep {
  async function giveBack(given: Claim[]): Promise<void> {
    if (given.length === 0) return;
    try {
      await boss.fail(
        DELIVERY_QUEUE,
        given.map((claim) => claim.job),
      );
    } catch (error) {
      // without a heartbeat they go back by themselves
      log.debug({ err: error, jobs: given.length }, 'jobs could not be given back');
    }
    for (const claim of given) claims.release(claim);
  }

  const loop = startLoop('upkeep', log, async () => {
    const held = claims.olderThan(INTERVAL_MS);
    if (held.length === 0) return INTERVAL_MS;
    const answer: CommandResponse & { settled?: string[] } = await boss.touch(
      DELIVERY_QUEUE,
      held.map((claim) => claim.job),
    );
    const ours = new Set(answer.settled);
    // lost while the database was away: whoever fetches it now sends it
    for (const claim of held) if (!claim.started && !ours.has(claim.job.id)) claims.release(claim);
    await giveBack(claims.waiting().filter((claim) => Date.now() - claim.claimedAt > LONGEST_WAIT_MS));
    return INTERVAL_MS;
  });

  return { giveBack, stop: () => loop.stop() };
}
