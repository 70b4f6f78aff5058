/** Rewriting a line takes no library: how far, how fast, how long still. Only where a person watches. */
export class Progress {
  private readonly total: number;
  private readonly out: NodeJS.WriteStream;
  private readonly began = Date.now();
  private first: number | undefined;
  private shown = 0;

  constructor(total: number, out: NodeJS.WriteStream = process.stderr) {
    this.total = total;
    this.out = out;
  }

  show(done: number): void {
    this.first ??= done;
    if (!this.out.isTTY || Date.now() - this.shown < 200) return;
    this.shown = Date.now();
    const rate = (done - this.first) / ((this.shown - this.began) / 1000 || 1);
    const parts = [
      `${'█'.repeat(Math.floor((20 * done) / (this.total || 1))).padEnd(20, '░')} ${count(done)} of ${count(this.total)} rows`,
      ...(rate > 0 ? [`${count(Math.round(rate))} a second`, `${Math.ceil((this.total - done) / rate)} s left`] : []),
    ];
    this.out.write(`\r${parts.join(', ')}\x1b[K`);
  }

  end(): void {
    if (this.out.isTTY && this.shown > 0) this.out.write('\r\x1b[K');
  }
}

export const count = (number: number): string => number.toLocaleString('en');
