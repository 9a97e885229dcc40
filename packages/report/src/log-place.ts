import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FieldReader, parseFields } from '@banshare/protocol';
import { writePrivate } from '@banshare/runtime';

/** How far a log was read: the file by its inode, and the bytes of it that are done. */
export type LogPlace = { inode: number; offset: number };

/** Remembers the place in a followed log, in the spool's folder, over restarts. */
export class PlaceFile {
  readonly #directory: string;
  readonly #path: string;

  constructor(directory: string, log: string) {
    this.#directory = directory;
    this.#path = join(directory, `.follow-${createHash('sha256').update(log).digest('hex').slice(0, 16)}`);
  }

  /** The place, or undefined before the first run. */
  read(): LogPlace | undefined {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch {
      return undefined;
    }
    const fields = parseFields(text);
    if (!fields.ok) return undefined;
    const read = new FieldReader(fields.value);
    const place = {
      inode: read.integer('inode', 0, Number.MAX_SAFE_INTEGER),
      offset: read.integer('offset', 0, Number.MAX_SAFE_INTEGER),
    };
    return read.fault === undefined ? place : undefined;
  }

  /** @throws the system's error. */
  write(place: LogPlace): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    writePrivate(this.#path, `${JSON.stringify(place)}\n`);
  }
}
