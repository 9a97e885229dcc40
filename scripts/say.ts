import { join } from 'node:path';

/** The repository. */
export const ROOT = join(import.meta.dirname, '..');

/** Something a person can mend; its message says what could not be done, and what to do. */
export class Fault extends Error {}

/** Runs a script's work; a Fault becomes one line on stderr and exit code 1. */
export async function orExit(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
