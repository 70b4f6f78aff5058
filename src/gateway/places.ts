import { AppError } from '../errors.ts';

/** Who asks takes a place first, and waits for one while others of the same name have all of theirs. */
export interface Places {
  /** Resolves to what gives the place back. Rejects with the signal's reason when whoever waits leaves. */
  take(who: string, left?: AbortSignal): Promise<() => void>;
}

interface Line {
  taken: number;
  /** in the order they came; each is called when it has a place */
  waiting: Set<() => void>;
}

/** Makes places: so many for each name. Who waits for longer than `patienceMs` is refused with 503. */
export function createPlaces(each: number, patienceMs?: number): Places {
  const lines = new Map<string, Line>();

  async function turn(who: string, line: Line, left: AbortSignal | undefined): Promise<void> {
    left?.throwIfAborted();
    if (line.taken < each) {
      line.taken += 1;
      lines.set(who, line);
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (reason: unknown) => line.waiting.delete(resolve) && reject(reason);
    const gone = () => leave(left?.reason);
    const late = patienceMs === undefined ? undefined : setTimeout(() => leave(crowded()), patienceMs);
    line.waiting.add(resolve);
    left?.addEventListener('abort', gone, { once: true });
    try {
      await promise;
    } finally {
      clearTimeout(late);
      left?.removeEventListener('abort', gone);
    }
  }

  return {
    async take(who, left) {
      const line = lines.get(who) ?? { taken: 0, waiting: new Set() };
      await turn(who, line, left);
      return () => {
        const [next] = line.waiting;
        if (next) {
          // the place is handed over, and stays taken
          line.waiting.delete(next);
          next();
          return;
        }
        line.taken -= 1;
        if (line.taken === 0) lines.delete(who);
      };
    },
  };
}

const crowded = (): AppError =>
  new AppError(503, 'service_unavailable', 'Too many requests of this organization are under way. Try again shortly.');
