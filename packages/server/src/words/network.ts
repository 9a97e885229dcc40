import { isRange, rangeAround, type Address, type Target } from '@banshare/protocol';

/** The network of an address: its /24, of IPv6 its /64. A range that is wider stays what it is. */
export function networkOf(ip: Target): string {
  // A hundred thousand of them are counted for one question.
  if (!ip.includes(':') && !isRange(ip)) return `${ip.slice(0, ip.lastIndexOf('.'))}.0/24`;
  const [address = '', prefix] = ip.split('/');
  const bits = ip.includes(':') ? 64 : 24;
  if (prefix !== undefined && Number(prefix) <= bits) return ip;
  return rangeAround(address as Address, bits);
}
