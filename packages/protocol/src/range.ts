import ipaddr from 'ipaddr.js';
import { embeddedAddress, parseAddress, type Address } from './address.ts';
import { bad, good, quote, type Result } from './result.ts';

/** A range of addresses in canonical text, host bits cleared: "203.0.113.0/24"; a single address has its full length. */
export type Range = string & { readonly brand: 'Range' };

/** Reads an address or a CIDR range; host bits beyond the prefix are cleared. */
export function parseRange(text: string): Result<Range> {
  const [addressText = '', prefixText, ...more] = text.split('/');
  const address = parseAddress(addressText);
  if (!address.ok) return address;
  const longest = address.value.includes(':') ? 128 : 32;
  if (more.length > 0 || (prefixText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(prefixText))) {
    return bad(`${quote(text)} is not a range: write ADDRESS/PREFIX, for example 203.0.113.0/24`);
  }
  // The prefix of a mapped address counts from the 96 bits before it.
  const isMapped = addressText.includes(':') && longest === 32;
  const prefix = prefixText === undefined ? longest : Number(prefixText) - (isMapped ? 96 : 0);
  if (prefix < 0 || prefix > longest)
    return bad(`${quote(text)} is not a range: its prefix must be from 0 to ${longest}`);
  const cidr = `${address.value}/${prefix}`;
  const first =
    longest === 32 ? ipaddr.IPv4.networkAddressFromCIDR(cidr) : ipaddr.IPv6.networkAddressFromCIDR(cidr);
  return good(`${first.toString()}/${prefix}` as Range);
}

/** Whether an address, or the IPv4 address embedded in it, lies in a range. */
export function isInRange(address: Address, range: Range): boolean {
  const embedded = embeddedAddress(address);
  return liesIn(address, range) || (embedded !== undefined && liesIn(embedded, range));
}

function liesIn(address: Address, range: Range): boolean {
  const isV6 = address.includes(':');
  if (isV6 !== range.includes(':')) return false;
  return isV6
    ? ipaddr.IPv6.parse(address).match(ipaddr.IPv6.parseCIDR(range))
    : ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parseCIDR(range));
}
