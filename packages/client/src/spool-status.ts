import { join } from 'node:path';
import { DEAD_LETTERS, spooledAt, spoolFilesIn } from '@banshare/runtime';

/** Reports that wait for the server, the age of the oldest in seconds, and those that were given up. */
export type SpoolStatus = { waiting: number; oldestSeconds: number; dead: number };

/** Counts the spool; now is epoch seconds. */
export function spoolStatus(directory: string, now: number): SpoolStatus {
  const waiting = spoolFilesIn(directory).sort();
  return {
    waiting: waiting.length,
    oldestSeconds: Math.max(0, Math.round(now - (spooledAt(waiting[0] ?? '') ?? now))),
    dead: spoolFilesIn(join(directory, DEAD_LETTERS)).length,
  };
}
