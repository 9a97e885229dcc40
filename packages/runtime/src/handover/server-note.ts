import { readFileSync, statSync, utimesSync } from 'node:fs';
import { writeAtomic } from '../files/private-file.ts';

/** A server by its name, and the IP that this stood for; empty where that is not known. */
export type NotedServer = { name: string; ip: string };

/**
 * What the client notes of its servers for the reporter, in one line, "NAME IP [mac:KEY] [next:NAME=IP]...": the one that it uses,
 * those that follow it where that does not answer, in their order, and the key (Z85) of the servers where they take MACs.
 */
export type ServerNote = { servers: readonly [NotedServer, ...NotedServer[]]; macKey?: string };

const MAC = 'mac:';
const NEXT = 'next:';
/** The client looks the names up each minute; the IPs in a note are trusted for so long. */
const YOUNG_SECONDS = 600;

/** Reads the text of a note; words that it does not know are of a later version. */
export function parseServerNote(text: string): ServerNote {
  const [name = '', ip = '', ...more] = text.trim().split(' ');
  const macKey = more.find((word) => word.startsWith(MAC))?.slice(MAC.length);
  const others = more.flatMap((word) => (word.startsWith(NEXT) ? [parseNext(word.slice(NEXT.length))] : []));
  return { servers: [{ name, ip }, ...others], ...(macKey === undefined ? {} : { macKey }) };
}

function parseNext(text: string): NotedServer {
  const [name = '', ip = ''] = text.split('=');
  return { name, ip };
}

/** The text of a note. */
export function formatServerNote({ servers, macKey }: ServerNote): string {
  const [{ name, ip }, ...others] = servers;
  const next = others.map((other) => `${NEXT}${other.name}=${other.ip}`);
  const words = [name, ip, ...(macKey === undefined ? [] : [MAC + macKey]), ...next];
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

/** Whether the IPs of a note are trusted at that time (epoch seconds); those from a future that a clock jump made are not. */
export function isServerNoteYoung(path: string, now: number): boolean {
  try {
    const age = now - statSync(path).mtimeMs / 1000;
    return age >= 0 && age < YOUNG_SECONDS;
  } catch {
    return false;
  }
}

/** Whether the servers with that key (Z85) are noted to take MACs. */
export function isMacNoted(path: string, serverKey: string): boolean {
  return readServerNote(path)?.macKey === serverKey;
}

/** Writes the note as a whole, with IPs that were looked up at this moment. @throws the system's error. */
export function writeServerNote(path: string, note: ServerNote): void {
  writeAtomic(path, formatServerNote(note), 0o600);
}

/** Writes the note as a whole, with IPs that are as old as they were. @throws the system's error. */
export function changeServerNote(path: string, note: ServerNote): void {
  const before = statSync(path, { throwIfNoEntry: false });
  writeServerNote(path, note);
  if (before !== undefined) utimesSync(path, before.atimeMs / 1000, before.mtimeMs / 1000);
}
