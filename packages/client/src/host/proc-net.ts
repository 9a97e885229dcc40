import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { parseAddress, type Address } from '@banshare/protocol';

/** A TCP socket as the kernel lists it; the peer is undefined where it listens. */
export type TcpSocket = { inode: string; isListening: boolean; localPort: number; peer: Address | undefined };

const ESTABLISHED = '01';
const LISTENS = '0A';
/** Flags of a route: it is up, and leads through a gateway. */
const UP_THROUGH_GATEWAY = 0x3;
/** The kernel writes each 32-bit word of an address in its own byte order. */
const IS_LITTLE = endianness() === 'LE';

/** The TCP sockets in the network of a process; folder is its own in /proc. Empty where it cannot be read. */
export function tcpSockets(folder: string): TcpSocket[] {
  return [...lines(`${folder}/net/tcp`), ...lines(`${folder}/net/tcp6`)].flatMap((line) => {
    const [, local = '', remote = '', state, , , , , , inode = ''] = line;
    if (state !== ESTABLISHED && state !== LISTENS) return [];
    const isListening = state === LISTENS;
    const localPort = parseInt(local.split(':')[1] ?? '', 16);
    const peer = isListening ? undefined : addressOf(remote.split(':')[0] ?? '', IS_LITTLE);
    return [{ inode, isListening, localPort, peer }];
  });
}

/** The gateways of the default routes, IPv4 and IPv6, in the main table. */
export function defaultGateways(proc: string): Address[] {
  const v4 = lines(`${proc}/net/route`).flatMap(([, destination, gateway = '', flags = '', , , , mask]) =>
    destination === '00000000' && mask === '00000000' && isGateway(flags)
      ? [addressOf(gateway, IS_LITTLE)]
      : [],
  );
  const v6 = lines(`${proc}/net/ipv6_route`, 0).flatMap(
    ([destination = '', prefix, , , gateway = '', , , , flags = '']) =>
      /^0+$/.test(destination) && prefix === '00' && isGateway(flags) ? [addressOf(gateway, false)] : [],
  );
  return [...v4, ...v6].flatMap((address) => address ?? []);
}

function isGateway(flags: string): boolean {
  return (parseInt(flags, 16) & UP_THROUGH_GATEWAY) === UP_THROUGH_GATEWAY;
}

/** The fields of each line after the heading. */
function lines(path: string, headings = 1): string[][] {
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // A kernel without IPv6, or a process that has ended.
    return [];
  }
  return text
    .split('\n')
    .slice(headings)
    .filter((line) => line !== '')
    .map((line) => line.trim().split(/\s+/));
}

/** An address from its bytes in hex; undefined for none, such as all zeros. */
function addressOf(hex: string, areWordsReversed: boolean): Address | undefined {
  const words = hex.match(/[0-9a-fA-F]{8}/g) ?? [];
  const bytes = words.flatMap((word) => {
    const word4 = Buffer.from(word, 'hex');
    return [...(areWordsReversed ? word4.reverse() : word4)];
  });
  if (bytes.every((byte) => byte === 0)) return undefined;
  const groups = Array.from({ length: bytes.length / 2 }, (_, at) =>
    (((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0)).toString(16),
  );
  const parsed = parseAddress(bytes.length === 4 ? bytes.join('.') : groups.join(':'));
  return parsed.ok ? parsed.value : undefined;
}
