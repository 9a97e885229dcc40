import { FieldReader, type Fields } from '../words/json.ts';
import { oneLine } from '../words/result.ts';

/**
 * What a host says is really in place there, with each acknowledgement. Only the host knows what should be: its own jail map,
 * filters and never-ban list decide. So it reckons both, and the server compares them.
 */
export type Receipt = {
  /** How many bans should be in place now: not those that this host leaves out on purpose. */
  wanted: number;
  /** How many of them are. */
  placed: number;
  /** How many could not be put in place. */
  failed: number;
  /** How many are left out since the host has as many as it takes. */
  full: number;
  /** How many were carried out, and could not be seen in the firewall afterwards. */
  unproven: number;
  /** How many are of ranges, which no enforcer of this host can ban; they count as unwanted. */
  unfit: number;
  /** Of the bans that should be in place, and of those that are; see digestText(). */
  wantedDigest: string;
  placedDigest: string;
  /** What carries out bans there; `none` only listens. */
  enforcer: string;
  /** Since when somebody at its console wants nothing applied, epoch seconds by the host's clock. */
  pausedSince?: number;
  /** Seconds since its bans were last compared with what is really in place; absent where that cannot be compared. */
  comparedAgo?: number;
  /** How often it compares, in seconds. */
  comparesEvery?: number;
  /** Why the newest comparison could not be made. */
  blind?: string;
  /** Why the newest of the failed bans failed. */
  why?: string;
};

/** A comparison that was due so many times and never came is missed. How old the word of a silent host is does not count here. */
const MISSED = 3;
const GRACE_SECONDS = 60;
const MOST = 1_000_000_000;
const LONGEST_REASON = 200;
const COUNTS = ['wanted', 'placed', 'failed', 'full', 'unproven', 'unfit'] as const;
const SECONDS = ['pausedSince', 'comparedAgo', 'comparesEvery'] as const;
const REASONS = ['blind', 'why'] as const;

/** For how many seconds nothing was compared, where that is longer than it may be; undefined where all is well, or a host compares nothing. */
export function uncomparedSeconds({ comparedAgo, comparesEvery }: Receipt): number | undefined {
  if (comparedAgo === undefined || comparesEvery === undefined) return undefined;
  return comparedAgo > MISSED * comparesEvery + GRACE_SECONDS ? comparedAgo : undefined;
}

/** What one ban puts into a digest: the first 8 bytes of the SHA-256 of this text. A digest is the XOR of all, in hex. */
export function digestText({ prog, jail, ip }: { prog: string; jail: string; ip: string }): string {
  return `${prog};${jail};${ip}`;
}

/** Reads the receipt of an ack; one that cannot be read gives none, since the position counts without it. */
export function parseReceipt(value: unknown): Receipt | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const read = new FieldReader(value as Fields);
  const receipt = {
    wantedDigest: read.hex('wantedDigest', 16),
    placedDigest: read.hex('placedDigest', 16),
    enforcer: read.text('enforcer', LONGEST_REASON),
  } as Receipt;
  for (const name of COUNTS) receipt[name] = read.integer(name, 0, MOST);
  for (const name of SECONDS) if (read.has(name)) receipt[name] = read.number(name, 0, MOST * 10);
  for (const name of REASONS) if (read.has(name)) receipt[name] = shown(read.text(name, MOST));
  receipt.enforcer = shown(receipt.enforcer);
  return read.fault === undefined ? receipt : undefined;
}

/** A reason is for people: cut, and one line. */
function shown(text: string): string {
  return oneLine(text.slice(0, LONGEST_REASON)).slice(0, LONGEST_REASON);
}
