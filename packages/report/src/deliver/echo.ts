import { statSync } from 'node:fs';
import type { BanKey } from '@banshare/protocol';
import { echoNote, isEchoNoteYoung, wallSeconds } from '@banshare/runtime';

/** Whether the client of this host has just applied this ban itself: then the report is our own echo. */
export function isEcho(notes: string, ban: BanKey): boolean {
  try {
    return isEchoNoteYoung(wallSeconds() - statSync(echoNote(notes, ban)).mtimeMs / 1000);
  } catch {
    // Most bans have none; and where none can be read, an echo costs less than a report that is lost.
    return false;
  }
}
