import type { Lane } from './lanes.ts';
import type { DeliveryJob, DeliveryJobData } from './queue.ts';

/** A job that this worker holds. */
export interface Claim {
  /** names the job and which of its claims is ours: pg-boss settles nothing on behalf of a claim that was lost */
  job: { id: string; retryCount: number };
  data: DeliveryJobData;
  endpointId: string;
  lane: Lane;
  claimedAt: number;
  /** given a place: being prepared, sent or recorded */
  started: boolean;
}

/** The jobs held for one endpoint in one lane. */
interface Line {
  waiting: Claim[];
  underWay: number;
  /** Attempts at once. Starts low, grows with every success, is halved by every failure: a receiver that hangs takes few places. */
  limit: number;
}

const FIRST_LIMIT = 16;
const LOWEST_LIMIT = 5;
/** More than this many waiting for one endpoint: no more are fetched for it. Some wait so that a place never stands empty. */
const ENOUGH_WAITING = 50;
/** Free places that are worth a fetch of their own. */
const ROOM = 25;

const attemptKey = (data: DeliveryJobData) => `${data.deliveryId}:${data.attempt}`;

/** The jobs that this worker holds, and who of them may start. */
export class Claims {
  readonly #held = new Map<string, Claim>();
  readonly #lines = new Map<Lane, Map<string, Line>>();
  readonly #underWay = new Map<Lane, number>();

  get size(): number {
    return this.#held.size;
  }

  get underWay(): number {
    return [...this.#underWay.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Takes a fetched job in. False: another job for the same attempt is held already, so this one is not needed. */
  add(job: DeliveryJob, lane: Lane): boolean {
    const key = attemptKey(job.data);
    const held = this.#held.get(key);
    if (held) {
      // our own job, handed out again because our heartbeat did not come through: the new claim counts
      if (held.job.id === job.id) held.job.retryCount = job.retryCount;
      return held.job.id === job.id;
    }
    const claim: Claim = {
      job: { id: job.id, retryCount: job.retryCount },
      data: job.data,
      endpointId: job.groupId ?? '',
      lane,
      claimedAt: Date.now(),
      started: false,
    };
    this.#held.set(key, claim);
    this.#line(claim).waiting.push(claim);
    return true;
  }

  /** Takes out of the lines whoever there is a place for, one endpoint after the other. */
  start(): Claim[] {
    const starting: Claim[] = [];
    for (const [lane, lines] of this.#lines) {
      let found = true;
      while (found) {
        found = false;
        for (const line of lines.values()) {
          if (this.places(lane) <= 0) break;
          if (line.waiting.length === 0 || line.underWay >= line.limit) continue;
          const claim = line.waiting.shift() as Claim;
          claim.started = true;
          line.underWay++;
          this.#underWay.set(lane, (this.#underWay.get(lane) ?? 0) + 1);
          starting.push(claim);
          found = true;
        }
      }
    }
    return starting;
  }

  /** Frees the place of a started claim. It stays held until it is released. `ok`: how its receiver did, if that is known. */
  finish(claim: Claim, ok?: boolean): void {
    const line = this.#line(claim);
    line.underWay--;
    this.#underWay.set(claim.lane, (this.#underWay.get(claim.lane) ?? 0) - 1);
    if (ok === true) line.limit = Math.min(claim.lane.placesPerEndpoint, line.limit + 1);
    if (ok === false)
      line.limit = Math.max(Math.min(LOWEST_LIMIT, claim.lane.placesPerEndpoint), Math.floor(line.limit / 2));
    this.#tidy(claim, line);
  }

  /** Forgets a claim, which was settled, given back or lost. */
  release(claim: Claim): void {
    const key = attemptKey(claim.data);
    // by now, another job of the same attempt may be held
    if (this.#held.get(key) === claim) this.#held.delete(key);
    if (claim.started) return;
    const line = this.#line(claim);
    line.waiting = line.waiting.filter((one) => one !== claim);
    this.#tidy(claim, line);
  }

  /** Free places of a lane. */
  places(lane: Lane): number {
    return lane.places - (this.#underWay.get(lane) ?? 0);
  }

  /** Whether it is worth fetching: enough free places, and few claims here that could take them. */
  hasRoom(lane: Lane): boolean {
    if (this.places(lane) < Math.min(ROOM, lane.placesPerEndpoint)) return false;
    let waiting = 0;
    for (const line of this.#lines.get(lane)?.values() ?? []) waiting += line.waiting.length;
    return waiting < ENOUGH_WAITING;
  }

  /** Endpoints for which enough is waiting here. */
  crowded(lane: Lane): string[] {
    return [...(this.#lines.get(lane) ?? [])]
      .filter(([, line]) => line.waiting.length >= Math.min(ENOUGH_WAITING, line.limit))
      .map(([endpointId]) => endpointId);
  }

  /** Claims that are held for longer than this. */
  olderThan(ms: number): Claim[] {
    const before = Date.now() - ms;
    return [...this.#held.values()].filter((claim) => claim.claimedAt < before);
  }

  /** Claims that have no place yet. */
  waiting(): Claim[] {
    return [...this.#held.values()].filter((claim) => !claim.started);
  }

  #line(claim: Claim): Line {
    const lines = this.#lines.get(claim.lane) ?? new Map<string, Line>();
    this.#lines.set(claim.lane, lines);
    let line = lines.get(claim.endpointId);
    if (!line) {
      line = { waiting: [], underWay: 0, limit: Math.min(FIRST_LIMIT, claim.lane.placesPerEndpoint) };
      lines.set(claim.endpointId, line);
    }
    return line;
  }

  #tidy(claim: Claim, line: Line): void {
    if (line.waiting.length === 0 && line.underWay === 0) this.#lines.get(claim.lane)?.delete(claim.endpointId);
  }
}
