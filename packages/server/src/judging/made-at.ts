import { CLOCK_SECONDS, type Envelope } from '@banshare/protocol';

type Stamp = Pick<Envelope, 'at' | 'age'>;

/** A stamp that is no more seconds later than its arrival shows no clock that is ahead. */
const TOLERANCE = 1;

/**
 * When a report was made at the earliest, epoch seconds by this server's clock: by its stamp less what the host's acknowledgements tell of
 * its clock, and never after it arrived, nor later than its age allows. A stamp that lies ahead of its arrival all the same says only
 * that the clock is ahead, not how old the report is: it counts as old as such a clock allows, so that nothing found before an
 * operator's unban undoes it.
 */
export function madeAt(stamp: Stamp, received: number, clockAhead: number | null): number {
  const { at, age } = stamp;
  const ahead = clockAhead === null || isByOurClock(stamp, received, clockAhead) ? 0 : clockAhead;
  const reckoned = at - ahead;
  const isAhead = Math.min(at, reckoned) > received + TOLERANCE;
  return isAhead ? received - CLOCK_SECONDS : Math.min(reckoned, received - (age ?? 0));
}

/**
 * Whether the sender went by this server's clock: one that is told RETRY `clock` signs again by that, and what its own clock shows must
 * not be taken off a second time. When it was signed tells by which: it arrives soon after. Of an older sender, which does not tell
 * its age, nobody knows: then the report counts as old as it may be.
 */
function isByOurClock({ at, age }: Stamp, received: number, clockAhead: number): boolean {
  // A smaller difference leads to no RETRY, and may be the time that it was on its way.
  if (age === undefined || Math.abs(clockAhead) <= CLOCK_SECONDS) return false;
  const since = received - (at + age);
  return Math.abs(since) < Math.abs(since + clockAhead);
}
