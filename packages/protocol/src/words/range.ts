import ipaddr from 'ipaddr.js';
import { embeddedAddress, parseAddress, type Address } from './address.ts';
import { bad, good, quote, type Result } from './result.ts';

/** A range of addresses in canonical text, host bits cleared: "203.0.113.0/24"; a single address has its full length. */
export type Range = string & { readonly brand: 'Range' };

/** What a ban is of: one address, or a range of more than one. */
export type Target = Address | Range;

/** A range that is banned is at most as wide as this: more is a country, and nobody bans that by a slip. */
export const WIDEST_BAN = { ipv4: 16, ipv6: 32 } as const;

/** Reads an address or a CIDR range; host bits beyond the prefix are cleared. */
export function parseRange(text: string): Result<Range> {
  const [addressText = '', prefixText, ...more] = text.split('/');
  const address = parseAddress(addressText);
  if (!address.ok)
    return bad(
      `${quote(text)} is neither an address nor a range: write ADDRESS or ADDRESS/PREFIX, for example 203.0.113.0/24`,
    );
  const longest = longestPrefix(address.value);
  if (more.length > 0 || (prefixText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(prefixText))) {
    return bad(`${quote(text)} is not a range: write ADDRESS/PREFIX, for example 203.0.113.0/24`);
  }
  // The prefix of a mapped address counts from the 96 bits before it.
  const isMapped = addressText.includes(':') && longest === 32;
  const prefix = prefixText === undefined ? longest : Number(prefixText) - (isMapped ? 96 : 0);
  if (prefix < 0 || prefix > longest)
    return bad(`${quote(text)} is not a range: its prefix must be from 0 to ${longest}`);
  return good(networkOf(address.value, prefix));
}

/** Reads what a ban is of; a range of one address is that address. */
export function parseTarget(text: string): Result<Target> {
  if (!text.includes('/')) {
    const address = parseAddress(text);
    if (address.ok || text.includes(':')) return address;
    return bad(
      `${quote(text)} is neither an address nor a range (names and short or octal forms are refused)`,
    );
  }
  const range = parseRange(text);
  return range.ok ? good(targetOf(range.value)) : range;
}

/** Whether a ban is of more than one address. */
export function isRange(target: Target): target is Range {
  return target.includes('/');
}

/** Whether a range is wider than anybody may ban. */
export function isTooWide(range: Range): boolean {
  return prefixOf(range) < (range.includes(':') ? WIDEST_BAN.ipv6 : WIDEST_BAN.ipv4);
}

/** The range of a prefix around an address; the address itself where the prefix is its whole length. */
export function rangeAround(address: Address, prefix: number): Target {
  return targetOf(networkOf(address, prefix));
}

/** Whether an address, or the IPv4 address embedded in it, lies in a range. */
export function isInRange(address: Address, range: Range): boolean {
  return overlaps(address, range);
}

/** Whether two targets have an address in common, or what is embedded in the first has one in common with the second. */
export function overlaps(target: Target, other: Target): boolean {
  const embedded = embeddedTarget(target);
  return meets(target, other) || (embedded !== undefined && meets(embedded, other));
}

/** Whether every address of a target lies in another one. */
export function covers(outer: Target, inner: Target): boolean {
  return meets(outer, inner) && prefixOf(outer) <= prefixOf(inner);
}

/** The IPv4 range inside a NAT64 (64:ff9b::/96) or 6to4 (2002::/16) one, as embeddedAddress() has it for an address. */
export function embeddedTarget(target: Target): Target | undefined {
  if (!isRange(target)) return embeddedAddress(target);
  if (!target.includes(':')) return undefined;
  for (const { range, bits } of EMBEDDING) {
    if (!meets(target, range)) continue;
    const prefix = Math.min(32, Math.max(0, prefixOf(target) - bits));
    const address = embeddedAddress(firstOf(target));
    return prefix === 0 || address === undefined ? EVERY_IPV4 : targetOf(networkOf(address, prefix));
  }
  return undefined;
}

const EVERY_IPV4 = '0.0.0.0/0' as Range;
/** Where IPv4 addresses stand in IPv6 ones, and after how many bits. */
const EMBEDDING = [
  { range: '2002::/16' as Range, bits: 16 },
  { range: '64:ff9b::/96' as Range, bits: 96 },
] as const;

/** Two blocks of addresses meet where the shorter prefix is that of both. */
function meets(one: Target, other: Target): boolean {
  if (one.includes(':') !== other.includes(':')) return false;
  const shorter = Math.min(prefixOf(one), prefixOf(other));
  const [first, second] = [firstOf(one), firstOf(other)];
  return one.includes(':')
    ? ipaddr.IPv6.parse(first).match(ipaddr.IPv6.parse(second), shorter)
    : ipaddr.IPv4.parse(first).match(ipaddr.IPv4.parse(second), shorter);
}

function prefixOf(target: Target): number {
  const slash = target.indexOf('/');
  return slash < 0 ? longestPrefix(target) : Number(target.slice(slash + 1));
}

function firstOf(target: Target): Address {
  const slash = target.indexOf('/');
  return (slash < 0 ? target : target.slice(0, slash)) as Address;
}

function longestPrefix(target: string): 32 | 128 {
  return target.includes(':') ? 128 : 32;
}

/** What a range is of, as people write it: a range of one address is that address. */
export function targetOf(range: Range): Target {
  return prefixOf(range) === longestPrefix(range) ? firstOf(range) : range;
}

/** Parsed once and cut: ipaddr.js's own way takes twice as long, and a list of a hundred thousand asks for as many. */
function networkOf(address: Address, prefix: number): Range {
  if (!address.includes(':'))
    return `${cut(ipaddr.IPv4.parse(address).octets, 8, prefix).join('.')}/${prefix}` as Range;
  const first = new ipaddr.IPv6(cut(ipaddr.IPv6.parse(address).parts, 16, prefix));
  return `${first.toString()}/${prefix}` as Range;
}

/** Groups of so many bits each, with those beyond the prefix cleared. */
function cut(groups: readonly number[], bits: number, prefix: number): number[] {
  return groups.map((group, index) => {
    const beyond = Math.min(bits, Math.max(0, bits * (index + 1) - prefix));
    return (group >> beyond) << beyond;
  });
}
