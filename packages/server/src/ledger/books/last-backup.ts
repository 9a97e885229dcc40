import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { oneLine } from '@banshare/protocol';

/** A backup that was read back: when, epoch seconds, where it lies or went, and its size. */
export type Kept = { at: number; place: string; bytes: number };

/**
 * What became of the backups of one server. It stands beside the ledger and not in it: of several servers each has its own, and
 * that one failed is known also where the server did not run.
 */
export type BackupNote = {
  /** The last one as [backup] wants it, and the last to a file that somebody named. */
  asConfigured: Kept | null;
  byHand: Kept | null;
  /** The last try of the first kind, where it failed. */
  failed: { at: number; why: string } | null;
};

const NOTHING: BackupNote = { asConfigured: null, byHand: null, failed: null };
const LONGEST_TEXT = 1000;

/** The note's path in the folder of a server's state. */
export function backupNote(serverState: string): string {
  return join(serverState, 'last-backup.json');
}

/** What is noted; nothing where there is no note, or it cannot be read. */
export function readBackupNote(serverState: string): BackupNote {
  try {
    const read = JSON.parse(readFileSync(backupNote(serverState), 'utf8')) as Record<string, unknown>;
    return {
      asConfigured: keptOf(read['asConfigured']),
      byHand: keptOf(read['byHand']),
      failed: failedOf(read['failed']),
    };
  } catch {
    return NOTHING;
  }
}

function keptOf(value: unknown): Kept | null {
  const { at, place, bytes } = (value ?? {}) as Record<string, unknown>;
  if (typeof at !== 'number' || typeof place !== 'string' || typeof bytes !== 'number') return null;
  return { at, place: oneLine(place.slice(0, LONGEST_TEXT)), bytes };
}

function failedOf(value: unknown): BackupNote['failed'] {
  const { at, why } = (value ?? {}) as Record<string, unknown>;
  if (typeof at !== 'number' || typeof why !== 'string') return null;
  return { at, why: oneLine(why.slice(0, LONGEST_TEXT)) };
}
