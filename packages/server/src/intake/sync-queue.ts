/** An honest host asks for one page after the other. */
const MOST_WAITING_PER_HOST = 4;

/** Lets pages of sync take turns with reports: one is made in each turn of the event loop, oldest first. */
export class PageTurns {
  readonly #waiting: { host: number; work: () => Promise<void> }[] = [];
  readonly #counts = new Map<number, number>();
  #isRunning = false;
  #isClosed = false;

  /** Queues a page for a host; false where that host has too many waiting already, or none is made any more. */
  add(host: number, work: () => Promise<void>): boolean {
    if (this.#isClosed) return false;
    const count = this.#counts.get(host) ?? 0;
    if (count >= MOST_WAITING_PER_HOST) return false;
    this.#counts.set(host, count + 1);
    this.#waiting.push({ host, work });
    if (!this.#isRunning) void this.#run();
    return true;
  }

  /** Makes none of those that wait: their port is closed, and so is soon the ledger that they are read from. */
  close(): void {
    this.#waiting.splice(0);
    this.#isClosed = true;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let next; (next = this.#waiting.shift()) !== undefined;) {
      await next.work();
      const left = (this.#counts.get(next.host) ?? 1) - 1;
      if (left === 0) this.#counts.delete(next.host);
      else this.#counts.set(next.host, left);
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#isRunning = false;
  }
}
