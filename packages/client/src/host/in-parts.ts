import { setImmediate } from 'node:timers/promises';
import type { BanKey } from '@banshare/protocol';

/** Rows written in one go at most: timers, status and pause wait meanwhile. */
export const MOST_IN_A_GO = 500;

/**
 * Works through a list a part at a time, and lets everything else have its turn between two parts. What is short is done when
 * this returns, and then there is no promise.
 */
export function inParts<Item>(
  items: readonly Item[],
  work: (part: readonly Item[]) => void,
): Promise<void> | undefined {
  if (items.length > MOST_IN_A_GO) return oneByOne(items, work);
  work(items);
  return undefined;
}

/**
 * The same for a list that nobody needs afterwards, which is empty then: half a million bans beside what they become would be more than
 * the memory that a client has.
 */
export async function takingOut<Item>(items: Item[], work: (part: readonly Item[]) => void): Promise<void> {
  // Its end is cheap to take off.
  items.reverse();
  for (;;) {
    work(items.splice(-MOST_IN_A_GO).reverse());
    if (items.length === 0) return;
    await setImmediate();
  }
}

async function oneByOne<Item>(items: readonly Item[], work: (part: readonly Item[]) => void): Promise<void> {
  for (let from = 0; from < items.length; from += MOST_IN_A_GO) {
    if (from > 0) await setImmediate();
    work(items.slice(from, from + MOST_IN_A_GO));
  }
}

/**
 * Works through what the state has, in parts as well: each part is read when its turn has come, so that what changed since the
 * one before is seen as it is. What is short is done before the first turn of the loop.
 * @param isWanted asked before each part: false ends it.
 */
export async function pageByPage<Row extends BanKey>(
  read: (behind: BanKey | undefined, limit: number) => readonly Row[],
  work: (rows: readonly Row[]) => void,
  isWanted: () => boolean,
): Promise<void> {
  let behind: BanKey | undefined;
  while (isWanted()) {
    const rows = read(behind, MOST_IN_A_GO);
    work(rows);
    if (rows.length < MOST_IN_A_GO) return;
    behind = rows.at(-1);
    await setImmediate();
  }
}
