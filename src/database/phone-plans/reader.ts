import { type Part, parse } from './pattern.ts';

/** Follows any number of patterns at the same time. */
export class Reader {
  #free: number[][] = [[]];
  #moves: ({ digits: number; to: number } | undefined)[] = [undefined];

  /** Adds a pattern; returns the place that is reached when the digits are one of its numbers (or begin with one). */
  add(pattern: string, begins = false): number {
    const start = this.#place();
    this.#free[0]?.push(start);
    const end = this.#build(parse(pattern), start);
    if (begins) {
      const again = this.#place();
      this.#free[end]?.push(again);
      this.#moves[again] = { digits: 0b11_1111_1111, to: end };
    }
    return end;
  }

  start(): number[] {
    return this.#closed([0]);
  }

  step(at: readonly number[], digit: number): number[] {
    const moves = at.map((place) => this.#moves[place]);
    return this.#closed(moves.flatMap((move) => (move && (move.digits >> digit) & 1 ? [move.to] : [])));
  }

  #place(): number {
    this.#moves.push(undefined);
    return this.#free.push([]) - 1;
  }

  #build(part: Part, from: number): number {
    if (part.kind === 'digit') {
      const [before, after] = [this.#place(), this.#place()];
      this.#free[from]?.push(before);
      this.#moves[before] = { digits: part.digits, to: after };
      return after;
    }
    if (part.kind === 'all') return part.parts.reduce((place, each) => this.#build(each, place), from);
    const end = this.#place();
    if (part.kind === 'any') {
      for (const each of part.parts) {
        const start = this.#place();
        this.#free[from]?.push(start);
        this.#free[this.#build(each, start)]?.push(end);
      }
      return end;
    }
    let place = from;
    for (let count = 0; count < part.max; count++) {
      if (count >= part.min) this.#free[place]?.push(end);
      place = this.#build(part.part, place);
    }
    this.#free[place]?.push(end);
    return end;
  }

  #closed(places: readonly number[]): number[] {
    const closed = new Set(places);
    for (const place of closed) for (const free of this.#free[place] ?? []) closed.add(free);
    return [...closed].toSorted((a, b) => a - b);
  }
}
