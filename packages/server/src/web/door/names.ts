import { isIPv6 } from 'node:net';
import type { PageAddress } from '@banshare/runtime';

/** A name as people have it: it is shown, and written into the audit log. */
export const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,39}$/u;

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** Whether nobody outside this machine can connect to it. */
export function isLocal(listen: PageAddress): boolean {
  if (listen.unix !== undefined) return true;
  return listen.address.startsWith('127.') || listen.address === '::1';
}

/** An address as it stands in a URL. */
export function inUrl(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}

/**
 * The names by which browsers may ask for the page. A site that has its own name lead to this machine (DNS rebinding) asks by that, and
 * gets nothing.
 */
export function namesOf(listen: PageAddress, names: readonly string[]): ReadonlySet<string> {
  const own = listen.unix === undefined ? [inUrl(listen.address)] : [];
  return new Set([...names.map(inUrl), ...own, ...(isLocal(listen) ? LOOPBACK : [])].map(lower));
}

/** Whether a Host header names the page; whatever port a tunnel has is well. */
export function isNamed(host: string | undefined, names: ReadonlySet<string>): boolean {
  const name = /^(\[[^\]]*\]|[^:[\]]+)(?::\d{1,5})?$/.exec(host ?? '')?.[1];
  return name !== undefined && names.has(lower(name));
}

/** Whether an Origin header is that of the page itself: same name and port as in the Host header. */
export function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
  return (
    origin !== undefined && host !== undefined && lower(origin.replace(/^https?:\/\//, '')) === lower(host)
  );
}

function lower(text: string): string {
  return text.toLowerCase();
}
