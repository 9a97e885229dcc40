import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Reports that wait for the server, the age of the oldest in seconds, and those that were given up. */
export type SpoolStatus = { waiting: number; oldestSeconds: number; dead: number };

/** Counts the spool; a file's name begins with the milliseconds at which it was reported. now is epoch seconds. */
export function spoolStatus(directory: string, now: number): SpoolStatus {
  const waiting = jsonFiles(directory);
  const oldest = Number(waiting.sort()[0]?.split('-', 1)[0] ?? Number.NaN) / 1000;
  return {
    waiting: waiting.length,
    oldestSeconds: Number.isFinite(oldest) ? Math.max(0, Math.round(now - oldest)) : 0,
    dead: jsonFiles(join(directory, 'dead')).length,
  };
}

function jsonFiles(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
}
