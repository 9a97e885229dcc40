import type { BanKey, JailName, Event } from '@banshare/protocol';

/** What an operator takes back: what hosts caused, everything, what is in a jail, or an import by its number. */
export type UndoWhat =
  | { kind: 'hosts'; ids: readonly number[] }
  | { kind: 'all' }
  | { kind: 'jail'; jail: JailName }
  | { kind: 'import'; number: number };

/** A ban that ends earlier once only the others' reports count. */
export type Shorter = BanKey & { until: number | null };

/** What an undo would do: the bans that it would lift, those that would stay, and which of these would end earlier. */
export type UndoPlan = { lift: BanKey[]; keep: BanKey[]; shorten: Shorter[]; votes: number; held: number };

/**
 * What an undo did: bans lifted, those that others support, of these the ones that end earlier again, votes taken back, and what was
 * held and is dropped.
 */
export type Undone = { lifted: Event[]; kept: number; shortened: Event[]; votes: number; held: number };
