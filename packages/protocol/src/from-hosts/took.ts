import { LARGEST_SEQ } from '../words/bounds.ts';

/**
 * How long a ban took to be in place on one host, in milliseconds since its event's `at`: by the server's clock as that host
 * reckons it, and no less than its own monotonic clock says since the event came in, with half a round trip.
 */
export type Took = { seq: number; ms: number };

/** So many bans are told of in one acknowledgement; of more, some. */
export const MOST_TOOK = 60;

/** An hour: what takes longer had something in the way that is told otherwise. */
const MOST_MS = 3_600_000;

/** Reads how long bans took; what cannot be read is left out. */
export function parseTook(value: unknown): Took[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MOST_TOOK).flatMap((one: unknown): Took[] => {
    const [seq, ms] = Array.isArray(one) ? (one as unknown[]) : [];
    return isWhole(seq, 1, LARGEST_SEQ) && isWhole(ms, 0, MOST_MS) ? [{ seq, ms }] : [];
  });
}

/** The same as it goes over the wire: each a list of two numbers. */
export function tookFields(took: readonly Took[]): number[][] {
  return took.map(({ seq, ms }) => [seq, Math.min(MOST_MS, Math.max(0, Math.round(ms)))]);
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}
