import { monotonicSeconds } from '@banshare/runtime';

/**
 * The server's time as this host reckons it: the last `now` heard and the monotonic clock since. This host's own wall clock
 * may jump or be wrong, and bans must neither vanish nor stay for it.
 */
export class ServerClock {
  #offset: number | undefined;

  /** Takes a `now` of the server, epoch seconds. */
  hear(now: number): void {
    this.#offset = now - monotonicSeconds();
  }

  /** Epoch seconds by the server's clock; undefined before the server was heard. */
  now(): number | undefined {
    return this.#offset === undefined ? undefined : this.#offset + monotonicSeconds();
  }
}
