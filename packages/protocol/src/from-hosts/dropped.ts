import { LATEST_SECONDS } from '../words/bounds.ts';
import { FieldReader, type Fields } from '../words/json.ts';
import { parseTarget, type Target } from '../words/range.ts';
import { oneLine } from '../words/result.ts';

/**
 * What banshare's own sets on a host have dropped, which count packets and know nothing of attacks. Sums never go down, whatever
 * became of a counter in the kernel; what came between the last reading and the end of a ban is missing in them.
 */
export type Dropped = {
  /** Since when this host counts, epoch seconds by the server's clock. */
  since: number;
  /** Seconds since the counters were read, and between two readings. */
  ago: number;
  every: number;
  /** Packets of each family. */
  v4: number;
  v6: number;
  /** Of these packets those that were dropped by bans which another host had found, and the addresses and ranges that they came from. */
  found: number;
  addresses: number;
  /** Of these addresses, those of which no packet had come yet at a reading after the ban was in place: it was there before them. */
  before: number;
  /** Whether some bans of this host stand where nothing is counted. */
  partly: boolean;
  /** Those that sent most, the most first. */
  top: DroppedOf[];
};

/**
 * Of one address or range: its packets, whether another host had found it, and between how many seconds after its ban was in place
 * here the first of them came.
 */
export type DroppedOf = { ip: Target; packets: number; isFound: boolean; least?: number; most?: number };

/** Why a host cannot say what was dropped. */
export type Uncounted = { unknown: string };

/** So many addresses does a host name at most. */
export const MOST_DROPPED = 50;

/** No host has dropped more: sums of a whole fleet can still be shown. */
const MOST_PACKETS = 1_000_000_000_000;
const MOST_SECONDS = 10_000_000_000;
const LONGEST_REASON = 200;
const PACKETS = ['v4', 'v6', 'found', 'addresses', 'before'] as const;

/** Reads what an ack says was dropped; what cannot be read gives nothing, since the position counts without it. */
export function parseDropped(value: unknown): Dropped | Uncounted | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const read = new FieldReader(value as Fields);
  if (read.has('unknown')) {
    const unknown = read.text('unknown', MOST_PACKETS).slice(0, LONGEST_REASON);
    return read.fault === undefined ? { unknown: oneLine(unknown).slice(0, LONGEST_REASON) } : undefined;
  }
  const dropped = {
    since: read.number('since', 0, LATEST_SECONDS),
    ago: read.number('ago', 0, MOST_SECONDS),
    every: read.number('every', 0, MOST_SECONDS),
    partly: read.has('partly') ? read.boolean('partly') : false,
    top: read.list('top', MOST_DROPPED).flatMap(parseOne),
  } as unknown as Dropped;
  for (const name of PACKETS) dropped[name] = read.integer(name, 0, MOST_PACKETS);
  return read.fault === undefined ? dropped : undefined;
}

/** What was dropped as it goes over the wire: each address is a list, its two times perhaps left out. */
export function droppedFields(dropped: Dropped | Uncounted): Fields {
  if ('unknown' in dropped) return { unknown: dropped.unknown };
  const { partly, top, ...rest } = dropped;
  return {
    ...rest,
    ...(partly ? { partly } : {}),
    top: top.map(({ ip, packets, isFound, least, most }) => [
      ip,
      packets,
      isFound ? 1 : 0,
      ...(least === undefined || most === undefined ? [] : [least, most]),
    ]),
  };
}

function parseOne(value: unknown): DroppedOf[] {
  if (!Array.isArray(value)) return [];
  const [text, packets, found, least, most] = value as unknown[];
  const ip = typeof text === 'string' ? parseTarget(text) : undefined;
  if (ip?.ok !== true || !isWhole(packets, MOST_PACKETS)) return [];
  const one = { ip: ip.value, packets, isFound: found === 1 };
  const isTimed = isWhole(least, MOST_SECONDS) && isWhole(most, MOST_SECONDS) && least <= most;
  return [isTimed ? { ...one, least, most } : one];
}

function isWhole(value: unknown, largest: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= largest;
}
