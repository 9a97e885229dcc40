import type { Outage } from '../words/outage.ts';

/** A write that failed is told for so long, although the next one may have gone well: a disk that is nearly full does that. */
const TOLD_SECONDS = 60;

/** Whether the server can write its ledger: what failed while it served is noted, and whoever asks tries it. */
export class LedgerWatch {
  #first = 0;
  #last = -Infinity;
  #reason = '';

  /** A write of the ledger failed. */
  failed(reason: string, now: number): void {
    if (now - this.#last > TOLD_SECONDS) this.#first = now;
    this.#last = now;
    this.#reason = reason;
  }

  /** Since when it cannot be written; null where that is not so. `write` writes something small to it, and throws. */
  async outage(write: () => Promise<void>, now: number): Promise<Outage | null> {
    try {
      await write();
    } catch (error) {
      this.failed((error as Error).message, now);
    }
    return now - this.#last > TOLD_SECONDS ? null : { since: this.#first, reason: this.#reason };
  }
}
