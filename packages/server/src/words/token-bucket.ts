/** A bucket of tokens that refills evenly: so many a minute on the long run, so many at once. Times are epoch seconds. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #most: number;
  #tokens: number;
  #at: number;

  constructor(perMinute: number, most: number, now: number) {
    this.#perSecond = perMinute / 60;
    this.#most = most;
    this.#tokens = most;
    this.#at = now;
  }

  /** Takes a token where there is one. */
  take(now: number): boolean {
    if (!this.has(1, now)) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Whether there are so many. */
  has(count: number, now: number): boolean {
    this.#tokens = Math.min(this.#most, this.#tokens + Math.max(0, now - this.#at) * this.#perSecond);
    this.#at = now;
    return this.#tokens >= count;
  }

  /** Takes so many, or all that there are; where it may owe, what lacks is taken of what comes, so much at most as it may hold. */
  spend(count: number, { mayOwe = false } = {}): void {
    this.#tokens = Math.max(mayOwe ? -this.#most : 0, this.#tokens - count);
  }
}
