import { embeddedTarget, rangeAround, type Address, type Target } from '@banshare/protocol';

/** What one machine or household has of IPv6. */
const BLOCK_PREFIX = 64;

/**
 * The /64 that an IPv6 address, or a range no wider, lies in; null for IPv4, and where IPv4 is embedded (6to4, NAT64): a /64
 * there is of many.
 */
export function blockOf(target: Target): Target | null {
  if (!target.includes(':')) return null;
  const slash = target.indexOf('/');
  if (slash >= 0 && Number(target.slice(slash + 1)) < BLOCK_PREFIX) return null;
  if (embeddedTarget(target) !== undefined) return null;
  return around((slash < 0 ? target : target.slice(0, slash)) as Address);
}

/** Read off where an address has its first four groups in full and the fourth is not 0, as most have: parsing it takes ten times as long. */
function around(address: Address): Target {
  const [first, second, third, fourth] = address.split(':', 4);
  if (first && second && third && fourth && fourth !== '0')
    return `${first}:${second}:${third}:${fourth}::/${BLOCK_PREFIX}` as Target;
  return rangeAround(address, BLOCK_PREFIX);
}
