import { closeSync, openSync, readdirSync, readSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Bookmark } from './bookmarks.ts';

/** A file that is to be read, and from where. */
export type LogFile = { path: string; from: Bookmark | 'start' };

/**
 * The files of a log that hold what was written since the bookmarks, the oldest first, and the log itself last. isLost: the file
 * that grew last is not there any more, or packed, and nothing is a copy of it.
 */
export function filesSince(
  log: string,
  bookmarks: readonly Bookmark[],
): { files: LogFile[]; isLost: boolean } {
  const known = siblingsOf(log).map(({ path, stats }) => ({
    path,
    stats,
    from: bookmarkIn(path, stats, bookmarks),
  }));
  const oldest = Math.min(
    ...known.filter(({ from }) => from !== undefined).map(({ stats }) => stats.mtimeMs),
  );
  const last = bookmarks.at(-1);
  return {
    files: known
      .filter(({ path, stats, from }) => from !== undefined || path === log || stats.mtimeMs >= oldest)
      .map(({ path, from }) => ({ path, from: from ?? 'start' })),
    isLost:
      last !== undefined &&
      !known.some(({ from }) => from?.offset === last.offset && from.last === last.last),
  };
}

/** The copy that copytruncate made of a file before it emptied it, and what of it was not read. */
export function copyOf(log: string, bookmark: Bookmark): LogFile | undefined {
  const copies = siblingsOf(log).filter(
    ({ path, stats }) => path !== log && stats.ino !== bookmark.inode && isContinued(path, bookmark),
  );
  const path = copies.at(-1)?.path;
  return path === undefined ? undefined : { path, from: bookmark };
}

/** Where a file goes on after what was read of it: by its inode, or as the copy of a file that was read. */
function bookmarkIn(path: string, stats: Stats, bookmarks: readonly Bookmark[]): Bookmark | undefined {
  return (
    bookmarks.find(({ inode }) => inode === stats.ino) ??
    bookmarks.find((bookmark) => isContinued(path, bookmark))
  );
}

function isContinued(path: string, { offset, last }: Bookmark): boolean {
  const wanted = Buffer.from(last, 'hex');
  if (wanted.length === 0) return false;
  const there = Buffer.alloc(wanted.length);
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return false;
  }
  const count = readSync(file, there, 0, there.length, offset - there.length);
  closeSync(file);
  return there.subarray(0, count).equals(wanted);
}

/** The log and the files that logrotate may have made of it, the oldest first. */
function siblingsOf(log: string): { path: string; stats: Stats }[] {
  const name = basename(log);
  const rotated = readdirSync(dirname(log))
    .filter((each) => /^[.-]\d[\d.-]*$/.test(each.startsWith(name) ? each.slice(name.length) : ''))
    .flatMap((each) => statsOf(join(dirname(log), each)))
    // Of two that the kernel's clock does not tell apart, fail2ban.log.2 is the older one.
    .sort((one, other) => one.stats.mtimeMs - other.stats.mtimeMs || (one.path < other.path ? 1 : -1));
  return [...rotated, ...statsOf(log)];
}

function statsOf(path: string): { path: string; stats: Stats }[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true ? [{ path, stats }] : [];
}
