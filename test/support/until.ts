import { setTimeout as delay } from 'node:timers/promises';

/** Longer than anything takes on a busy machine, and shorter than a test may take, so that what did not come is named. */
const LONGEST_MS = 45_000;

/** Waits until a condition holds, and returns what made it hold. `what` names it in the error of a wait in vain. */
export async function until<T>(
  condition: () => T | Promise<T>,
  what = 'the condition',
  longestMs = LONGEST_MS,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + longestMs;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (Date.now() > deadline) throw new Error(`${what} did not come true within ${longestMs / 1000} s`);
    await delay(20);
  }
}
