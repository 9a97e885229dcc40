import { setTimeout } from 'node:timers/promises';

/** Milliseconds between two tries: nobody guesses a code of 160 bits by then, and the server is not kept busy. */
const BETWEEN_MS = 20;
/** Each holds a connection. */
const MOST_WAITING = 200;

/**
 * Answers tries to come in one after the other, and slowly. None is refused for those before it: whoever tries all the time would else keep
 * out the administrator who has a link.
 */
export class Tries {
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** Does something as a try; undefined where too many wait already. */
  async take<T>(attempt: () => Promise<T>): Promise<T | undefined> {
    if (this.#waiting >= MOST_WAITING) return undefined;
    this.#waiting += 1;
    const turn = this.#last.then(attempt);
    this.#last = turn.catch(() => undefined).then(() => setTimeout(BETWEEN_MS));
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }
}
