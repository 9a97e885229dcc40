import { MOST_TOOK, type Took } from '@banshare/protocol';
import type { BanRow } from '../bans/ban-row.ts';
import type { Effect } from '../bans/change.ts';

/** An event that came in: bans are timed, and what is of an unknown kind is none. */
type Heard = { kind: string; seq: number };

/** What came in and was never carried out is forgotten, the oldest first. */
const MOST_HEARD = 10_000;

/**
 * Times bans from their event to the moment in which they are in place here. Clocks of hosts differ, so that nothing here goes by
 * this host's: the server's time is its last word and the monotonic clock since, which is late by the way of that word. Half a round
 * trip makes up for that, and what passed here since the event came in is the least that it can have been.
 */
export class BanTimes {
  readonly #monotonic: () => number;
  readonly #now: () => number | undefined;
  /** Monotonic seconds at which each event came in. */
  readonly #heard = new Map<number, number>();
  #took: Took[] = [];
  /** Of so many bans one is kept, where they are more than can be told. */
  #stride = 1;
  #count = 0;
  /** Half of the shortest round trip, in seconds. */
  #way: number | undefined;

  /** @param now epoch seconds by the server's clock; undefined before that was heard. */
  constructor(monotonic: () => number, now: () => number | undefined) {
    this.#monotonic = monotonic;
    this.#now = now;
  }

  /** Events came in while this host had everything before them. */
  heard(events: readonly Heard[]): void {
    const now = this.#monotonic();
    for (const { kind, seq } of events) if (kind === 'ban') this.#heard.set(seq, now);
    for (const seq of this.#heard.keys()) {
      if (this.#heard.size <= MOST_HEARD) break;
      this.#heard.delete(seq);
    }
  }

  /** Something was carried out for a row, or failed; `row` is as it was when that was begun. */
  settled({ seq, at, status, attempts }: BanRow, { outcome }: Effect): void {
    const heard = this.#heard.get(seq);
    if (heard === undefined || status !== 'pending') return;
    this.#heard.delete(seq);
    if (outcome !== 'applied' || attempts > 0) return;
    this.#count += 1;
    if (this.#count % this.#stride !== 0) return;
    const now = this.#now();
    if (now === undefined) return;
    const seconds = Math.max(this.#monotonic() - heard, now - at) + (this.#way ?? 0);
    this.#took.push({ seq, ms: Math.round(seconds * 1000) });
    if (this.#took.length <= MOST_TOOK) return;
    this.#took = this.#took.filter((_, index) => index % 2 === 0);
    this.#stride *= 2;
  }

  /** The server answered a question after so many seconds. */
  answered(seconds: number): void {
    this.#way = Math.min(this.#way ?? Infinity, seconds / 2);
  }

  /** What is to be told, each once: what is lost on the way is not told again. */
  take(): Took[] {
    const took = this.#took;
    this.#took = [];
    this.#stride = 1;
    this.#count = 0;
    return took;
  }
}
