import { readBackupNote } from '../../ledger/books/last-backup.ts';
import { number, span, time } from '../../words/phrases.ts';
import type { BackupFacts, Entry, Facts } from './facts.ts';

/** What server.toml says of the daily backup. */
export type BackupWanted = { readonly to: string | undefined; readonly command: string | undefined };

/** The timer comes once a day, with a delay of up to an hour: of two days one was missed. */
const LATE_SECONDS = 2 * 86_400;

/** How the backups of this server are; now is epoch seconds. */
export function backupFacts(serverState: string, { to, command }: BackupWanted, now: number): BackupFacts {
  const isConfigured = (to ?? command) !== undefined;
  const { asConfigured, byHand, failed } = readBackupNote(serverState);
  const last = isConfigured ? asConfigured : byHand;
  return {
    isConfigured,
    lastGood: last?.at ?? null,
    ageSeconds: last === null ? null : Math.max(0, now - last.at),
    place: last?.place ?? null,
    bytes: last?.bytes ?? null,
    failed: isConfigured ? failed : null,
  };
}

/** A daily backup that is wanted and fails, or does not come. */
export function backupToDo({ backup }: Facts): Entry[] {
  const { isConfigured, lastGood, ageSeconds, failed } = backup;
  if (!isConfigured) return [];
  const last = lastGood === null ? 'there is none yet' : `the last good one is of ${time(lastGood)}`;
  if (failed !== null) {
    const text = `The backup of ${time(failed.at)} FAILED, ${last}: ${failed.why}. Once that is mended, banshare-server backup makes one now`;
    return [{ code: 'backup-failed', text }];
  }
  if (ageSeconds === null) {
    const text =
      'There is no backup yet, although [backup] in server.toml wants one a day: banshare-server backup makes one now, and systemctl enable --now banshare-backup.timer one each night';
    return [{ code: 'backup-late', text }];
  }
  if (ageSeconds === null || ageSeconds <= LATE_SECONDS) return [];
  const text = `There was no backup for ${span(ageSeconds)}, ${last}: systemctl status banshare-backup.timer says whether it runs, banshare-server backup makes one now`;
  return [{ code: 'backup-late', text }];
}

/** The last good backup in a line; where none is known, that. */
export function sayBackup({ isConfigured, ageSeconds, place, bytes }: BackupFacts): string {
  if (ageSeconds === null || place === null || bytes === null)
    return isConfigured
      ? 'Last good backup: none yet.'
      : 'Last good backup: none is known; [backup] in server.toml has one made each day.';
  return `Last good backup: ${span(ageSeconds)} ago, ${number(Math.ceil(bytes / 1000))} kB, ${place}.`;
}
