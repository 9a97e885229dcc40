import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js';
import { embeddedTarget, isRange, type Target } from './range.ts';

type SpecialRange = readonly [cidr: string, name: string];

/**
 * The IANA special-purpose registries (IPv4 and IPv6, as of 2026) with multicast and site-local, less the
 * documentation ranges, which no real host has and tests may ban, and less NAT64 and 6to4, which are judged by what they embed.
 */
export const SPECIAL_RANGES: readonly SpecialRange[] = [
  ['0.0.0.0/8', 'this network'],
  ['10.0.0.0/8', 'private use'],
  ['100.64.0.0/10', 'shared address space'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link local'],
  ['172.16.0.0/12', 'private use'],
  ['192.0.0.0/24', 'IETF protocol assignments'],
  ['192.31.196.0/24', 'AS112'],
  ['192.52.193.0/24', 'AMT'],
  ['192.88.99.0/24', '6to4 relay anycast'],
  ['192.168.0.0/16', 'private use'],
  ['192.175.48.0/24', 'AS112'],
  ['198.18.0.0/15', 'benchmarking'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['64:ff9b:1::/48', 'local NAT64'],
  ['100::/64', 'discard only'],
  ['100:0:0:1::/64', 'dummy prefix'],
  ['2001::/23', 'IETF protocol assignments'],
  ['2620:4f:8000::/48', 'AS112'],
  ['3fff::/20', 'documentation of the IETF'],
  ['5f00::/16', 'segment routing'],
  ['fc00::/7', 'unique local'],
  ['fe80::/10', 'link local'],
  ['fec0::/10', 'site local'],
  ['ff00::/8', 'multicast'],
];

/** A special range with its CIDR parsed, and the first 32 bits of its first and its last address. */
type Parsed<IP> = { range: SpecialRange; cidr: [IP, number]; from: number; to: number };

/** Parsed at the first use of their family: banshare-report, which starts once per ban, asks for one address. */
const parsedRanges: { v4?: Parsed<IPv4>[]; v6?: Parsed<IPv6>[] } = {};

/**
 * Names the special range that holds an address or what is embedded in it, or that has an address in common with a range;
 * undefined where it is ordinary.
 */
export function specialRange(target: Target): string | undefined {
  const found = find(target);
  return found === undefined ? undefined : `${found[0]} (${found[1]})`;
}

function find(target: Target): SpecialRange | undefined {
  const embedded = embeddedTarget(target);
  // A range around NAT64 or 6to4 may hold more than those.
  const within = embedded === undefined ? undefined : find(embedded);
  if (within !== undefined || (embedded !== undefined && !isRange(target))) return within;
  const [address = '', prefix] = target.split('/');
  return address.includes(':')
    ? findV6(address, Number(prefix ?? 128))
    : findV4(address, Number(prefix ?? 32));
}

/** Two blocks of addresses meet where the shorter prefix is that of both. */
function findV4(address: string, prefix: number): SpecialRange | undefined {
  parsedRanges.v4 ??= SPECIAL_RANGES.filter(([cidr]) => !cidr.includes(':')).map((range) =>
    withBounds(range, ipaddr.IPv4.parseCIDR(range[0])),
  );
  if (prefix >= 32 && isOutside(parsedRanges.v4, bitsOfV4(address))) return undefined;
  const parsed = ipaddr.IPv4.parse(address);
  return parsedRanges.v4.find(({ cidr: [first, length] }) => parsed.match(first, Math.min(length, prefix)))
    ?.range;
}

function findV6(address: string, prefix: number): SpecialRange | undefined {
  parsedRanges.v6 ??= SPECIAL_RANGES.filter(([cidr]) => cidr.includes(':')).map((range) =>
    withBounds(range, ipaddr.IPv6.parseCIDR(range[0])),
  );
  if (prefix >= 32 && isOutside(parsedRanges.v6, bitsOfV6(address))) return undefined;
  const parsed = ipaddr.IPv6.parse(address);
  return parsedRanges.v6.find(({ cidr: [first, length] }) => parsed.match(first, Math.min(length, prefix)))
    ?.range;
}

function withBounds<IP extends IPv4 | IPv6>(range: SpecialRange, cidr: [IP, number]): Parsed<IP> {
  const from = cidr[0].kind() === 'ipv4' ? bitsOfV4(cidr[0].toString()) : bitsOfV6(cidr[0].toString());
  return { range, cidr, from, to: from + 2 ** Math.max(0, 32 - cidr[1]) - 1 };
}

/** Whether the first 32 bits already say that an address is in none of these: most are, and parsing takes far longer. */
function isOutside(ranges: readonly Parsed<unknown>[], bits: number): boolean {
  return ranges.every(({ from, to }) => bits < from || bits > to);
}

function bitsOfV4(address: string): number {
  return address.split('.').reduce((bits, octet) => bits * 256 + Number(octet), 0);
}

/** The first two groups of a canonical text. One that begins with zeros begins with two colons, or has a second group. */
function bitsOfV6(address: string): number {
  if (address.startsWith('::')) return 0;
  const first = address.indexOf(':');
  const second = address.indexOf(':', first + 1);
  const group = address.slice(first + 1, second < 0 ? undefined : second);
  return Number.parseInt(address, 16) * 65_536 + (group === '' ? 0 : Number.parseInt(group, 16));
}
