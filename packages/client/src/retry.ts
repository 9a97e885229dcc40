import type { BanRow } from './ban-row.ts';

const FIRST_SECONDS = 5;
const LONGEST_SECONDS = 600;
/** About a day: by then a person has seen it in `status`. */
const MOST_ATTEMPTS = 150;

/** The row of a change that failed, to be tried again later; now is epoch seconds by the server's clock. */
export function again(row: BanRow, reason: string, now: number): BanRow {
  const attempts = row.attempts + 1;
  const seconds = Math.min(FIRST_SECONDS * 2 ** row.attempts, LONGEST_SECONDS);
  return { ...row, reason, attempts, retryAt: attempts < MOST_ATTEMPTS ? now + seconds : null };
}
