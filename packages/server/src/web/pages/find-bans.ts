import { covers, isRange, parseTarget, type Target } from '@banshare/protocol';
import { widerRanges } from '../../words/wider-ranges.ts';
import type { MirrorBan } from '../daemon/ban-mirror.ts';

/** What somebody looks for: an address or a range with all that concerns it, or a part of any word; a jail, a host. */
export type BanQuery = {
  readonly q: string;
  readonly jail: string;
  readonly host: string;
  /** A country's two letters, or a part of a network's name; left out, it is not asked for. */
  readonly where?: string;
  readonly sort: BanSort;
};

/** By what the list of bans is sorted; `end` has what ends first at the top. */
export const BAN_SORTS = ['newest', 'oldest', 'address', 'jail', 'host', 'end'] as const;
export type BanSort = (typeof BAN_SORTS)[number];

/** The bans that somebody looks for, in his order. They come with the oldest first. */
export function findBans(bans: readonly MirrorBan[], { q, jail, host, sort }: BanQuery): MirrorBan[] {
  const concerns = concerning(q.trim());
  const found = bans.filter(
    (ban) => (jail === '' || ban.jail === jail) && (host === '' || ban.host === host) && concerns(ban),
  );
  return sorted(found, sort);
}

function concerning(q: string): (ban: MirrorBan) => boolean {
  if (q === '') return () => true;
  const target = parseTarget(q);
  if (target.ok) {
    const around = new Set<Target>([target.value, ...widerRanges(target.value)]);
    return isRange(target.value)
      ? ({ ip }) => around.has(ip) || covers(target.value, ip)
      : ({ ip }) => around.has(ip);
  }
  const part = q.toLowerCase();
  return ({ ip, jail, host, prog, reason }) =>
    [ip, jail, host, prog, reason ?? ''].some((word) => word.toLowerCase().includes(part));
}

function sorted(bans: MirrorBan[], sort: BanSort): MirrorBan[] {
  if (sort === 'oldest') return bans;
  if (sort === 'newest') return bans.toReversed();
  if (sort === 'end')
    return bans.toSorted((one, other) => (one.until ?? Infinity) - (other.until ?? Infinity) || 0);
  const name = sort === 'address' ? 'ip' : sort;
  const keyed = bans.map((ban) => ({ ban, key: name === 'ip' ? addressKey(ban.ip) : ban[name] }));
  return keyed
    .sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : other.ban.seq - one.ban.seq))
    .map(({ ban }) => ban);
}

/** IPv4 in the order of its numbers, IPv6 behind it. */
function addressKey(ip: Target): string {
  if (ip.includes(':')) return `~${ip}`;
  return ip.replaceAll(/\d+/g, (digits) => digits.padStart(3, '0'));
}
