import { setImmediate } from 'node:timers/promises';

/**
 * So many questions are answered at once, in the order in which they came, and each begins in a turn of the loop of its own: whoever asks by all
 * connections that he may have delays what else the daemon does by one answer, and fills its memory with a few of them.
 */
export class Lanes {
  readonly #most: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(most: number) {
    this.#most = most;
  }

  /** Waits for a lane; what it returns gives that back. */
  async enter(): Promise<() => void> {
    if (this.#taken < this.#most) this.#taken += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    await this.turn();
    let isBack = false;
    return () => {
      if (isBack) return;
      isBack = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken -= 1;
      else next();
    };
  }

  /** Waits for a turn of the loop in which no other question begins. */
  turn(): Promise<unknown> {
    this.#turn = this.#turn.then(() => setImmediate());
    return this.#turn;
  }
}
