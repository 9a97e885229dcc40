import { closeSync, fstatSync, openSync, readSync, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { LogPlace } from './log-place.ts';
import { rotatedSince } from './rotated-logs.ts';

const CHUNK_BYTES = 65_536;
/** Longer lines are none of fail2ban's bans. */
const LONGEST_LINE = 4096;
const REMEMBERED_BYTES = 64;
/** Where no event comes, as on some network file systems, the log is looked at all the same. */
const LOOK_MS = 2000;

/**
 * Reads a log as it grows. States: no file yet; reading one, by its inode; and, once the path leads to another file, the old
 * one is read to its end before the new one is begun. A file that is shorter than what was read of it was truncated, and is
 * read from its start. What the log was renamed to while nobody read is read first.
 */
export class LogTail {
  /** The file of the place is gone, or packed: what was written there since cannot be told. */
  readonly isPlaceLost: boolean;
  readonly #path: string;
  #file: number | undefined;
  #place: LogPlace | undefined;
  /** Older files that were not read to their end, the oldest first. */
  readonly #older: string[];
  #rest = Buffer.alloc(0);
  /** The last bytes that were read: where others stand in their place, the file was truncated and has grown again. */
  #last = Buffer.alloc(0);

  /** @param place where an earlier run ended; without one, reading begins at the log's end. */
  constructor(path: string, place: LogPlace | undefined) {
    this.#path = path;
    this.#place = place;
    const { paths, isLost } = rotatedSince(path, place);
    this.#older = paths;
    this.isPlaceLost = isLost;
    this.#open(this.#older.shift() ?? path, place === undefined);
  }

  /** Where the last whole line ended. */
  get place(): LogPlace | undefined {
    return this.#place === undefined
      ? undefined
      : { ...this.#place, offset: this.#place.offset - this.#rest.length };
  }

  /** The whole lines that have come since the last call. */
  lines(): string[] {
    const lines = this.#readOn();
    for (const path of this.#older.splice(0)) {
      this.#open(path, false);
      lines.push(...this.#readOn());
    }
    if (this.#isReplaced()) {
      lines.push(...this.#readOn());
      this.#open(this.#path, false);
      lines.push(...this.#readOn());
    }
    return lines;
  }

  /** Calls back whenever there may be more; returns how to stop. */
  onChange(changed: () => void): () => void {
    const watcher = watch(dirname(this.#path), (_event, name) => {
      if (name === null || name === basename(this.#path)) changed();
    });
    watcher.on('error', () => undefined);
    const timer = setInterval(changed, LOOK_MS);
    return () => {
      clearInterval(timer);
      watcher.close();
    };
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #open(path: string, atEnd: boolean): void {
    this.close();
    this.#rest = Buffer.alloc(0);
    this.#last = Buffer.alloc(0);
    try {
      this.#file = openSync(path, 'r');
    } catch {
      return; // Not there yet: the next look finds it, and reads it from its start.
    }
    const { ino, size } = fstatSync(this.#file);
    const known = this.#place?.inode === ino && this.#place.offset <= size ? this.#place.offset : 0;
    this.#place = { inode: ino, offset: atEnd ? size : known };
  }

  #isReplaced(): boolean {
    const there = statSync(this.#path, { throwIfNoEntry: false });
    return there !== undefined && there.ino !== (this.#file === undefined ? undefined : this.#place?.inode);
  }

  #isTruncated(file: number, offset: number): boolean {
    if (fstatSync(file).size < offset) return true;
    const there = Buffer.alloc(this.#last.length);
    const count = readSync(file, there, 0, there.length, offset - there.length);
    return !there.subarray(0, count).equals(this.#last);
  }

  #readOn(): string[] {
    if (this.#file === undefined || this.#place === undefined) return [];
    if (this.#isTruncated(this.#file, this.#place.offset)) {
      this.#place.offset = 0;
      this.#rest = Buffer.alloc(0);
      this.#last = Buffer.alloc(0);
    }
    const lines: string[] = [];
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const count = readSync(this.#file, chunk, 0, CHUNK_BYTES, this.#place.offset);
      if (count === 0) return lines;
      this.#place.offset += count;
      this.#last = Buffer.concat([this.#last, chunk.subarray(0, count)]).subarray(-REMEMBERED_BYTES);
      this.#rest = Buffer.concat([this.#rest, chunk.subarray(0, count)]);
      for (let end = this.#rest.indexOf(10); end >= 0; end = this.#rest.indexOf(10)) {
        if (end <= LONGEST_LINE) lines.push(this.#rest.subarray(0, end).toString('utf8'));
        this.#rest = this.#rest.subarray(end + 1);
      }
      // Of a line without an end only its being too long is kept.
      if (this.#rest.length > 2 * CHUNK_BYTES) this.#rest = this.#rest.subarray(0, LONGEST_LINE + 1);
    }
  }
}
