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
