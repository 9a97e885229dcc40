import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { BanKey } from '@banshare/protocol';
import { wallSeconds } from '@banshare/runtime';

/** For so long a note of the client explains a ban on this host. */
const NOTE_SECONDS = 600;

/** Whether the client of this host has just applied this ban itself: then the report is our own echo. */
export function isEcho(notes: string, ban: BanKey): boolean {
  const note = statSync(join(notes, `${ban.jail}@${ban.ip}`), { throwIfNoEntry: false });
  return note !== undefined && wallSeconds() - note.mtimeMs / 1000 < NOTE_SECONDS;
}
