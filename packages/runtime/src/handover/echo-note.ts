import { join } from 'node:path';

/** For so long a note explains a ban on this host, in seconds; `installers/shared-ban` goes by the same, in minutes. */
export const ECHO_NOTE_SECONDS = 600;

/**
 * The note that the client makes before it puts a ban in place, so that the report which fail2ban or psad makes of that is known
 * as our own echo: an empty file JAIL@IP. Its time is the file's.
 */
export function echoNote(folder: string, { jail, ip }: { jail: string; ip: string }): string {
  return join(folder, `${jail}@${ip}`);
}

/** Whether a note of that age (seconds) counts; one from a future that a clock jump made counts no longer than an old one. */
export function isEchoNoteYoung(age: number): boolean {
  return Math.abs(age) <= ECHO_NOTE_SECONDS;
}
