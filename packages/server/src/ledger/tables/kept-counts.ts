import { monotonicSeconds } from '@banshare/runtime';

/** Fewer are counted at once. */
const FEW = 10_000;
/** Counting takes 0.08 µs a row: held so long, a look at it all the time takes a fiftieth of the time. */
const SECONDS_A_ROW = 4e-6;
/** An operator who has just taken back what a host did looks whether it is gone. */
const MOST_SECONDS = 1;

/** Counts of what grows without bound, each held the longer the more there are: who looks each second would keep reports waiting. */
export class KeptCounts {
  readonly #kept = new Map<string, { count: number; until: number }>();

  /** A count as of a moment ago, or now: 100,000 of something are as many for 0.4 s. */
  of(name: string, count: () => number): number {
    const now = monotonicSeconds();
    const kept = this.#kept.get(name);
    if (kept !== undefined && now < kept.until) return kept.count;
    const fresh = count();
    this.#kept.set(name, {
      count: fresh,
      until: fresh < FEW ? now : now + Math.min(MOST_SECONDS, fresh * SECONDS_A_ROW),
    });
    return fresh;
  }
}
