import type { BanKey, JailName, Event } from '@banshare/protocol';

/** What an operator takes back: what hosts caused, everything, what is in a jail, or an import by its number. */
export type UndoWhat =
  | { kind: 'hosts'; ids: readonly number[] }
  | { kind: 'all' }
  | { kind: 'jail'; jail: JailName }
  | { kind: 'import'; number: number };

/** What an undo would do: the bans that it would lift, those that would stay, and why. */
export type UndoPlan = { lift: BanKey[]; keep: BanKey[]; votes: number; held: number };

/** What an undo did: bans lifted, those that others support, votes taken back, and what was held and is dropped. */
export type Undone = { lifted: Event[]; kept: number; votes: number; held: number };
