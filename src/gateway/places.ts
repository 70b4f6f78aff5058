/** Who asks takes a place first, and waits for one while others of the same name have all of theirs. */
export interface Places {
  /** Resolves to what gives the place back. Rejects with the signal's reason when whoever waits leaves. */
  take(who: string, left: AbortSignal): Promise<() => void>;
}

interface Line {
  taken: number;
  /** in the order they came; each is called when it has a place */
  waiting: Set<() => void>;
}

/** Makes places: so many for each name. */
export function createPlaces(each: number): Places {
  const lines = new Map<string, Line>();

  async function turn(line: Line, left: AbortSignal): Promise<void> {
    left.throwIfAborted();
    if (line.taken < each) {
      line.taken += 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => line.waiting.delete(resolve) && reject(left.reason);
    line.waiting.add(resolve);
    left.addEventListener('abort', leave, { once: true });
    await promise;
    left.removeEventListener('abort', leave);
  }

  return {
    async take(who, left) {
      const line = lines.get(who) ?? { taken: 0, waiting: new Set() };
      lines.set(who, line);
      await turn(line, left);
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
