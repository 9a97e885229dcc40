import { lstatSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { bad, good, type Result } from '@banshare/protocol';
import {
  asOwner,
  makePrivateDirectory,
  wallSeconds,
  writeAtomic,
  type HostPaths,
  type ServerConfig,
} from '@banshare/runtime';
import { backupNote, readBackupNote, type BackupNote, type Kept } from '../../ledger/books/last-backup.ts';
import { backUp } from './backup.ts';
import { handOver } from './hand-over.ts';

type Wanted = ServerConfig['backup'];
type Made = Result<string> & { isWithoutDaemon?: boolean };

/**
 * Makes the backup that [backup] in server.toml wants, and notes what came of it for `status`: a file in a folder, of which the
 * last so many are kept, or one that a command reads on its standard input, or both. Older ones go only once the new one has been
 * read back. Of several servers each does so for itself: their keys and server.toml are their own, and one that is left alone
 * needs nobody to be backed up.
 */
export async function backUpAsConfigured(paths: HostPaths, wanted: Wanted): Promise<Made> {
  const made = await make(paths, wanted);
  const at = wallSeconds();
  if (made.ok) {
    const { place, bytes, says } = made.value;
    note(paths, { asConfigured: { at, place, bytes }, failed: null });
    return good(says);
  }
  note(paths, { failed: { at, why: made.fault } });
  return made;
}

/** Backs up to a file that somebody named. */
export async function backUpByHand(paths: HostPaths, file: string): Promise<Made> {
  const made = await backUp(paths, file);
  if (made.ok) note(paths, { byHand: { at: wallSeconds(), place: file, bytes: statSync(file).size } });
  return made;
}

async function make(
  paths: HostPaths,
  { to, command, keep }: Wanted,
): Promise<Result<Pick<Kept, 'place' | 'bytes'> & { says: string }> & { isWithoutDaemon?: boolean }> {
  const isKept = to !== undefined;
  // What a command alone gets lies where only root enters, and no longer than that takes.
  const folder = isKept ? join(paths.root, to) : paths.backupWork;
  const prepared = isKept ? prepare(folder) : asMade(() => makePrivateDirectory(folder), folder);
  if (!prepared.ok) return prepared;
  const file = join(folder, isKept ? nameOf(wallSeconds()) : 'for-command.backup');
  try {
    const made = await backUp(paths, file);
    if (!made.ok) return made;
    const bytes = asOwner(folder, () => lstatSync(file).size);
    if (command !== undefined) {
      const handed = handOver(file, command);
      if (!handed.ok) return bad(`Cannot hand the backup over: ${handed.fault}, [backup] command`);
    }
    if (!isKept) return good({ place: 'to the command of [backup]', bytes, says: HANDED });
    const removed = asOwner(folder, () => removeOlder(folder, basename(file), keep));
    const older = removed === 0 ? '' : `\nRemoved: ${removed} older, ${keep} are kept.`;
    return good({ place: file, bytes, says: made.value + older });
  } catch (error) {
    return bad(`Cannot back up to "${folder}": ${(error as Error).message}`);
  } finally {
    if (!isKept) rmSync(file, { force: true });
  }
}

const HANDED = 'Everything of this server went to the command of [backup]. It holds secret keys.';

/** A folder of the last part of the path is made; what is above it has to be there, so that nothing is written where a disk is missing. */
function prepare(folder: string): Result<undefined> {
  try {
    const stranger = laidByAnother(folder);
    if (stranger !== undefined)
      return bad(
        `Cannot back up to "${folder}": everybody may make folders beside ${stranger}, and that one is another user's; name a folder in [backup] to whose way only root or its owner may change`,
      );
    return asOwner(dirname(folder), () => {
      if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) mkdirSync(folder, { mode: 0o700 });
      const { mode, isDirectory } = lookAt(folder);
      if (!isDirectory)
        return bad(
          `Cannot back up to "${folder}": it is no folder, and links are not followed; name the folder itself in [backup] to`,
        );
      if ((mode & 0o022) !== 0)
        return bad(
          `Cannot back up to "${folder}": others may write there (mode ${mode.toString(8).padStart(4, '0')}); chmod 0700 it`,
        );
      return good(undefined);
    });
  } catch (error) {
    return bad(`Cannot back up to "${folder}": ${(error as Error).message}`);
  }
}

/** What on the way to a folder lies where everybody may lay something, and is another user's: whoever was there first would read the backups. */
function laidByAnother(folder: string): string | undefined {
  const parts = resolve(folder).split('/');
  const way = parts.map((_, index) => parts.slice(0, index + 1).join('/') || '/');
  return way.find((path) => {
    const [file, above] = [path, dirname(path)].map((each) => lstatSync(each, { throwIfNoEntry: false }));
    const isOpen = above !== undefined && (above.mode & 0o002) !== 0;
    return isOpen && file !== undefined && file.uid !== 0 && file.uid !== process.geteuid?.();
  });
}

function lookAt(folder: string): { mode: number; isDirectory: boolean } {
  const file = lstatSync(folder);
  return { mode: file.mode & 0o7777, isDirectory: file.isDirectory() };
}

function asMade(work: () => void, folder: string): Result<undefined> {
  try {
    work();
    return good(undefined);
  } catch (error) {
    return bad(`Cannot make the folder "${folder}": ${(error as Error).message}`);
  }
}

/** With the machine's name, so that several servers may have one folder; sorted by name they are sorted by time. */
function nameOf(now: number): string {
  const stamp = new Date(now * 1000).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${prefix()}${stamp}.backup`;
}

function prefix(): string {
  return `banshare-${hostname().replaceAll(/[^A-Za-z0-9.-]/g, '_')}-`;
}

const STAMP = /^\d{8}T\d{6}Z\.backup$/;

/** Removes this machine's older ones, plain files alone; the one just made stays, whatever the clock has done. */
function removeOlder(folder: string, made: string, keep: number): number {
  const before = prefix();
  const others = readdirSync(folder, { withFileTypes: true })
    .filter(
      (each) =>
        each.isFile() &&
        each.name !== made &&
        each.name.startsWith(before) &&
        STAMP.test(each.name.slice(before.length)),
    )
    .map(({ name }) => name)
    .toSorted()
    .toReversed();
  const over = others.slice(keep - 1);
  for (const name of over) rmSync(join(folder, name), { force: true });
  return over.length;
}

/** The note is one of the server's own folder, and written with that one's rights. That it cannot be is no fault of the backup. */
function note({ serverState }: HostPaths, more: Partial<BackupNote>): void {
  try {
    asOwner(serverState, () => {
      const all = { ...readBackupNote(serverState), ...more };
      writeAtomic(backupNote(serverState), `${JSON.stringify(all)}\n`, 0o600);
    });
  } catch {
    // Then status goes on naming the one before, and that it is late.
  }
}
