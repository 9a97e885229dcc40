import { LONGEST_SECONDS } from './duration.ts';

/**
 * The latest time that is taken from the wire, epoch seconds: in the year 2969, which no ban of a century reaches. What is later no
 * program could show as a date, and a host that took it over would tell nobody anything any more.
 */
export const LATEST_SECONDS = LONGEST_SECONDS * 10;

/** No event has a higher number: a thousand a second need thirty years for it, and no command takes a larger one from a daemon. */
export const LARGEST_SEQ = 1_000_000_000_000;
