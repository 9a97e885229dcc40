import { statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { monotonicSeconds } from '@banshare/runtime';
import type { Bookmark } from './bookmarks.ts';
import { OpenLog, type LogLine } from './open-log.ts';
import { copyOf, filesSince, type LogFile } from './rotated-logs.ts';

/** Where no event comes, as on some network file systems, the log is looked at all the same. */
const LOOK_MS = 2000;
/** A file that was rotated away is read for so long after its last line, once another one has grown. */
const QUIET_SECONDS = 60;

type Followed = { log: OpenLog; grewAt: number };

/**
 * Reads a log as it grows. The log is one or several files: the path's own, and what it was renamed to. A rotated file is read
 * on until another has grown and it is quiet itself, since fail2ban goes on in it until it is told, and for ever where nobody
 * tells it. A file in which other bytes stand than were read was truncated: the rest of its copy is read, and the file
 * from its start.
 */
export class LogTail {
  /** The file that grew last is gone, or packed: what was written there since cannot be told. */
  readonly isBookmarkLost: boolean;
  readonly #path: string;
  readonly #followed: Followed[] = [];

  /** @param bookmarks where an earlier run ended; without them, reading begins at the log's end. */
  constructor(path: string, bookmarks: readonly Bookmark[] | undefined) {
    this.#path = path;
    if (bookmarks === undefined) {
      this.isBookmarkLost = false;
      this.#open({ path, from: 'end' });
      return;
    }
    const { files, isLost } = filesSince(path, bookmarks);
    this.isBookmarkLost = isLost;
    for (const file of files) this.#open(file);
  }

  /** Whether a file is there under the log's name. */
  get isThere(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false }) !== undefined;
  }

  /** Where the last whole line of each file ended, the one that grew last at the end. */
  get bookmarks(): Bookmark[] {
    return this.#followed.toSorted((one, other) => one.grewAt - other.grewAt).map(({ log }) => log.bookmark);
  }

  /** Whole lines that have come since; ask again until there are none. */
  lines(): LogLine[] {
    const now = monotonicSeconds();
    const there = statSync(this.#path, { throwIfNoEntry: false });
    if (there !== undefined && !this.#has(there.ino)) this.#openUnknown();
    const lines = this.#followed.flatMap((followed) => {
      const came = this.#readOn(followed.log);
      if (came.length > 0) followed.grewAt = now;
      return came;
    });
    if (lines.length === 0) this.#dropQuiet(there?.ino, now);
    return lines;
  }

  /** Calls back whenever there may be more; returns how to stop. */
  onChange(changed: () => void): () => void {
    const watcher = watch(dirname(this.#path), (_event, name) => {
      if (name === null || name.startsWith(basename(this.#path))) changed();
    });
    watcher.on('error', () => undefined);
    const timer = setInterval(changed, LOOK_MS);
    return () => {
      clearInterval(timer);
      watcher.close();
    };
  }

  close(): void {
    for (const { log } of this.#followed.splice(0)) log.close();
  }

  #has(inode: number): boolean {
    return this.#followed.some(({ log }) => log.inode === inode);
  }

  /** The log was rotated, perhaps more than once since the last look. */
  #openUnknown(): void {
    for (const file of filesSince(this.#path, this.bookmarks).files) {
      const stats = statSync(file.path, { throwIfNoEntry: false });
      if (stats !== undefined && !this.#has(stats.ino)) this.#open(file);
    }
  }

  #open({ path, from }: { path: string; from: LogFile['from'] | 'end' }): void {
    try {
      this.#followed.push({ log: new OpenLog(path, from), grewAt: 0 });
    } catch {
      // Not there yet, or gone meanwhile: the next look finds what is there.
    }
  }

  #readOn(log: OpenLog): LogLine[] {
    if (!log.isTruncated) return log.lines();
    const copy = copyOf(this.#path, log.bookmark);
    log.beginAnew();
    return [...(copy === undefined ? [] : linesOf(copy)), ...log.lines()];
  }

  /** Kept are the log itself, the file that grew last, and whatever has grown in the last minute. */
  #dropQuiet(current: number | undefined, now: number): void {
    const newest = Math.max(...this.#followed.map(({ grewAt }) => grewAt));
    const isDone = ({ log, grewAt }: Followed): boolean =>
      log.inode !== current && grewAt < newest && now - grewAt > QUIET_SECONDS;
    for (const followed of this.#followed.filter(isDone)) {
      followed.log.close();
      this.#followed.splice(this.#followed.indexOf(followed), 1);
    }
  }
}

function linesOf({ path, from }: LogFile): LogLine[] {
  const copy = new OpenLog(path, from);
  const lines: LogLine[] = [];
  for (let more = copy.lines(); more.length > 0; more = copy.lines()) lines.push(...more);
  copy.close();
  return lines;
}
