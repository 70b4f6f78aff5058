import type { PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import { DELIVERY_QUEUE } from '../database/queue-schema.ts';
import type { Claims } from './claims.ts';
import type { Lane } from './lanes.ts';
import { type Loop, startLoop } from './loop.ts';
import type { DeliveryJob, DeliveryJobData } from './queue.ts';

const LARGEST_FETCH = 100;
/** Passing over a long line costs time in proportion to it; this much of the time at most goes into that. */
const PASSING_OVER_SHARE = 1 / 5;

export interface FetchOptions {
  boss: PgBoss;
  claims: Claims;
  lane: Lane;
  pollMs: number;
  log: Logger;
  /** There are new claims, which may start. */
  onClaimed(): void;
  /** Jobs for attempts that another job is making: not needed. */
  onSurplus(jobs: DeliveryJob[]): void;
}

export interface Fetching extends Loop {
  /** Places were freed: fetches, if more jobs are known to be there. */
  refill(): void;
}

/**
 * Fetches the jobs of one lane while it has free places. Wake it when there are new jobs.
 *
 * The limit per endpoint is kept here in the worker and not with pg-boss's groupConcurrency, which counts the active jobs and
 * judges every candidate with each fetch: behind a line of 50,000 for an endpoint without a free place, each fetch reads all
 * of them. Here only a fetch that must pass such an endpoint over does, and those are rationed.
 */
export function startFetching({ boss, claims, lane, pollMs, log, onClaimed, onSurplus }: FetchOptions): Fetching {
  const largest = Math.min(LARGEST_FETCH, lane.placesPerEndpoint * 4);
  let mayPassOverAt = 0;
  let more = false;

  const loop = startLoop(`fetch ${lane.name}`, log, async () => {
    const batchSize = Math.min(largest, claims.places(lane));
    if (batchSize <= 0) {
      more = true;
      return pollMs;
    }
    const passedOver = claims.crowded(lane);
    const startedAt = performance.now();
    if (passedOver.length > 0 && startedAt < mayPassOverAt) return Math.min(pollMs, mayPassOverAt - startedAt);

    const jobs: DeliveryJob[] = await boss.fetch<DeliveryJobData>(DELIVERY_QUEUE, {
      batchSize,
      minPriority: lane.priority,
      maxPriority: lane.priority,
      ignoreGroups: passedOver,
    });
    const now = performance.now();
    if (passedOver.length > 0) mayPassOverAt = now + (now - startedAt) * (1 / PASSING_OVER_SHARE - 1);

    const surplus = jobs.filter((job) => !claims.add(job, lane));
    if (surplus.length > 0) onSurplus(surplus);
    if (jobs.length > 0) onClaimed();
    more = jobs.length === batchSize || passedOver.length > 0;
    return jobs.length === batchSize ? 0 : pollMs;
  });
  return {
    ...loop,
    refill() {
      if (more && claims.hasRoom(lane)) loop.wake();
    },
  };
}
