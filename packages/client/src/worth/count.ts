import type { Target } from '@banshare/protocol';
import type { DropRow, DropSums, StandingSince } from '../bans/dropped.ts';

/** At rest the counters are read this often. */
const EVERY_SECONDS = 60;
/** Reading takes at most this share of the time of one core. */
const MOST_SHARE = 0.01;

/** How many seconds after a reading that took so long the next one begins. */
export function restSeconds(tookSeconds: number): number {
  return Math.max(EVERY_SECONDS, tookSeconds / MOST_SHARE);
}

/**
 * By how many packets a counter grew since it showed `before`. One that shows less began anew in between, with its element; what it
 * had counted until then is not known, so that a sum may lack something and never has too much.
 */
export function growth(before: number, shows: number): number {
  return shows >= before ? shows - before : shows;
}

/** What a reading knows of an address whose counter has grown. */
export type Sighting = {
  ip: Target;
  shows: number;
  /** What was known of it; undefined at its first packet. */
  row: DropRow | undefined;
  standing: readonly StandingSince[];
  /** Epoch seconds by the server's clock, of this reading and of the one before. */
  now: number;
  lastReading: number | undefined;
  /** What the server calls this host. */
  ownName: string;
};

/** The row of an address, and the sums, after one more sighting. */
export function sighted(sums: DropSums, sighting: Sighting): { row: DropRow; sums: DropSums } {
  const { ip, shows, row, now } = sighting;
  const more = growth(row?.shown ?? 0, shows);
  // Of another ban than the one before, it is a first packet again.
  const { isFound, ...first } = row === undefined || row.isOver ? newOf(sighting) : row;
  const isNew = isFound && (row === undefined || !row.isFound);
  const family = ip.includes(':') ? 'v6' : 'v4';
  return {
    row: {
      ip,
      shown: shows,
      packets: (row?.packets ?? 0) + more,
      at: now,
      isFound,
      isOver: false,
      least: first.least,
      most: first.most,
    },
    sums: {
      ...sums,
      [family]: sums[family] + more,
      found: sums.found + (isFound ? more : 0),
      addresses: sums.addresses + (isNew ? 1 : 0),
      before: sums.before + (isNew && (first.least ?? 0) > 0 ? 1 : 0),
    },
  };
}

/** What is noted once of each ban. */
function newOf(sighting: Sighting): Pick<DropRow, 'isFound' | 'least' | 'most'> {
  const { standing, ownName } = sighting;
  const isFound = standing.some(({ origin, finder }) => origin === 'host' && finder !== ownName);
  return { isFound, ...firstOf(sighting) };
}

/**
 * Between how many seconds after its ban was in place the first packet came: after a reading that saw none, and before this one. When
 * that was is known between two moments, and each bound goes by the one that makes it true. A renewed ban counts from its renewal.
 */
function firstOf({ standing, now, lastReading }: Sighting): Pick<DropRow, 'least' | 'most'> {
  if (standing.length === 0) return { least: null, most: null };
  const latest = Math.min(...standing.map(({ since }) => since));
  const earliest = Math.min(latest, ...standing.map(({ at }) => at));
  return {
    least: Math.max(0, Math.floor((lastReading ?? latest) - latest)),
    most: Math.max(0, Math.ceil(now - earliest)),
  };
}
