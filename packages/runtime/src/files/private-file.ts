import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { bad, good, type Result } from '@banshare/protocol';
import { failpoint } from '../process/failpoint.ts';

/** Reads a file that only its owner may read; wider modes are refused, since then the secret may be known to others. */
export function readPrivate(path: string): Result<Buffer> {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    return bad(`Cannot read ${path}: ${(error as Error).message}`);
  }
  try {
    const mode = fstatSync(file).mode & 0o777;
    if ((mode & 0o177) !== 0) {
      const is = mode.toString(8).padStart(4, '0');
      return bad(
        `Cannot read ${path}: its mode must be 0600, it is ${is}; make anew what is secret in it, which others may have read, or chmod 0600 it`,
      );
    }
    return good(readFileSync(file));
  } catch (error) {
    return bad(`Cannot read ${path}: ${(error as Error).message}`);
  } finally {
    closeSync(file);
  }
}

/** Writes a file of mode 0600 so that after a crash it is either the old one or the new one, whole. Throws. */
export function writePrivate(path: string, content: string | Uint8Array): void {
  writeAtomic(path, content, 0o600);
}

const UNFINISHED = '.tmp';

/** Whether a file of that name is one that shall replace another: left behind where its writer was killed. */
export function isTemporary(name: string): boolean {
  return name.endsWith(UNFINISHED);
}

/** Writes a file so that after a crash it is either the old one or the new one, whole. Throws. */
export function writeAtomic(path: string, content: string | Uint8Array, mode: number): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  try {
    replaceWhole(path, (temporary) => {
      // Never a file that was there: its mode may be wider.
      const file = openSync(temporary, 'wx', mode);
      try {
        // The umask may have narrowed it.
        fchmodSync(file, mode);
        for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    });
  } catch (error) {
    throw new Error(`Cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Replaces the file at a path, so that after a crash it is either the old one or the new one, whole; `make` lays
 * it, synced, at the path that it is given beside it. This is the one way in which a file that counts is written.
 * @throws the system's error, or what `make` throws; then nothing is left beside it.
 */
export function replaceWhole(path: string, make: (temporary: string) => void): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}${UNFINISHED}`;
  try {
    make(temporary);
    failpoint('before-rename');
    renameSync(temporary, path);
    failpoint('after-rename');
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  // Without this the rename itself may be lost with the power.
  syncDirectory(dirname(path));
}

/** No writer lives so long. */
const UNFINISHED_SECONDS = 3600;
const OF_A_WRITER = /^[0-9a-f]{12}\.tmp(-journal|-wal|-shm)?$/;

/**
 * Removes what writers of a file left behind that were killed before it was in its place, and SQLite's journals of that; now is epoch
 * seconds. @throws the system's error.
 */
export function removeUnfinished(path: string, now: number): void {
  const [directory, beginning] = [dirname(path), `${basename(path)}.`];
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(beginning) || !OF_A_WRITER.test(name.slice(beginning.length))) continue;
    const left = join(directory, name);
    const file = lstatSync(left, { throwIfNoEntry: false });
    const isOld = file !== undefined && now - file.mtimeMs / 1000 > UNFINISHED_SECONDS;
    if (isOld && file.isFile()) rmSync(left, { force: true });
  }
}

/**
 * Makes a directory that only its owner may enter; one that is there stays as it is. What is made above it everyone may enter,
 * whatever the umask: the programs of another user have their own directories there.
 */
export function makePrivateDirectory(path: string): void {
  makeOpenDirectory(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function makeOpenDirectory(path: string): void {
  if (existsSync(path)) return;
  makeOpenDirectory(dirname(path));
  try {
    mkdirSync(path);
    chmodSync(path, 0o755);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Makes a rename, creation or removal in a directory survive a loss of power. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
