import { covers, MOST_DROPPED, type Target } from '@banshare/protocol';
import type { FieldsOf } from '@banshare/runtime';
import type { Host, ToldDropped } from '../words/hosts/host.ts';

/** Sums of a fleet can be shown, whatever hosts say. */
const MOST_PACKETS = 8_000_000_000_000;

/** What shared bans have dropped, as far as hosts have told this server. They count packets, which are not attacks. */
export type Worth = {
  /** How many hosts count, and on how many something was dropped by bans that another host had found. */
  counting: number;
  hosts: number;
  /** Packets that such bans dropped, and of how many addresses and ranges; of those at least, where a host has more than it names. */
  packets: number;
  addresses: number;
  isAtLeast: boolean;
  /** How often an address sent something to a host, and how often its ban was there before: at a reading in between nothing had come. */
  arrivals: number;
  before: number;
  /** Packets of every shared ban, of operators and imports too. */
  v4: number;
  v6: number;
  /** Since when the first of these hosts counts, epoch seconds. */
  since: number | null;
  /** Hosts of which it is unknown, and why. */
  unknown: { name: string; why: string }[];
};

/** What one host has dropped. Times are epoch seconds. */
export type HostWorth = {
  v4: number;
  v6: number;
  found: number;
  addresses: number;
  before: number;
  since: number;
  readAt: number;
  every: number;
  partly: boolean;
};

/**
 * What a host has dropped of an address: exactly, or at most, where it names only others that sent more; null where that is unknown,
 * and why. The first packet came between so many seconds after the ban was in place there.
 */
export type DroppedThere = {
  host: string;
  target: string;
  packets: number | null;
  atMost: number | null;
  least: number | null;
  most: number | null;
  why: string | null;
};

/** The shapes of what the daemon tells of these. */
export const WORTH: FieldsOf<Worth> = {
  counting: 'number',
  hosts: 'number',
  packets: 'number',
  addresses: 'number',
  isAtLeast: 'flag',
  arrivals: 'number',
  before: 'number',
  v4: 'number',
  v6: 'number',
  since: { orNull: 'number' },
  unknown: { list: { fields: { name: 'text', why: 'text' } } },
};

export const HOST_WORTH: FieldsOf<HostWorth> = {
  v4: 'number',
  v6: 'number',
  found: 'number',
  addresses: 'number',
  before: 'number',
  since: 'number',
  readAt: 'number',
  every: 'number',
  partly: 'flag',
};

export const DROPPED_THERE: FieldsOf<DroppedThere> = {
  host: 'text',
  target: 'text',
  packets: { orNull: 'number' },
  atMost: { orNull: 'number' },
  least: { orNull: 'number' },
  most: { orNull: 'number' },
  why: { orNull: 'text' },
};

type Telling = Pick<Host, 'name' | 'dropped'>;

const NOT_TOLD = 'it has told this server nothing of it';

/** What the fleet's bans have dropped, as far as these hosts tell. */
export function worthOf(hosts: readonly Telling[]): Worth {
  const worth: Worth = {
    counting: 0,
    hosts: 0,
    packets: 0,
    addresses: 0,
    isAtLeast: false,
    arrivals: 0,
    before: 0,
    v4: 0,
    v6: 0,
    since: null,
    unknown: [],
  };
  const named = new Set<string>();
  for (const { name, dropped } of hosts) {
    const told = toldBy(dropped);
    if (told === undefined) {
      worth.unknown.push({ name, why: whyOf(dropped) });
      continue;
    }
    worth.counting += 1;
    if (told.found > 0) worth.hosts += 1;
    for (const sum of ['v4', 'v6'] as const) worth[sum] = capped(worth[sum] + told[sum]);
    // Whatever a host says, a ban was there before no more addresses than came.
    worth.before = capped(worth.before + Math.min(told.before, told.addresses));
    worth.packets = capped(worth.packets + told.found);
    worth.arrivals = capped(worth.arrivals + told.addresses);
    worth.since = Math.min(worth.since ?? Infinity, told.since);
    const found = told.top.filter(({ isFound }) => isFound);
    for (const { ip } of found) named.add(ip);
    worth.isAtLeast ||= found.length < told.addresses;
    // Whatever others name, it is no fewer than one host has.
    worth.addresses = Math.max(worth.addresses, told.addresses);
  }
  worth.addresses = Math.max(worth.addresses, named.size);
  // All that one host alone tells of is counted by it.
  worth.isAtLeast &&= worth.hosts > 1;
  return worth;
}

/** What one host has dropped; null where that is unknown. */
export function hostWorth(dropped: ToldDropped | null): HostWorth | null {
  const told = toldBy(dropped);
  if (told === undefined || dropped === null) return null;
  const { v4, v6, found, addresses, before, since, every, partly } = told;
  return { v4, v6, found, addresses, before, since, readAt: dropped.readAt, every, partly };
}

/** Why it is unknown what a host has dropped; null where it is known. */
export function whyUnknown(dropped: ToldDropped | null): string | null {
  return toldBy(dropped) === undefined ? whyOf(dropped) : null;
}

/** What each host has dropped of an address or range, and of what lies around that. */
export function droppedOf(hosts: readonly Telling[], target: Target): DroppedThere[] {
  return hosts.flatMap(({ name: host, dropped }): DroppedThere[] => {
    const none = { host, target, packets: null, atMost: null, least: null, most: null, why: null };
    const told = toldBy(dropped);
    if (told === undefined) return [{ ...none, why: whyOf(dropped) }];
    const there = told.top.filter(({ ip }) => ip === target || isAround(ip, target));
    if (there.length === 0)
      return [
        told.top.length < MOST_DROPPED
          ? { ...none, packets: 0 }
          : { ...none, atMost: told.top.at(-1)?.packets ?? 0 },
      ];
    return there.map(({ ip, packets, least = null, most = null }) => ({
      ...none,
      target: ip,
      packets,
      least,
      most,
    }));
  });
}

function isAround(range: Target, target: Target): boolean {
  return range.includes('/') && !target.includes('/') && covers(range, target);
}

function toldBy(dropped: ToldDropped | null): Exclude<ToldDropped['what'], { unknown: string }> | undefined {
  return dropped === null || 'unknown' in dropped.what ? undefined : dropped.what;
}

function whyOf(dropped: ToldDropped | null): string {
  return dropped !== null && 'unknown' in dropped.what ? dropped.what.unknown : NOT_TOLD;
}

function capped(sum: number): number {
  return Math.min(MOST_PACKETS, sum);
}
