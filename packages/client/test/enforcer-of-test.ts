import type { Enforcer } from '../src/enforcers/enforcer.ts';
import type { Change, Effect } from '../src/bans/change.ts';

/** A change that a test has in its hands: it says what comes of it. */
export type Held = { change: Change; done: (effect?: Partial<Effect>) => void };

/** An enforcer that waits for the test to say what came of each change. */
export class HeldEnforcer implements Enforcer {
  readonly kind = 'held';
  readonly mostAtOnce: number;
  readonly isSerial = false;
  readonly reach = 'jail';
  readonly takesRanges = true;
  readonly begun: string[] = [];
  /** How many changes each call brought. */
  readonly batches: number[] = [];
  readonly #held: Held[] = [];
  readonly #waiting: ((held: Held) => void)[] = [];
  #isEnding = false;
  running = 0;
  mostRunning = 0;

  constructor(mostAtOnce = 1) {
    this.mostAtOnce = mostAtOnce;
  }

  carryOut(changes: readonly Change[]): Promise<Effect[]> {
    this.batches.push(changes.length);
    return Promise.all(changes.map((change) => this.#hold(change)));
  }

  check(): Promise<string[]> {
    return Promise.resolve([]);
  }

  #hold(change: Change): Promise<Effect> {
    this.begun.push(`${change.kind} ${change.prog}/${change.localJail} ${change.ip}`);
    this.running += 1;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    return new Promise((resolve) => {
      const done = (effect: Partial<Effect> = {}): void => {
        this.running -= 1;
        resolve({ outcome: 'applied', localJail: change.localJail, ...effect } as Effect);
      };
      if (this.#isEnding) {
        done();
        return;
      }
      const next = this.#waiting.shift();
      if (next === undefined) this.#held.push({ change, done });
      else next({ change, done });
    });
  }

  /** Ends everything that is begun from now on, and what nobody took. */
  endAll(): void {
    this.#isEnding = true;
    for (const { done } of this.#held.splice(0)) done();
  }

  /** The next change that was begun. */
  next(): Promise<Held> {
    const held = this.#held.shift();
    return held === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(held);
  }
}
