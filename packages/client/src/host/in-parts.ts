import { setImmediate } from 'node:timers/promises';

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

async function oneByOne<Item>(items: readonly Item[], work: (part: readonly Item[]) => void): Promise<void> {
  for (let from = 0; from < items.length; from += MOST_IN_A_GO) {
    if (from > 0) await setImmediate();
    work(items.slice(from, from + MOST_IN_A_GO));
  }
}
