import type { BanKey, Details, Event, Position, Range, Target } from '@banshare/protocol';
import type { Selection } from './bans.ts';
import type { Submission, Aim, Recorded, Decide } from '../words/submission.ts';
import type { UndoPlan, UndoWhat, Undone } from '../words/undo.ts';

/** A report as `explain` shows it: who said what when, and what the server made of it; `target` is what its ban is of. */
export type ToldReport = BanKey & {
  target: string;
  host: string;
  kind: string;
  at: number;
  received: number;
  verdict: string;
  code: string | null;
  reason: string | null;
  seq: number | null;
};

/** Everything that is kept about an address or range, oldest first. */
export type History = {
  reports: ToldReport[];
  events: Event[];
  supporters: (BanKey & { hosts: string[] })[];
};

/** `note` is called with what was done, in the transaction that does it: neither is stored without the other. */
export type Noted<T> = { note?: (done: T) => void };

/**
 * What the server keeps. SQLite is one way; several servers on one shared ledger would be another, so everything that may
 * wait for a disk or a network returns a promise. What changes something @throws when it is not known to be stored.
 */
export interface Ledger {
  /** The last event. */
  head(): Position;
  /** Judges and writes submissions in one transaction; without an aim each is about its address alone. */
  record(submissions: readonly Submission[], decide: Decide, aim?: Aim): Promise<Recorded[]>;
  /** Publishes bans of prog operator; of an import less those that are banned already and end no earlier. */
  ban(
    bans: readonly (BanKey & Details & { until: number | null })[],
    now: number,
    by: 'operator' | 'import',
    how?: { number?: number | null } & Noted<Event[]>,
  ): Promise<Event[]>;
  /**
   * Lifts what an operator selects, whoever supports it, and keeps earlier reports from bringing it back. everyJail: hosts let
   * the address go in all of their jails. unknown: published where nothing is active, for hosts that hold what this ledger lacks.
   */
  lift(
    selection: Selection,
    now: number,
    how?: { everyJail?: true; unknown?: BanKey } & Noted<Event[]>,
  ): Promise<Event[]>;
  /**
   * Lifts what hosts reported within a range since a time and no operator has lifted since, whatever became of the reports, of
   * at most so many addresses at once, in every jail; what is held of the range is dropped.
   */
  liftReported(range: Range, since: number, now: number, limit: number): Promise<Event[]>;
  /**
   * Lifts the addresses whose reports became the ban of a range, of at most so many at once: the hosts that reported them ban
   * them by themselves. What is banned for itself too stays.
   */
  liftWidened(selection: Selection, now: number, limit: number): Promise<Event[]>;
  /**
   * Takes back what began since a time, at most so many bans at once: of hosts their support and votes, what nobody else supports is
   * lifted; what is held of it is dropped.
   */
  undo(
    what: UndoWhat,
    since: number,
    now: number,
    how?: { limit?: number } & Noted<Undone>,
  ): Promise<Undone & { isDone: boolean }>;
  /** What an undo would do. */
  planUndo(what: UndoWhat, since: number, now: number): Promise<UndoPlan>;
  /** A number for an import, by which it can be taken back. */
  nextImport(): number;
  /** The number of the newest import; 0 where there was none. */
  newestImport(): number;
  /** Publishes what is held, less what is over, was lifted or is protected meanwhile; what `waits` stays held. */
  release(
    now: number,
    isProtected: (ip: Target) => boolean,
    how?: { limit?: number; waits?: (ip: Target) => boolean } & Noted<Event[]>,
  ): Promise<Event[]>;
  /** Forgets what is held; returns how many. */
  dropHeld(how?: Noted<number>): Promise<number>;
  countHeld(): number;
  /** The /64s of which so many addresses or more are banned, and another is held; of the newest that are held. */
  heldBlocks(least: number, now: number): Target[];
  /** Whether anything is held of exactly that address. */
  isHeld(ip: Target): boolean;
  /** The events after a seq, in order. */
  since(seq: number, limit: number): Promise<Event[]>;
  /** The place of a seq; undefined when it is none or what follows it is no longer kept. */
  at(seq: number): Promise<Position | undefined>;
  /** Active bans last published after `afterSeq` and up to `uptoSeq`, in order of their seq, as their events. */
  active(range: { afterSeq: number; uptoSeq: number; limit: number }, now: number): Promise<Event[]>;
  countActive(now: number): Promise<number>;
  /** How many of them are of ranges. */
  countRanges(now: number): Promise<number>;
  /** The active bans of an address or range and of every wider range, the widest first. */
  around(target: Target, now: number): Promise<BanKey[]>;
  /** What is known of an address or range, the bans of wider ranges included. */
  history(ip: Target): Promise<History>;
}
