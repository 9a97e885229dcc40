import type { BanKey, Details, Event, HostName, Position, Report, VerdictWord } from '@banshare/protocol';
import type { PublishedBan, Verdict } from './judge.ts';

/** A report or unban that passed every check of its sender, on its way into the ledger. `received` is epoch seconds. */
export type Submission = {
  host: { id: number; name: HostName };
  id: string;
  at: number;
  received: number;
} & ({ kind: 'report'; report: Report } | { kind: 'unban'; ban: BanKey });

/** What the ledger knows of a ban when it is judged. */
export type Known = { ban: PublishedBan | undefined; supports: boolean; others: number };

/** What became of a submission; `event` is new and has to be published. */
export type Recorded = { verdict: VerdictWord; seq?: number; code?: string; reason?: string; event?: Event };

/** An active ban as it is shown and as a snapshot carries it. */
export type ActiveBan = Event;

/**
 * What the server keeps. SQLite is one way; several servers on one shared ledger would be another, so everything that may
 * wait for a disk or a network returns a promise.
 */
export interface Ledger {
  /** The last event. */
  head(): Position;
  /** Judges and writes submissions in one transaction; @throws when they are not known to be stored. */
  record(
    submissions: readonly Submission[],
    decide: (submission: Submission, known: Known) => Verdict,
  ): Promise<Recorded[]>;
  /** The events after a seq, in order. */
  since(seq: number, limit: number): Promise<Event[]>;
  /** The event of a seq; undefined when it is none or no longer kept. */
  at(seq: number): Promise<Position | undefined>;
  /** Active bans last published after `afterSeq` and up to `uptoSeq`, in order of their seq. */
  active(range: { afterSeq: number; uptoSeq: number; limit: number }, now: number): Promise<ActiveBan[]>;
  countActive(now: number): Promise<number>;
}

/** The ban that a submission speaks of. */
export function banOf(submission: Submission): BanKey {
  return submission.kind === 'report' ? submission.report : submission.ban;
}

/** What a report tells beside its ban and duration. */
export function detailsOf(submission: Submission): Details {
  if (submission.kind === 'unban') return {};
  const { failures, port, protocol, reason } = submission.report;
  return {
    ...(failures === undefined ? {} : { failures }),
    ...(port === undefined ? {} : { port }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(reason === undefined ? {} : { reason }),
  };
}
