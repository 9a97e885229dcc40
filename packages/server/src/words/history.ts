import type { BanKey, Event } from '@banshare/protocol';

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

/** Everything that is kept about an address or range, oldest first. */
export type History = {
  reports: ToldReport[];
  events: Event[];
  supporters: (BanKey & { hosts: string[] })[];
};
