import { closeSync, existsSync, readSync } from 'node:fs';
import { openPlain } from './plain-file.ts';

/** How a file of SQLite begins, and where in its first page `user_version` stands. */
const MAGIC = 'SQLite format 3\0';
const VERSION_AT = 60;
const HEADER_BYTES = 100;
/** The journal beside it, the write-ahead log: a header, then pages, each behind a header of its own. */
const JOURNAL_MAGIC = 0x377f0682;
const [JOURNAL_HEADER_BYTES, FRAME_HEADER_BYTES] = [32, 24];

/**
 * The version that the tables of an SQLite file have as of its last commit, undefined where there is no file or nothing in it. It only reads, also
 * what a running program has locked, and what that has committed to the journal so far. @throws where it is no such file, or the system's error.
 */
export function tablesVersion(path: string): number | undefined {
  if (!existsSync(path)) return undefined;
  // The journal first: what a checkpoint takes out of it meanwhile is in the file by then.
  const inJournal = existsSync(`${path}-wal`) ? withFile(`${path}-wal`, versionInJournal) : undefined;
  const inFile = withFile(path, (read) => {
    const header = read(0, HEADER_BYTES);
    if (header === undefined) return read(0, 1) === undefined ? undefined : bad(path);
    return header.toString('latin1', 0, MAGIC.length) === MAGIC ? header.readUInt32BE(VERSION_AT) : bad(path);
  });
  return inJournal ?? inFile;
}

type Read = (at: number, bytes: number) => Buffer | undefined;

/** What the last commit with a first page in it says, undefined where none has one. */
function versionInJournal(read: Read): number | undefined {
  const header = read(0, JOURNAL_HEADER_BYTES);
  // Its last bit says in which order its sums are made.
  if (header === undefined || header.readUInt32BE(0) >>> 1 !== JOURNAL_MAGIC >>> 1) return undefined;
  const pageBytes = header.readUInt32BE(8);
  const salts = header.subarray(16, 24);
  let [committed, written]: (number | undefined)[] = [];
  for (let at = JOURNAL_HEADER_BYTES; ; at += FRAME_HEADER_BYTES + pageBytes) {
    const frame = read(at, FRAME_HEADER_BYTES);
    // What comes then is of an earlier round.
    if (frame?.subarray(8, 16).equals(salts) !== true) return committed;
    if (frame.readUInt32BE(0) === 1)
      written = read(at + FRAME_HEADER_BYTES + VERSION_AT, 4)?.readUInt32BE(0) ?? written;
    if (frame.readUInt32BE(4) !== 0) committed = written;
  }
}

function withFile<T>(path: string, work: (read: Read) => T): T {
  const file = openPlain(path);
  try {
    return work((at, bytes) => {
      const buffer = Buffer.alloc(bytes);
      return readSync(file, buffer, 0, bytes, at) === bytes ? buffer : undefined;
    });
  } finally {
    closeSync(file);
  }
}

function bad(path: string): never {
  throw new Error(`Cannot read ${path}: it is no database of SQLite`);
}
