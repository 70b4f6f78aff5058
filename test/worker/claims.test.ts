import { expect, test } from 'vitest';
import { type Claim, Claims } from '../../src/worker/claims.ts';
import { DEFAULT_LANES, laneOf } from '../../src/worker/lanes.ts';
import type { DeliveryJob } from '../../src/worker/queue.ts';

const { prompt, bulk, slow } = DEFAULT_LANES;

let jobNumber = 0;
function job(endpointId: string, changes: Partial<DeliveryJob> = {}): DeliveryJob {
  const id = `job-${++jobNumber}`;
  const data = { organizationId: 'org', deliveryId: `delivery of ${id}`, attempt: 1 };
  return { id, data, groupId: endpointId, retryCount: 0, ...changes } as DeliveryJob;
}

function addMany(claims: Claims, endpointId: string, count: number, lane = prompt): void {
  for (let i = 0; i < count; i++) claims.add(job(endpointId), lane);
}

test('an unknown endpoint gets few places, one that answers more and more, one that fails few again', () => {
  const claims = new Claims();
  addMany(claims, 'a', 400);
  let underWay = claims.start();
  expect(underWay).toHaveLength(16);

  for (let round = 0; round < 3; round++) {
    for (const claim of underWay) claims.finish(claim, true);
    underWay = claims.start();
  }
  expect(underWay).toHaveLength(100);

  for (const claim of underWay) claims.finish(claim, false);
  expect(claims.start()).toHaveLength(5);
});

test('endpoints take turns, and a lane never has more under way than it has places', () => {
  const claims = new Claims();
  const lane = { ...prompt, places: 6 };
  addMany(claims, 'a', 10, lane);
  addMany(claims, 'b', 10, lane);
  expect(claims.start().map((claim) => claim.endpointId)).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
  expect(claims.places(lane)).toBe(0);
  expect(claims.start()).toEqual([]);
});

test('lanes do not take places from each other', () => {
  const claims = new Claims();
  addMany(claims, 'a', 100);
  addMany(claims, 'a', 100, slow);
  expect(claims.start().filter((claim) => claim.lane === slow)).toHaveLength(slow.placesPerEndpoint);
});

test('no more is fetched for an endpoint with enough waiting', () => {
  const claims = new Claims();
  addMany(claims, 'a', 60);
  addMany(claims, 'b', 1);
  claims.start();
  expect(claims.crowded(prompt)).toEqual(['a']);
});

test('a job that is handed out again while it is held is the same claim, with a new name', () => {
  const claims = new Claims();
  const first = job('a');
  expect(claims.add(first, prompt)).toBe(true);
  const [claim] = claims.start() as [Claim];
  expect(claims.add({ ...first, retryCount: 1 }, prompt)).toBe(true);
  expect(claim.job).toEqual({ id: first.id, retryCount: 1 });
  expect(claims.start()).toEqual([]);
});

test('a second job for an attempt that is held is not needed', () => {
  const claims = new Claims();
  const first = job('a');
  claims.add(first, prompt);
  expect(claims.add(job('a', { data: first.data }), slow)).toBe(false);
  expect(claims.size).toBe(1);
});

test('a claim that is released without a place leaves the line', () => {
  const claims = new Claims();
  addMany(claims, 'a', 1);
  claims.release(claims.waiting()[0] as Claim);
  expect(claims.start()).toEqual([]);
  expect(claims.size).toBe(0);
});

test('the lane follows from how the endpoint is doing and how long its line is', () => {
  expect(laneOf(DEFAULT_LANES, { suspect: false, ahead: 0, attempt: 1 })).toBe(prompt);
  expect(laneOf(DEFAULT_LANES, { suspect: false, ahead: 500, attempt: 1 })).toBe(bulk);
  expect(laneOf(DEFAULT_LANES, { suspect: true, ahead: 0, attempt: 1 })).toBe(slow);
});
