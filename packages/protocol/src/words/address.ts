import ipaddr from 'ipaddr.js';
import { bad, good, quote, type Result } from './result.ts';

/** Canonical text of one IPv4 or IPv6 address; only parseAddress makes it. */
export type Address = string & { readonly brand: 'Address' };

/**
 * Reads one address and makes its text canonical; ::ffff:a.b.c.d becomes IPv4. Zones, names, ranges, octal and short
 * forms are refused: fail2ban and nft would resolve or reinterpret them.
 */
export function parseAddress(text: string): Result<Address> {
  if (text.length > 45) return bad(notAnAddress(text));
  if (!text.includes(':')) {
    return ipaddr.IPv4.isValidFourPartDecimal(text) ? good(text as Address) : bad(notAnAddress(text));
  }
  const groups = hexTail(text);
  const address = /^[0-9a-fA-F:]+$/.test(groups) ? readIPv6(groups) : undefined;
  if (address === undefined) return bad(notAnAddress(text));
  if (address.isIPv4MappedAddress()) return good(address.toIPv4Address().toString() as Address);
  const canonical = address.toString();
  if (isZero(address.parts.slice(0, 6)) && canonical !== '::' && canonical !== '::1') {
    return bad(`${quote(text)} is an IPv4-compatible IPv6 address, a form that nobody uses any more`);
  }
  return good(canonical as Address);
}

/** The IPv4 address inside a NAT64 (64:ff9b::/96) or 6to4 (2002::/16) one. */
export function embeddedAddress(address: Address): Address | undefined {
  // Of a canonical text its beginning tells that there is none: asked several times of each ban, most of which have none.
  if (!address.startsWith('2002:') && !address.startsWith('64:ff9b:')) return undefined;
  const parsed = ipaddr.IPv6.parse(address);
  const { parts } = parsed;
  const bytes = parsed.toByteArray();
  const isTranslated = parts[0] === 0x64 && parts[1] === 0xff9b && isZero(parts.slice(2, 6));
  if (isTranslated) return bytes.slice(12).join('.') as Address;
  if (parts[0] === 0x2002) return bytes.slice(2, 6).join('.') as Address;
  return undefined;
}

/** Asked whether it is valid first, ipaddr.js would parse it twice. */
function readIPv6(text: string): ipaddr.IPv6 | undefined {
  try {
    return ipaddr.IPv6.parse(text);
  } catch {
    return undefined;
  }
}

function isZero(groups: readonly number[]): boolean {
  return groups.every((group) => group === 0);
}

/**
 * Writes a dotted tail as two hex groups. ipaddr.js would read "::ffff:010.0.0.1" as 8.0.0.1 and "::1.2.3.4" as
 * 1.2.3.4; an odd tail stays as it is, and is refused for its dots.
 */
function hexTail(text: string): string {
  const start = text.lastIndexOf(':') + 1;
  const tail = text.slice(start);
  if (!ipaddr.IPv4.isValidFourPartDecimal(tail)) return text;
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(tail).toByteArray();
  return `${text.slice(0, start)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

function notAnAddress(text: string): string {
  return `${quote(text)} is not one IPv4 or IPv6 address (ranges, names, zones and short or octal forms are refused)`;
}
