import type { Ledger } from '../../ledger/ledger.ts';

/** So long is waited for what comes together, so that whoever follows gets it in one answer. */
const TOGETHER_MS = 150;

/** Has whoever follows the ledger wait for the next commit, of this server or another. */
export class Arrivals {
  #waiting = new Set<() => void>();

  constructor(ledger: Pick<Ledger, 'follow'>) {
    ledger.follow({ applied: () => this.#came() });
  }

  /** Resolves a moment after the next commit, or after so many seconds. */
  async next(seconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#waiting.delete(came);
        clearTimeout(timer);
        resolve();
      };
      const came = (): void => {
        this.#waiting.delete(came);
        clearTimeout(timer);
        // A server that ends waits for nobody who looks on.
        timer = setTimeout(done, TOGETHER_MS).unref();
      };
      let timer = setTimeout(done, seconds * 1000).unref();
      this.#waiting.add(came);
    });
  }

  #came(): void {
    for (const came of this.#waiting) came();
  }
}
