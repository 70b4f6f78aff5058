import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';

export interface Loop {
  /** Takes the next turn at once instead of after the pause. */
  wake(): void;
  /** No further turn; settles when the one under way is over. */
  stop(): Promise<void>;
}

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5000;

/**
 * Takes turns until stopped. A turn says how many milliseconds to pause after it (0: none). One that throws (the database is
 * away) is tried again, each time after a longer pause, and never ends the loop.
 */
export function startLoop(name: string, log: Logger, turn: () => Promise<number>): Loop {
  let stopping = false;
  let woken = false;
  let pause: AbortController | undefined;
  let wakeable = false;

  async function rest(ms: number, endsByWake: boolean): Promise<void> {
    if (stopping || (endsByWake && woken)) return;
    wakeable = endsByWake;
    pause = new AbortController();
    const { signal } = pause;
    // aborting is the ordinary way to end a pause early
    await delay(ms, undefined, { signal }).catch(() => {});
    pause = undefined;
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!stopping) {
      woken = false;
      try {
        const ms = await turn();
        if (failures > 0) log.info({ loop: name }, 'worker loop is running again');
        failures = 0;
        if (ms > 0) await rest(ms, true);
      } catch (error) {
        if (failures === 0) log.warn({ loop: name, err: error }, 'worker loop failed; trying again');
        const backoff = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** failures++);
        await rest(backoff * (0.5 + Math.random() / 2), false);
      }
    }
  }

  const running = run();
  return {
    wake() {
      woken = true;
      if (wakeable) pause?.abort();
    },
    async stop() {
      stopping = true;
      pause?.abort();
      await running;
    },
  };
}
