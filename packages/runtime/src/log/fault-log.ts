import type { Log } from './log.ts';
import type { LogFields } from './log-line.ts';

type Seen = { loggedAt: number; unlogged: number; text: string };

const HOUR = 3600;
/** Keys may come from foreign hosts: above this many the one logged longest ago is forgotten. */
const MOST_KEYS = 1000;

/** Logs each fault, known by its key, once, and then at most hourly with how often it came. */
export class FaultLog {
  readonly #log: Pick<Log, 'warning'>;
  readonly #nowSeconds: () => number;
  readonly #seen = new Map<string, Seen>();

  /** `nowSeconds` should be a clock that does not jump. */
  constructor(log: Pick<Log, 'warning'>, nowSeconds: () => number) {
    this.#log = log;
    this.#nowSeconds = nowSeconds;
  }

  /** Something went wrong, perhaps again. */
  fault(key: string, text: string, fields: LogFields = {}): void {
    const seen = this.#seen.get(key);
    if (seen !== undefined && this.#nowSeconds() - seen.loggedAt < HOUR) {
      seen.unlogged++;
      seen.text = text;
      return;
    }
    const times = seen === undefined ? {} : { times: seen.unlogged + 1 };
    this.#log.warning(text, { ...fields, ...times });
    this.#remember(key, text);
  }

  /** It works again: the next fault of this key is news. */
  over(key: string): void {
    this.#seen.delete(key);
  }

  /** For a daemon's regular tick: logs the counts that are an hour old, also of faults that came no more. */
  sumUp(): void {
    const now = this.#nowSeconds();
    const due = [...this.#seen].filter(([, seen]) => now - seen.loggedAt >= HOUR);
    for (const [key, seen] of due) {
      this.#seen.delete(key);
      if (seen.unlogged === 0) continue;
      this.#log.warning(seen.text, { times: seen.unlogged });
      this.#remember(key, seen.text);
    }
  }

  #remember(key: string, text: string): void {
    this.#seen.delete(key);
    this.#seen.set(key, { loggedAt: this.#nowSeconds(), unlogged: 0, text });
    if (this.#seen.size <= MOST_KEYS) return;
    const oldest = this.#seen.keys().next();
    if (!oldest.done) this.#seen.delete(oldest.value);
  }
}
