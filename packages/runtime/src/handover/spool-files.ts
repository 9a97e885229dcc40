import { readdirSync } from 'node:fs';

/*
 * The spool is a folder of reports that wait for the server, a file each. The reporter writes and empties it; the client looks
 * whether anything waits, and since when.
 */

/** The folder in the spool with reports that were given up, each with the reason beside it. */
export const DEAD_LETTERS = 'dead';

const SUFFIX = '.json';
/** Milliseconds of the years to come have as many digits, so that names sort by time. */
const TIME_DIGITS = 15;

/** The name of the file of a report that was made at `at` (epoch seconds): sorted by name, the oldest comes first. */
export function spoolFile({ at, id }: { at: number; id: string }): string {
  return `${String(Math.round(at * 1000)).padStart(TIME_DIGITS, '0')}-${id}${SUFFIX}`;
}

/** Whether a file of that name is a report, and not the reporter's own mark or what a crash left half written. */
export function isSpoolFile(name: string): boolean {
  return name.endsWith(SUFFIX);
}

/** When the report of a file of that name was made, in epoch seconds; undefined where the name does not say. */
export function spooledAt(name: string): number | undefined {
  const milliseconds = /^\d+(?=-)/.exec(name)?.[0];
  return milliseconds === undefined ? undefined : Number(milliseconds) / 1000;
}

/** The names of the reports in a folder of the spool, in no order; none where the folder is not there. */
export function spoolFilesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter(isSpoolFile);
  } catch {
    return [];
  }
}
