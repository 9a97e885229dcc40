import type { BanRow } from './ban-row.ts';

const FIRST_SECONDS = 5;
const LONGEST_SECONDS = 600;
/** About a day: by then a person has seen it in `status`. */
const MOST_ATTEMPTS = 150;

/** What could not be lifted for a day: a person has to see to it, and until then it is tried now and then. */
const SELDOM_SECONDS = 6 * 3600;

/** The row of a lift that failed: it is tried until it is done, since somebody is locked out by what still stands. */
export function againUntilDone(row: BanRow, reason: string, now: number): BanRow {
  const next = again(row, reason, now);
  return { ...next, retryAt: next.retryAt ?? now + SELDOM_SECONDS };
}

/** The row of a change that failed, to be tried again later; now is epoch seconds by the server's clock. */
export function again(row: BanRow, reason: string, now: number): BanRow {
  const attempts = row.attempts + 1;
  const seconds = Math.min(FIRST_SECONDS * 2 ** row.attempts, LONGEST_SECONDS);
  return { ...row, reason, attempts, retryAt: attempts < MOST_ATTEMPTS ? now + seconds : null };
}
