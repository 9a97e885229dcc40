import { bad, good, parseAddress } from '@banshare/protocol';
import { show, type Kind } from './kinds.ts';

/** Where the page listens: at an address of this machine, or at a unix socket. */
export type PageAddress =
  { readonly unix: string } | { readonly unix?: never; readonly address: string; readonly port: number };

const UNIX = 'unix:';
const ADDRESS_PORT = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:]+)):(?<port>\d{1,5})$/;
const WANTED = 'must be ADDRESS:PORT, [ADDRESS]:PORT or unix:/PATH';

/** Where the page listens. Names are no addresses: which one of its addresses is meant a name does not say. */
export const pageAddress: Kind<PageAddress> = (value) => {
  if (typeof value !== 'string') return bad(`${WANTED}, not ${show(value)}`);
  if (value.startsWith(UNIX)) {
    const path = value.slice(UNIX.length);
    return path.startsWith('/') ? good({ unix: path }) : bad(`${WANTED}, not ${show(value)}`);
  }
  const { six, four, port = '' } = ADDRESS_PORT.exec(value)?.groups ?? {};
  const address = parseAddress(six ?? four ?? '');
  const isWhole = address.ok && Number(port) <= 65_535 && address.value.includes(':') === (six !== undefined);
  return isWhole
    ? good({ address: address.value, port: Number(port) })
    : bad(`${WANTED}, not ${show(value)}`);
};

/** A header of HTTP that a proxy sets. */
export const headerName: Kind<string> = (value) =>
  typeof value === 'string' && /^[A-Za-z][A-Za-z0-9-]{1,63}$/.test(value)
    ? good(value)
    : bad(`must be the name of a header, as "X-Remote-User", not ${show(value)}`);
