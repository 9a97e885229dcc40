import { setImmediate } from 'node:timers/promises';
import { covers, type Event, type Target } from '@banshare/protocol';
import type { Ledger } from './ledger.ts';

/** Reports wait while a page is read. */
const PAGE = 1000;

/** Goes through every active ban, as its event, in the order of their seq, and lets reports in between. */
export async function* eachActive(
  ledger: Pick<Ledger, 'active' | 'head'>,
  now: number,
): AsyncGenerator<Event> {
  const { seq: uptoSeq } = ledger.head();
  for (let afterSeq = 0; ;) {
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

/** How many bans are active, near enough for a limit. */
export class ActiveCount {
  readonly #ledger: Ledger;
  #count = 0;
  #countedAt = -Infinity;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** One more was published since. */
  add(): void {
    this.#count += 1;
  }

  /** The count as of a moment ago and what was added since; now is epoch seconds. */
  about(now: number): number {
    if (now - this.#countedAt >= COUNT_SECONDS) {
      this.#count = this.#ledger.activeNow(now);
      this.#countedAt = now;
    }
    return this.#count;
  }
}
