import { readFileSync, statSync } from 'node:fs';
import { writeAtomic } from '../files/private-file.ts';

/**
 * What the client notes of the server for the reporter, in one line, "NAME IP [mac:KEY]": the IP that the name stood for, and
 * the key (Z85) of the server that takes MACs.
 */
export type ServerNote = { name: string; ip: string; macKey?: string };

const MAC = 'mac:';
/** The client looks the name up each minute; the IP in a note is trusted for so long. */
const YOUNG_SECONDS = 600;

/** Reads the text of a note; words that it does not know are of a later version. */
export function parseServerNote(text: string): ServerNote {
  const [name = '', ip = '', ...more] = text.trim().split(' ');
  const macKey = more.find((word) => word.startsWith(MAC))?.slice(MAC.length);
  return { name, ip, ...(macKey === undefined ? {} : { macKey }) };
}

/** The text of a note. */
export function formatServerNote({ name, ip, macKey }: ServerNote): string {
  const words = [name, ip, ...(macKey === undefined ? [] : [MAC + macKey])];
  return `${words.join(' ')}\n`;
}

/** Reads the note; undefined where there is none. */
export function readServerNote(path: string): ServerNote | undefined {
  try {
    return parseServerNote(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Reads the note where its IP is trusted at that time (epoch seconds); undefined where there is none, or an old one. */
export function readYoungServerNote(path: string, now: number): ServerNote | undefined {
  try {
    return isServerNoteYoung(now - statSync(path).mtimeMs / 1000) ? readServerNote(path) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the IP in a note of that age (seconds) is trusted; one from a future that a clock jump made is not. */
function isServerNoteYoung(age: number): boolean {
  return age >= 0 && age < YOUNG_SECONDS;
}

/** Writes the note as a whole. @throws the system's error. */
export function writeServerNote(path: string, note: ServerNote): void {
  writeAtomic(path, formatServerNote(note), 0o600);
}

/** Whether the server with that key (Z85) is noted to take MACs. */
export function isMacNoted(path: string, serverKey: string): boolean {
  return readServerNote(path)?.macKey === serverKey;
}
