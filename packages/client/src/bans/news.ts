import type { Event, Position, SnapshotReason, UnknownEvent } from '@banshare/protocol';

/** What following delivers: events in order, each once, or everything that is active as of a position, whose bans whoever takes them may take out. */
export type News =
  | { kind: 'events'; events: readonly (Event | UnknownEvent)[]; position: Position }
  | { kind: 'snapshot'; bans: Event[]; position: Position; because?: SnapshotReason }
  | { kind: 'in-step'; position: Position }
  /**
   * The server has less of our epoch than we have, or is of an epoch that we left: what we hold stays, and nothing is missing that it
   * could tell.
   */
  | { kind: 'lagging'; position: Position; head: number; isOfLeftEpoch?: true };
