import { readdirSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { LogPlace } from './log-place.ts';

/**
 * What a log was renamed to since it was read up to a place: the file of the place first, then the younger ones, the log itself
 * not among them. isLost: that file is not there any more, or packed.
 */
export function rotatedSince(log: string, place: LogPlace | undefined): { paths: string[]; isLost: boolean } {
  const there = statSync(log, { throwIfNoEntry: false });
  if (place === undefined || there?.ino === place.inode) return { paths: [], isLost: false };
  const rotated = siblingsOf(log);
  const read = rotated.find(({ stats }) => stats.ino === place.inode && stats.size >= place.offset);
  if (read === undefined) return { paths: [], isLost: true };
  const since = rotated.filter(({ stats }) => stats !== read.stats && stats.mtimeMs >= read.stats.mtimeMs);
  return { paths: [read, ...since].map(({ path }) => path), isLost: false };
}

/** Files that logrotate may have made of a log, the oldest first. */
function siblingsOf(log: string): { path: string; stats: Stats }[] {
  const name = basename(log);
  return readdirSync(dirname(log))
    .filter((each) => /^[.-]\d[\d.-]*$/.test(each.startsWith(name) ? each.slice(name.length) : ''))
    .flatMap((each) => {
      const path = join(dirname(log), each);
      const stats = statSync(path, { throwIfNoEntry: false });
      return stats?.isFile() === true ? [{ path, stats }] : [];
    })
    .sort((one, other) => one.stats.mtimeMs - other.stats.mtimeMs);
}
