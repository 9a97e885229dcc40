import { monotonicSeconds, wallSeconds } from './clock.ts';

/** A wall clock that was set by more than this while the program ran is worth an alarm. */
const JUMP_SECONDS = 5;

/**
 * The time by which bans are reckoned: the wall clock as it was at the start, carried on by the monotonic clock. Whoever sets
 * the machine's clock by an hour or ten years while the program runs neither ends bans nor prolongs them.
 */
export class SteadyClock {
  #base: number;
  /** How far the wall clock was from this one when last looked at; seconds, positive when the wall clock is ahead. */
  #startGap: number;

  /** @param notBefore epoch seconds that have passed already, by what is on record: time does not run back. */
  constructor(notBefore = 0) {
    const wall = wallSeconds();
    const start = Math.max(wall, notBefore);
    this.#base = start - monotonicSeconds();
    this.#startGap = wall - start;
  }

  /** Epoch seconds. */
  now(): number {
    return this.#base + monotonicSeconds();
  }

  /** Moves to another program's time, which it told a moment ago. */
  follow(now: number): void {
    this.#base = now - monotonicSeconds();
    this.#startGap = wallSeconds() - now;
  }

  /** By how many seconds the machine's clock was set since the start; 0 where it runs evenly. */
  jump(): number {
    const gap = wallSeconds() - this.now() - this.#startGap;
    return Math.abs(gap) > JUMP_SECONDS ? Math.round(gap) : 0;
  }
}
