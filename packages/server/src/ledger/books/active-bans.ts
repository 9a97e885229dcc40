import { setImmediate } from 'node:timers/promises';
import { covers, type Event, type Target } from '@banshare/protocol';
import type { Ledger } from '../ledger.ts';

/** Reports wait while a page is read. */
const PAGE = 1000;

/** Goes through every active ban that was published after a seq, as its event, in their order, and lets reports in between. */
export async function* eachActive(
  ledger: Pick<Ledger, 'active' | 'head'>,
  now: number,
  after = 0,
): AsyncGenerator<Event> {
  const { seq: uptoSeq } = ledger.head();
  for (let afterSeq = after; ;) {
    const page = await ledger.active({ afterSeq, uptoSeq, limit: PAGE }, now);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    afterSeq = last.seq;
    await setImmediate();
  }
}

/** How many active bans lie within a range, less that of the range itself. */
export async function countWithin(ledger: Ledger, range: Target, now: number): Promise<number> {
  let count = 0;
  for await (const { ip } of eachActive(ledger, now)) if (ip !== range && covers(range, ip)) count += 1;
  return count;
}

/** Counting half a million bans takes longer than judging one: the count is looked up at most so often. */
const COUNT_SECONDS = 2;

/** How many bans are active, near enough for a limit, also while a batch is judged that may be judged again. */
export class ActiveCount {
  readonly #ledger: Ledger;
  #count = 0;
  /** Those that were judged, and are not committed. */
  #judged = 0;
  #countedAt = -Infinity;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** One more will be published. */
  add(): void {
    this.#judged += 1;
  }

  /** What was judged before is judged anew, or came to nothing. */
  begins(): void {
    this.#judged = 0;
  }

  /** What was judged is published, or so many that others judged. */
  published(count = this.#judged): void {
    this.#count += count;
    this.#judged = 0;
  }

  /** The count as of a moment ago and what was added since; now is epoch seconds. */
  about(now: number): number {
    if (now - this.#countedAt >= COUNT_SECONDS) {
      // What was judged is in the tables already while its transaction is open.
      this.#count = this.#ledger.activeNow(now) - this.#judged;
      this.#countedAt = now;
    }
    return this.#count + this.#judged;
  }
}
