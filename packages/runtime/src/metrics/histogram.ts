import type { Distribution } from './exposition.ts';

/** Seconds: from a commit on a fast disk to a host that was away for an hour. */
const SECONDS_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600];

/** Counts values by bounds, in the order of their size. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** Those above one bound and not above the next; the last are above all. */
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[] = SECONDS_BOUNDS) {
    this.#bounds = bounds;
    this.#counts = [...bounds, Infinity].map(() => 0);
  }

  observe(value: number): void {
    const index = this.#bounds.findIndex((most) => value <= most);
    const at = index < 0 ? this.#bounds.length : index;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  /** What it has seen so far. */
  get distribution(): Distribution {
    let count = 0;
    const buckets = this.#bounds.map((most, index) => {
      count += this.#counts[index] ?? 0;
      return { most, count };
    });
    return { count: count + (this.#counts.at(-1) ?? 0), sum: this.#sum, buckets };
  }
}
