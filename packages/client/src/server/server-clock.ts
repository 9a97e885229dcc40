import { monotonicSeconds } from '@banshare/runtime';

/** What is doubted, and for how long before it is believed: in that time an operator sees it in status and logs. */
const DOUBTFUL_SECONDS = 3600;
const DOUBT_SECONDS = 3600;

/**
 * The server's time as this host reckons it: the last `now` heard and the monotonic clock since. This host's own wall clock
 * may jump or be wrong, and bans must neither vanish nor stay for it.
 */
export class ServerClock {
  readonly #monotonic: () => number;
  #offset: number | undefined;
  #doubtedSince: number | undefined;

  /** @param monotonic seconds that never jump. */
  constructor(monotonic: () => number = monotonicSeconds) {
    this.#monotonic = monotonic;
  }

  /**
   * Takes a `now` of the server, epoch seconds. One that is an hour off what this host reckons is doubted for a while: a
   * server that came back with a wrong clock must not end every ban at once.
   */
  hear(now: number): void {
    const monotonic = this.#monotonic();
    const expected = this.now();
    const isDoubtful = expected !== undefined && Math.abs(now - expected) > DOUBTFUL_SECONDS;
    if (!isDoubtful) this.#doubtedSince = undefined;
    else this.#doubtedSince ??= monotonic;
    const isStillDoubted = this.#doubtedSince !== undefined && monotonic - this.#doubtedSince < DOUBT_SECONDS;
    if (!isStillDoubted) this.#offset = now - monotonic;
  }

  /** Epoch seconds by the server's clock; undefined before the server was heard. */
  now(): number | undefined {
    return this.#offset === undefined ? undefined : this.#offset + this.#monotonic();
  }
}
