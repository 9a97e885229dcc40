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
export function takingOut<Item>(
  items: Item[],
  work: (part: readonly Item[]) => void,
): Promise<void> | undefined {
  // Its end is cheap to take off.
  items.reverse();
  work(items.splice(-MOST_IN_A_GO).reverse());
  return items.length === 0 ? undefined : takingRest(items, work);
}

async function takingRest<Item>(items: Item[], work: (part: readonly Item[]) => void): Promise<void> {
  while (items.length > 0) {
    await setImmediate();
    work(items.splice(-MOST_IN_A_GO).reverse());
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
 * one before is seen as it is. What is short is done when this returns, and then there is no promise.
 * @param isWanted asked before each part: false ends it.
 */
export function pageByPage<Row extends BanKey>(
  read: (behind: BanKey | undefined, limit: number) => readonly Row[],
  work: (rows: readonly Row[]) => void,
  isWanted: () => boolean,
): Promise<void> | undefined {
  if (!isWanted()) return undefined;
  const rows = read(undefined, MOST_IN_A_GO);
  work(rows);
  return rows.length < MOST_IN_A_GO ? undefined : otherPages(rows, read, work, isWanted);
}

async function otherPages<Row extends BanKey>(
  first: readonly Row[],
  read: (behind: BanKey | undefined, limit: number) => readonly Row[],
  work: (rows: readonly Row[]) => void,
  isWanted: () => boolean,
): Promise<void> {
  for (let rows = first; rows.length === MOST_IN_A_GO;) {
    await setImmediate();
    if (!isWanted()) return;
    rows = read(rows.at(-1), MOST_IN_A_GO);
    work(rows);
  }
}
