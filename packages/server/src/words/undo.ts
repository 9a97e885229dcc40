import type { BanKey, JailName, Event } from '@banshare/protocol';

/** What an operator takes back: what hosts caused, everything, what is in a jail, or an import by its number. */
export type UndoWhat =
  | { kind: 'hosts'; ids: readonly number[] }
  | { kind: 'all' }
  | { kind: 'jail'; jail: JailName }
  | { kind: 'import'; number: number };

/** A ban that ends earlier once only the others' reports count. */
export type Shorter = BanKey & { until: number | null };

/**
 * How far an undo, or its plan, has come: to what only waits, or to the bans: which list is gone through, of hosts one each, and the last
 * that was looked at of it.
 */
export type UndoCursor = 'waiting' | { list: number; after: readonly (string | number)[] | undefined };

/** Which part of an undo is meant: where it begins, undefined for the first, and how many bans that may be concerned it looks at. */
export type UndoPart = { cursor?: UndoCursor | undefined; limit?: number };

/**
 * What a part of an undo would do: the bans that it would lift, those that would stay, and which of these would end earlier. `next` is
 * where the next part goes on; undefined after the last.
 */
export type UndoPlan = { lift: BanKey[]; keep: BanKey[]; shorten: Shorter[]; next: UndoCursor | undefined };

/** What waits and would be dropped with an undo: votes for a quorum, and what is held. */
export type UndoWaiting = { votes: number; held: number };

/**
 * What a part of an undo did: bans lifted, those that others support, of these the ones that end earlier again, votes taken back, and
 * what was held and is dropped. `next` is where the next part goes on; undefined after the last.
 */
export type Undone = UndoWaiting & {
  lifted: Event[];
  kept: number;
  shortened: Event[];
  next: UndoCursor | undefined;
};
