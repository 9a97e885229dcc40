import { closeSync, fstatSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { asOwner, removeUnfinished, replaceWhole, wallSeconds } from '@banshare/runtime';

const CHUNK = 1 << 20;

/**
 * Copies what an open file holds into a file of mode 0600, whole or not at all, with the rights of whose the folder is;
 * `finish` may work on it before. What earlier ones left that were killed is removed. The open file is closed. @throws the system's
 * error.
 */
export function putCopy(source: number, path: string, finish: (made: string) => void = () => {}): void {
  try {
    asOwner(dirname(path), () => {
      removeUnfinished(path, wallSeconds());
      replaceWhole(path, (made) => {
        try {
          writeAll(source, made);
          finish(made);
        } finally {
          for (const suffix of ['-journal', '-wal', '-shm']) rmSync(made + suffix, { force: true });
        }
      });
    });
  } finally {
    closeSync(source);
  }
}

function writeAll(source: number, path: string): void {
  const target = openSync(path, 'wx', 0o600);
  try {
    const chunk = Buffer.allocUnsafe(CHUNK);
    // No more than it had when it was opened: whoever may write it could let it grow for ever.
    for (let left = fstatSync(source).size; left > 0;) {
      const length = readSync(source, chunk, 0, Math.min(left, CHUNK), null);
      if (length === 0) break;
      left -= length;
      for (let at = 0; at < length;) at += writeSync(target, chunk, at, length - at);
    }
    fsyncSync(target);
  } finally {
    closeSync(target);
  }
}
