import type { Logger } from '../log.ts';

/** The process's own view of its life: what runs, and whether it has been told to end. */
export interface Run {
  /** Notes a part that runs now and how to stop it. Throws when the process was told to end in the meantime. */
  started(name: string, stop: () => Promise<unknown>): void;
  /** Throws when the process was told to end. */
  checkpoint(): void;
  /** A part ended by itself: everything stops, exit code 1. */
  failed(reason: string): void;
  /** Settles when the process is told to end, or a part failed. */
  untilStopped(): Promise<void>;
}

class Interrupted extends Error {}

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** npm passes a Ctrl-C on to a process that has it from the terminal already: the copy is no second signal. */
const COPY_MS = 400;

/**
 * Runs `work`, then stops the parts it started in the reverse order, however it ended. Ctrl-C and SIGTERM end it in that
 * order; a second signal exits at once. Returns the exit code; throws what `work` threw.
 */
export async function runParts(log: Logger, work: (run: Run) => Promise<void>): Promise<number> {
  const parts: { name: string; stop: () => Promise<unknown> }[] = [];
  const ended = Promise.withResolvers<void>();
  let stopping = false;
  let failure: string | undefined;
  const end = (): void => {
    stopping = true;
    ended.resolve();
  };

  const removeHandlers = onSignals((signal) => {
    log.info({ signal }, 'stopping');
    end();
  });
  const run: Run = {
    started(name, stop) {
      parts.push({ name, stop });
      run.checkpoint();
    },
    checkpoint() {
      if (stopping) throw new Interrupted();
    },
    failed(reason) {
      if (stopping) return;
      log.fatal(reason);
      failure = reason;
      end();
    },
    untilStopped: () => ended.promise,
  };

  try {
    await work(run);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    stopping = true;
    await stopAll(parts, log);
    removeHandlers();
  }
  return failure === undefined ? 0 : 1;
}

async function stopAll(parts: { name: string; stop: () => Promise<unknown> }[], log: Logger): Promise<void> {
  for (const { name, stop } of parts.toReversed()) {
    try {
      await stop();
      log.debug({ part: name }, 'stopped');
    } catch (error) {
      log.error({ err: error, part: name }, 'did not stop in order');
    }
  }
}

function onSignals(first: (signal: string) => void): () => void {
  let firstAt: number | undefined;
  const handler = (signal: keyof typeof SIGNALS): void => {
    if (firstAt === undefined) {
      firstAt = Date.now();
      first(signal);
    } else if (Date.now() - firstAt > COPY_MS) {
      process.exit(SIGNALS[signal]); // embedded servers are told to end on the way out (embedded/child.ts)
    }
  };
  const names = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
  for (const name of names) process.on(name, handler);
  return () => {
    for (const name of names) process.removeListener(name, handler);
  };
}
