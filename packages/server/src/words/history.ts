import type { BanKey, Event } from '@banshare/protocol';

/**
 * When a host was as far as an event is known for so many seconds. Each host has a row for each step: of 300 hosts and 5,000 bans a day these are
 * 60 MB a day, thirty times what the bans take.
 */
export const REACHED_SECONDS = 7 * 86_400;

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
  /** What the detector saw, as an attacker may have written it. */
  evidence: string | null;
};

/** A report as limits count it: by which host (its id), when (epoch seconds), and whether it became a ban at once. */
export type EarlierReport = { host: number; received: number; isPublished: boolean };

/** Everything that is kept about an address or range, oldest first. */
export type History = {
  reports: ToldReport[];
  events: Event[];
  supporters: (BanKey & { hosts: string[] })[];
};
