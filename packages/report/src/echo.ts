import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { BanKey } from '@banshare/protocol';
import { wallSeconds } from '@banshare/runtime';

/** For so long a note of the client explains a ban on this host. */
export const NOTE_SECONDS = 600;

/** Whether the client of this host has just applied this ban itself: then the report is our own echo. */
export function isEcho(notes: string, ban: BanKey): boolean {
  try {
    const note = statSync(join(notes, `${ban.jail}@${ban.ip}`));
    return wallSeconds() - note.mtimeMs / 1000 < NOTE_SECONDS;
  } catch {
    // Most bans have none; and where none can be read, an echo costs less than a report that is lost.
    return false;
  }
}
