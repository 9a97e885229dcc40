import { bad, good, quote, type Result } from './result.ts';

/** Seconds that mean "for ever". */
export const FOR_EVER = -1;

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
/** A century: longer than any ban, and still far from where a sum of seconds loses precision. */
export const LONGEST_SECONDS = 3_153_600_000;

/** Reads "90", "90s", "10m", "6h", "1d", "1w" or "-1" (for ever) as seconds. */
export function parseDuration(text: string): Result<number> {
  if (text === '-1') return good(FOR_EVER);
  const match = /^(\d{1,10})([smhdw]?)$/.exec(text);
  if (match === null) {
    return bad(`${quote(text)} is not a duration: write seconds, or 90s 10m 6h 1d 1w, or -1 for ever`);
  }
  const seconds = Number(match[1]) * (UNITS[match[2] ?? ''] ?? 1);
  if (seconds > LONGEST_SECONDS)
    return bad(`${quote(text)} is longer than a hundred years: write -1 for ever`);
  return good(seconds);
}

/**
 * Any number of seconds as a ban's duration may travel: more than a century is for ever, a fraction is dropped, and less than
 * one second is one; undefined for what says nothing, such as -2.
 */
export function wholeSeconds(seconds: number): number | undefined {
  if (seconds === FOR_EVER || seconds > LONGEST_SECONDS) return FOR_EVER;
  return seconds >= 0 ? Math.max(1, Math.floor(seconds)) : undefined;
}

/** A text in the largest unit that fits; parseDuration reads it as the same number of seconds. */
export function formatDuration(seconds: number): string {
  if (seconds === FOR_EVER) return '-1';
  for (const unit of ['w', 'd', 'h', 'm']) {
    const size = UNITS[unit] ?? 1;
    if (seconds >= size && seconds % size === 0) return `${seconds / size}${unit}`;
  }
  return `${seconds}s`;
}
