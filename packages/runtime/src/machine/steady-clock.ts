import { monotonicSeconds, wallSeconds } from './clock.ts';

/** A wall clock that is off by more than this is worth an alarm. */
const JUMP_SECONDS = 5;

/**
 * The time by which bans are reckoned: the wall clock as it was at the start, carried on by the monotonic clock. Whoever sets
 * the machine's clock by an hour or ten years while the program runs neither ends bans nor prolongs them.
 */
export class SteadyClock {
  #base: number;

  /** @param notBefore epoch seconds that have passed already, by what is on record: time does not run back. */
  constructor(notBefore = 0) {
    this.#base = Math.max(wallSeconds(), notBefore) - monotonicSeconds();
  }

  /** Epoch seconds. */
  now(): number {
    return this.#base + monotonicSeconds();
  }

  /** Moves to another program's time, which it told a moment ago. */
  follow(now: number): void {
    this.#base = now - monotonicSeconds();
  }

  /**
   * By how many seconds the machine's clock is ahead of this one: it was set since the start, or at the start it was behind what
   * is on record. 0 where they agree.
   */
  jump(): number {
    const gap = wallSeconds() - this.now();
    return Math.abs(gap) > JUMP_SECONDS ? Math.round(gap) : 0;
  }
}
