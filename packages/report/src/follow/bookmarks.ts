import { createHash } from 'node:crypto';
import { readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { FieldReader, parseFields, type Fields } from '@banshare/protocol';
import { makePrivateDirectory, writePrivate } from '@banshare/runtime';

/**
 * How far a log's file was read: the file by its inode, the bytes of it that are done, how often it was begun anew, and the last
 * bytes of what was read, in hex, by which a truncated file and the copy of it are known.
 */
export type Bookmark = { inode: number; offset: number; turn: number; last: string };

/** The bookmarks in all files of a log that are still read, the one that grew last at the end; writtenAt is epoch seconds. */
export type Bookmarks = { files: readonly Bookmark[]; writtenAt: number };

const MOST_FILES = 100;

/** Remembers the bookmarks in a followed log, in the spool's folder, over restarts. */
export class BookmarkFile {
  readonly #directory: string;
  readonly #path: string;
  #isNew = false;

  constructor(directory: string, log: string) {
    this.#directory = directory;
    this.#path = join(directory, `.follow-${createHash('sha256').update(log).digest('hex').slice(0, 16)}`);
  }

  /** The bookmarks, or undefined before the first run. */
  read(): Bookmarks | undefined {
    let text: string;
    let writtenAt: number;
    try {
      text = readFileSync(this.#path, 'utf8');
      writtenAt = statSync(this.#path).mtimeMs / 1000;
    } catch {
      this.#isNew = true;
      return undefined;
    }
    const fields = parseFields(text);
    if (!fields.ok) return undefined;
    // A version before this one kept one bookmark only, without a list.
    const list = new FieldReader(fields.value).described('files', (own) => own.list('files', MOST_FILES));
    const files = (list ?? [fields.value]).flatMap((item) => readBookmark(item));
    return files.length === 0 ? undefined : { files, writtenAt };
  }

  /** Whether nothing was remembered before, and nothing since. */
  get isNew(): boolean {
    return this.#isNew;
  }

  /** Says that everything up to this time was read; epoch seconds. */
  touch(now: number): void {
    try {
      utimesSync(this.#path, now, now);
    } catch {
      // Nothing is remembered yet, or cannot be: then the lines' own times count.
    }
  }

  /** @throws the system's error. */
  write(files: readonly Bookmark[]): void {
    const current = files.at(-1);
    if (current === undefined) return;
    makePrivateDirectory(this.#directory);
    const { inode, offset } = current;
    this.#isNew = false;
    writePrivate(this.#path, `${JSON.stringify({ inode, offset, files })}\n`);
  }
}

function readBookmark(item: unknown): Bookmark[] {
  if (typeof item !== 'object' || item === null) return [];
  const read = new FieldReader(item as Fields);
  const most = Number.MAX_SAFE_INTEGER;
  const bookmark = {
    inode: read.integer('inode', 0, most),
    offset: read.integer('offset', 0, most),
    turn: read.described('turn', (own) => own.integer('turn', 0, most)) ?? 0,
    last: read.described('last', (own) => own.text('last', 128)) ?? '',
  };
  return read.fault === undefined ? [bookmark] : [];
}
