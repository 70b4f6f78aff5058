/** How the demo says what it does, and insists that it came out as it should. */
export interface Teller {
  /** announces the next step */
  step(text: string): void;
  /** something to show of it */
  show(text: string): void;
  /** something that must hold: shown when it does, the end of the demo when not */
  holds(condition: boolean, text: string): void;
}

export interface Told {
  step: string;
  held: string[];
}

/** `before` is called at every step, and may end the demo. */
export function createTeller(out: (line: string) => void, before: () => void): Teller & { told: Told[] } {
  const told: Told[] = [];
  return {
    told,
    step(text) {
      before();
      told.push({ step: text, held: [] });
      out(`\n${String(told.length).padStart(2)}  ${text}`);
    },
    show(text) {
      for (const line of text.split('\n')) out(`      ${line}`);
    },
    holds(condition, text) {
      if (!condition) throw new Error(`This did not hold: ${text}`);
      told.at(-1)?.held.push(text);
      out(`    ✓ ${text}`);
    },
  };
}
