import { randomInt } from 'node:crypto';
import { monotonicSeconds, spoolFilesIn } from '@banshare/runtime';
import { exec } from './exec.ts';

const LOOK_MS = 5000;
const LONGEST_PAUSE_MS = 60_000;
/** What is left of thousands is sent next time; it must end before the daemon has to. */
const FLUSH_MS = 25_000;

/**
 * Empties the spool: looks for waiting reports every few seconds, and has banshare-report send them. After a failure it waits
 * longer each time, at random, so that a fleet does not come back to its server all at once.
 */
export class SpoolKeeper {
  readonly #reporter: readonly string[];
  readonly #directory: string;
  readonly #waits: (reason: string) => void;
  readonly #now: () => number;
  readonly #timer = setInterval(() => this.check(), LOOK_MS);
  #running: Promise<void> | undefined;
  #failures = 0;
  #notBefore = 0;

  /**
   * @param reporter how banshare-report is run: its first words.
   * @param waits hears why what is in the spool waits.
   * @param now milliseconds that never jump.
   */
  constructor(
    reporter: readonly string[],
    directory: string,
    waits: (reason: string) => void,
    now: () => number = () => monotonicSeconds() * 1000,
  ) {
    this.#reporter = reporter;
    this.#directory = directory;
    this.#waits = waits;
    this.#now = now;
  }

  /** The server is there again: what waited out of caution need not wait longer. */
  checkNow(): void {
    this.#notBefore = 0;
    this.check();
  }

  /** The server can write again, and all its hosts hear that at once: what waits out of caution comes within seconds. */
  checkSoon(): void {
    this.#failures = 0;
    this.#notBefore = this.#now() + randomInt(LOOK_MS);
  }

  /** Sends what waits, unless that is under way or failed a moment ago. */
  check(): void {
    if (this.#running !== undefined || this.#now() < this.#notBefore || !this.#isWaiting()) return;
    this.#running = this.#flush().finally(() => (this.#running = undefined));
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  #isWaiting(): boolean {
    return spoolFilesIn(this.#directory).length > 0;
  }

  async #flush(): Promise<void> {
    const ended = await exec([...this.#reporter, '--flush'], FLUSH_MS, () => monotonicSeconds() * 1000);
    if (ended.code === 0) {
      this.#failures = 0;
      return;
    }
    this.#failures += 1;
    const pause = Math.min(LOOK_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#notBefore = this.#now() + randomInt(pause / 2, pause);
    this.#waits(ended.stderr.trim().split('\n').at(-1) ?? '');
  }
}
