import { isRange, rangeAround, WIDEST_BAN, type Address, type Range, type Target } from '@banshare/protocol';

/**
 * Every range that may be banned and holds an address, or a whole range, beside that itself; the widest first. There are few, so
 * that a ban of one is found by its text.
 */
export function widerRanges(target: Target): Range[] {
  const [address = '', prefix] = target.split('/');
  const isSix = address.includes(':');
  const longest = Number(prefix ?? (isSix ? 128 : 32));
  const ranges: Range[] = [];
  for (let length: number = isSix ? WIDEST_BAN.ipv6 : WIDEST_BAN.ipv4; length < longest; length += 1) {
    const range = rangeAround(address as Address, length);
    if (isRange(range)) ranges.push(range);
  }
  return ranges;
}

/** Says which bans hold an address or range, and how they are lifted. */
export function widerText(ip: string, bans: readonly string[], how = 'is banned with'): string {
  const commands = bans.map((ban) => `banshare-server unban ${ban}`).join(', ');
  return `${ip} ${how} ${bans.join(' and ')}; to lift that: ${commands}`;
}
