import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Bookmark } from './bookmarks.ts';

/** A line of a log; key is where it stands, for lines that say the same without a time. */
export type LogLine = { text: string; key: string };

const CHUNK_BYTES = 65_536;
/** Longer lines are none of fail2ban's bans. */
const LONGEST_LINE = 4096;
const REMEMBERED_BYTES = 64;
/** So many lines at a time: a log that was not read for months is not held in memory. */
const MOST_LINES = 5000;

/** One file of a log, read from line to line as it grows; a line without an end waits for it. */
export class OpenLog {
  readonly inode: number;
  readonly #file: number;
  #offset: number;
  #turn: number;
  /** The bytes before the offset: where others stand there, the file was truncated and has grown again. */
  #last: Buffer;
  /** In the middle of a line that is too long. */
  #isSkipping = false;

  /** Opens a file where an earlier run ended, or at its start or end. @throws the system's error. */
  constructor(path: string, from: Bookmark | 'start' | 'end') {
    this.#file = openSync(path, 'r');
    const { ino, size } = fstatSync(this.#file);
    this.inode = ino;
    this.#offset = from === 'end' ? size : from === 'start' ? 0 : from.offset;
    this.#turn = typeof from === 'string' ? 0 : from.turn;
    this.#last =
      typeof from === 'string' || from.last === ''
        ? this.#before(Math.min(this.#offset, size))
        : Buffer.from(from.last, 'hex');
  }

  /** Where the last whole line ended. */
  get bookmark(): Bookmark {
    return { inode: this.inode, offset: this.#offset, turn: this.#turn, last: this.#last.toString('hex') };
  }

  /** Whether what was read stands there no more. */
  get isTruncated(): boolean {
    if (fstatSync(this.#file).size < this.#offset) return true;
    return !this.#before(this.#offset).subarray(-this.#last.length).equals(this.#last);
  }

  /** Reads from the start from now on. */
  beginAnew(): void {
    this.#offset = 0;
    this.#turn += 1;
    this.#last = Buffer.alloc(0);
    this.#isSkipping = false;
  }

  /** The next whole lines, some thousands at most. */
  lines(): LogLine[] {
    const lines: LogLine[] = [];
    const start = this.#offset;
    let rest = Buffer.alloc(0);
    const chunk = Buffer.alloc(CHUNK_BYTES);
    while (lines.length < MOST_LINES) {
      const count = readSync(this.#file, chunk, 0, CHUNK_BYTES, this.#offset + rest.length);
      if (count === 0) break;
      rest = this.#takeLines(Buffer.concat([rest, chunk.subarray(0, count)]), lines);
    }
    if (this.#offset !== start) this.#last = this.#before(this.#offset);
    return lines;
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Takes the whole lines off the front and returns what is left. */
  #takeLines(bytes: Buffer<ArrayBuffer>, into: LogLine[]): Buffer<ArrayBuffer> {
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      const key = `${this.inode}:${this.#turn}:${this.#offset}`;
      if (!this.#isSkipping && end - from <= LONGEST_LINE)
        into.push({ text: bytes.subarray(from, end).toString('utf8'), key });
      this.#isSkipping = false;
      this.#offset += end + 1 - from;
      from = end + 1;
    }
    const rest = bytes.subarray(from);
    if (rest.length <= LONGEST_LINE) return rest;
    this.#isSkipping = true;
    this.#offset += rest.length;
    return Buffer.alloc(0);
  }

  #before(offset: number): Buffer {
    const bytes = Buffer.alloc(Math.min(REMEMBERED_BYTES, offset));
    return bytes.subarray(0, readSync(this.#file, bytes, 0, bytes.length, offset - bytes.length));
  }
}
