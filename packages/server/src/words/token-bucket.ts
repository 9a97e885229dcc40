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
    this.#tokens = Math.min(this.#most, this.#tokens + Math.max(0, now - this.#at) * this.#perSecond);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
