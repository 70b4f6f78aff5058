/**
 * A part of the delivery queue with places of its own. All lanes are one pg-boss queue; a job's priority says which lane it is
 * in, and the index that pg-boss fetches by begins with it, so a fetch of one lane never looks at the jobs of another.
 */
export interface Lane {
  name: 'prompt' | 'bulk' | 'slow';
  priority: number;
  /** attempts under way at once, per worker */
  places: number;
  /** of these, for one endpoint at most */
  placesPerEndpoint: number;
}

/**
 * - prompt: first attempts to endpoints with a short line. Nothing long ever stands in it, so it is always quick.
 * - bulk: first attempts to endpoints with a long line (an import, or a receiver that is slower than its events).
 * - slow: retries, and all attempts to endpoints that have been failing.
 */
export interface Lanes {
  prompt: Lane;
  bulk: Lane;
  slow: Lane;
}

/** How long an endpoint's line may be for its next delivery to go by the prompt lane. */
const LONG_LINE = 500;

export const DEFAULT_LANES: Lanes = {
  prompt: { name: 'prompt', priority: 0, places: 300, placesPerEndpoint: 100 },
  bulk: { name: 'bulk', priority: -1, places: 120, placesPerEndpoint: 100 },
  slow: { name: 'slow', priority: -2, places: 80, placesPerEndpoint: 5 },
};

/** The lane of a delivery that the relay hands over. */
export function laneOf(lanes: Lanes, delivery: { suspect: boolean; ahead: number; attempt: number }): Lane {
  if (delivery.suspect) return lanes.slow;
  return delivery.ahead >= LONG_LINE ? lanes.bulk : lanes.prompt;
}
