import { OPERATOR, type Event } from '@banshare/protocol';

/** How long a drill waits for the last host. */
export const DRILL_PATIENCE_SECONDS = 10;
/** By its reason every server knows the ban of a drill, also one that another server makes. */
export const DRILL_REASON = 'drill';

/**
 * What became of the ban on a host: the seconds from the commit until it said so, null where it did not in time, and the outcome.
 * One that only listens shall not ban, and a muted one is listed and does not count.
 */
export type DrillTime = {
  host: string;
  seconds: number | null;
  outcome: string;
  reason: string | null;
  listens: boolean;
  isMuted: boolean;
};

/** A drill that is over; at is when it began, epoch seconds. */
export type Drilled = { readonly at: number; readonly ip: string; readonly hosts: readonly DrillTime[] };

/** Whether a host did what it should: what it said in time counts, not that it said something. */
export function isDrilled({ seconds, outcome, listens, isMuted: isOut }: DrillTime): boolean {
  if (isOut) return true;
  return seconds !== null && (listens || outcome === 'applied' || outcome === 'already');
}

export function isOfDrill({ kind, prog, reason }: Event): boolean {
  return kind === 'ban' && prog === OPERATOR && reason === DRILL_REASON;
}
