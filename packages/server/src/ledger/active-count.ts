import type { Ledger } from './ledger.ts';

/** Counting half a million bans takes longer than judging one: the count is looked up at most so often. */
const COUNT_SECONDS = 2;

/** How many bans are active, near enough for a limit. */
export class ActiveCount {
  readonly #ledger: Ledger;
  #count = 0;
  #countedAt = -Infinity;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** One more was published since. */
  add(): void {
    this.#count += 1;
  }

  /** The count as of a moment ago and what was added since; now is epoch seconds. */
  about(now: number): number {
    if (now - this.#countedAt >= COUNT_SECONDS) {
      this.#count = this.#ledger.activeNow(now);
      this.#countedAt = now;
    }
    return this.#count;
  }
}
