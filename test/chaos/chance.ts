import { randomInt } from 'node:crypto';
import type { TestContext } from 'node:test';

/** The long run (`make chaos`) takes everything further than `make test` has time for. */
export const isLong = process.env['BANSHARE_CHAOS'] === 'long';

/** Chance that can be had again: all of it follows from a seed, which is printed. BANSHARE_SEED=N replays a run. */
export class Chance {
  readonly seed: number;
  #state: number;

  constructor(test: TestContext) {
    const given = process.env['BANSHARE_SEED'];
    this.seed = given === undefined ? randomInt(2 ** 32 - 1) : Number(given) >>> 0;
    this.#state = this.seed;
    test.diagnostic(`BANSHARE_SEED=${this.seed}`);
  }

  /** A whole number from least to most, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1));
  }

  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.integer(0, choices.length - 1)];
    if (choice === undefined) throw new Error('nothing to choose from');
    return choice;
  }

  /** Whether something happens that happens in so many of a hundred cases. */
  percent(share: number): boolean {
    return this.integer(1, 100) <= share;
  }

  /** mulberry32: small, and good enough to choose moments by. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** An address in the n-th /64 of the documentation range of IPv6, in canonical form: more than 20 in one /64 would be one ban. */
export function addressOf(n: number): string {
  const groups = [1 + (n >> 15), 1 + (n & 32_767)];
  return `2001:db8:${groups.map((group) => group.toString(16)).join(':')}::1`;
}
