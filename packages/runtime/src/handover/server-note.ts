import { readFileSync } from 'node:fs';
import { writeAtomic } from '../private-file.ts';

/**
 * What the client notes of the server for the reporter, in one line, "NAME IP [mac:KEY]": the IP that the name stood for, and
 * the key (Z85) of the server that takes MACs.
 */
export type ServerNote = { name: string; ip: string; macKey?: string };

const MAC = 'mac:';

/** Reads the note; undefined where there is none. */
export function readServerNote(path: string): ServerNote | undefined {
  try {
    const [name = '', ip = '', ...more] = readFileSync(path, 'utf8').trim().split(' ');
    const macKey = more.find((word) => word.startsWith(MAC))?.slice(MAC.length);
    return { name, ip, ...(macKey === undefined ? {} : { macKey }) };
  } catch {
    return undefined;
  }
}

/** Writes the note as a whole. @throws the system's error. */
export function writeServerNote(path: string, { name, ip, macKey }: ServerNote): void {
  const words = [name, ip, ...(macKey === undefined ? [] : [MAC + macKey])];
  writeAtomic(path, `${words.join(' ')}\n`, 0o600);
}

/** Whether the server with that key (Z85) is noted to take MACs. */
export function isMacNoted(path: string, serverKey: string): boolean {
  return readServerNote(path)?.macKey === serverKey;
}
