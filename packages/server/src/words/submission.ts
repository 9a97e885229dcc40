import type { Details, Event, HostName, Report, ReportedBan, Target, VerdictWord } from '@banshare/protocol';
import type { Past, PublishedBan, Verdict } from './verdict.ts';

/** A report or unban that passed every check of its sender, on its way into the ledger. `received` is epoch seconds. */
export type Submission = {
  host: { id: number; name: HostName };
  id: string;
  at: number;
  received: number;
  /** How many seconds before it was sent its host had found it, by that one's clock alone; nothing where an older one does not say. */
  waited?: number;
} & ({ kind: 'report'; report: Report } | { kind: 'unban'; ban: ReportedBan });

/** What the ledger says of what a submission may be about; by its prog and jail, unless said otherwise. */
export type Look = {
  isActive: (target: Target) => boolean;
  /** Whether it is banned by any prog and jail. */
  isBanned: (target: Target) => boolean;
  /** Whether the submission's host supports that ban. */
  isSupported: (target: Target) => boolean;
  /** The ranges that reports of this address by the submission's host were about. */
  reportedAs: (ip: Target) => readonly Target[];
  /** How many addresses and ranges within a /64 are banned, by any prog and jail, counted up to a limit. */
  countIn: (block: Target, limit: number) => number;
};

/** What a submission is about; crowded where it is the /64 around the address, because too many of it are banned. */
export type Aimed = { targets: readonly Target[]; isCrowded: boolean };

/** Finds what a submission is about. */
export type Aim = (submission: Submission, look: Look) => Aimed;

/** What the ledger knows of a ban and its target when it is judged. */
export type Known = {
  target: Target;
  isCrowded: boolean;
  ban: PublishedBan | undefined;
  supports: boolean;
  others: number;
  past: Past;
  /** The hosts whose reports of this ban were counted since a time. */
  voters: (since: number) => Voter[];
};

/** A host that has reported what waits for a quorum. */
export type Voter = { id: number; name: string };

/** What became of a submission; the events are new and have to be published. */
export type Recorded = {
  verdict: VerdictWord;
  seq?: number;
  code?: string;
  reason?: string;
  events: readonly Event[];
};

/** Decides about a submission, given what is known. */
export type Decide = (submission: Submission, known: Known) => Verdict;

/** The ban that a submission speaks of, by the address that it names. */
export function banOf(submission: Submission): ReportedBan {
  const { ip, prog, jail } = submission.kind === 'report' ? submission.report : submission.ban;
  return { ip, prog, jail };
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
