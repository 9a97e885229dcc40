import { join } from 'node:path';
import { forPeople, keepPoolAwake } from '@banshare/runtime';

/** The repository. */
export const ROOT = join(import.meta.dirname, '..');

/** Something a person can mend; its message says what could not be done, and what to do. */
export class Fault extends Error {}

/** Runs a script's work; a Fault becomes one line on stderr and exit code 1. */
export async function orExit(work: () => Promise<void> | void): Promise<void> {
  keepPoolAwake();
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    complain(error.message);
    process.exitCode = 1;
  }
}

/** Prints what a person shall see: it may hold words of other hosts and programs, and none of them steers the terminal. */
export function tell(text: string): void {
  console.log(forPeople(text));
}

/** The same on stderr. */
export function complain(text: string): void {
  console.error(forPeople(text));
}
