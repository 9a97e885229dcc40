import { CLOCK_SECONDS } from '@banshare/protocol';

/** A stamp that is no more seconds later than its arrival shows no clock that is ahead. */
const TOLERANCE = 1;

/**
 * When a report was made at the earliest, epoch seconds by this server's clock: by its stamp less what the host's acknowledgements tell of
 * its clock, and never after it arrived. A stamp that lies ahead of its arrival all the same says only that the clock is ahead, not how
 * old the report is: it counts as old as such a clock allows, so that nothing found before an operator's unban undoes it.
 */
export function madeAt(stamped: number, received: number, clockAhead: number | null): number {
  const reckoned = stamped - (clockAhead ?? 0);
  const isAhead = Math.min(stamped, reckoned) > received + TOLERANCE;
  return isAhead ? received - CLOCK_SECONDS : Math.min(reckoned, received);
}
