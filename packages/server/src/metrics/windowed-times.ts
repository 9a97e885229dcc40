/** How many there were, and below which half and 99 of 100 of them lie, in milliseconds. */
export type Quantiles = { count: number; p50: number; p99: number };

const MINUTES = 60;
/** Each bucket reaches a tenth further than the one before: an hour is in the 160th. */
const RATIO = 1.1;
const BUCKETS = 160;

/** Times of the last hour, in milliseconds, each to a tenth of itself: an hour takes 40 kB, however many there are. */
export class WindowedTimes {
  readonly #minutes = Array.from({ length: MINUTES }, () => ({
    minute: -1,
    counts: new Uint32Array(BUCKETS),
  }));

  /** Notes a time; now is epoch seconds. */
  observe(ms: number, now: number): void {
    const { counts } = this.#slotOf(Math.floor(now / 60));
    const index = bucketOf(ms);
    counts[index] = (counts[index] ?? 0) + 1;
  }

  /** Of the last hour; null where there is nothing. */
  quantiles(now: number): Quantiles | null {
    const minute = Math.floor(now / 60);
    const sums = new Float64Array(BUCKETS);
    for (const { minute: of, counts } of this.#minutes)
      if (of > minute - MINUTES && of <= minute)
        for (let index = 0; index < BUCKETS; index += 1)
          sums[index] = (sums[index] ?? 0) + (counts[index] ?? 0);
    const count = sums.reduce((all, one) => all + one, 0);
    if (count === 0) return null;
    return { count, p50: quantileOf(sums, count, 0.5), p99: quantileOf(sums, count, 0.99) };
  }

  #slotOf(minute: number): { counts: Uint32Array } {
    const slot = this.#minutes[minute % MINUTES] ?? { minute: -1, counts: new Uint32Array(BUCKETS) };
    if (slot.minute !== minute) {
      slot.minute = minute;
      slot.counts.fill(0);
    }
    return slot;
  }
}

/** The bucket whose upper end is the first that is not below. */
function bucketOf(ms: number): number {
  return ms <= 1 ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(ms) / Math.log(RATIO)));
}

/** The upper end of the bucket in which a share of all is reached. */
function quantileOf(sums: Float64Array, count: number, share: number): number {
  let seen = 0;
  const index = sums.findIndex((one) => {
    seen += one;
    return seen >= count * share;
  });
  return Math.round(RATIO ** Math.max(0, index));
}
