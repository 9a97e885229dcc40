import { stat } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { Whereabouts } from '../words/whereabouts.ts';
import { readMmdb, type Reader } from './mmdb-reader.ts';
import { readRecord } from './read-record.ts';

/** Says of an address or range where it is, as far as the files know. */
export type LookUp = (ip: string) => Whereabouts;

/** Where faults go: each is said once, and hourly while it is there. */
type Faults = {
  fault: (what: string, text: string, fields: Record<string, unknown>) => void;
  over: (what: string) => void;
};

/** A file, and what was read of it: `version` says which, so that one that is replaced is read anew. */
type Kept = { path: string; version: string; reader: Reader | undefined; fault: string | undefined };

/** Rows that are looked up in one go, some milliseconds: reports wait meanwhile. */
const AT_ONCE = 500;
const NOWHERE: Whereabouts = {};

/**
 * Countries and networks of addresses, by the administrator's own files in MaxMind's format. They describe and decide nothing: a
 * file that cannot be read is said, the one before goes on where there was one, and a lookup that fails finds nothing.
 */
export class Enrichment {
  readonly #files: readonly Kept[];
  readonly #faults: Faults;
  #looking: Promise<void> | undefined;
  #lookUp: LookUp = () => NOWHERE;

  constructor(paths: readonly string[], faults: Faults) {
    this.#files = paths.map((path) => ({ path, version: '', reader: undefined, fault: undefined }));
    this.#faults = faults;
  }

  /** Whether there is any file to look into. */
  get isOn(): boolean {
    return this.#files.length > 0;
  }

  /** What is wrong with the files, a sentence each. */
  get faults(): string[] {
    return this.#files.flatMap(({ fault }) => fault ?? []);
  }

  /** Reads what is new of the files, and gives what looks addresses up in them: the same as long as they are the same. */
  async open(): Promise<LookUp> {
    this.#looking ??= this.#readNew().finally(() => (this.#looking = undefined));
    await this.#looking;
    return this.#lookUp;
  }

  /** The same rows with what is known of their addresses, in parts. */
  async tell<Row extends { ip: string | null }>(rows: readonly Row[]): Promise<(Row & Whereabouts)[]> {
    if (!this.isOn) return [...rows];
    const lookUp = await this.open();
    const told: (Row & Whereabouts)[] = [];
    for (const [index, row] of rows.entries()) {
      if (index > 0 && index % AT_ONCE === 0) await setImmediate();
      told.push(row.ip === null ? row : { ...row, ...lookUp(row.ip) });
    }
    return told;
  }

  async #readNew(): Promise<void> {
    for (const file of this.#files) {
      try {
        const { ino, size, mtimeMs } = await stat(file.path);
        const version = `${ino} ${size} ${mtimeMs}`;
        if (version === file.version) continue;
        file.version = version;
        file.reader = await readerOf(file.path);
        const readers = this.#files.flatMap(({ reader }) => reader ?? []);
        this.#lookUp = (ip) => whereIs(readers, ip);
        this.#settle(file, undefined);
      } catch (error) {
        this.#settle(file, (error as Error).message);
      }
    }
  }

  #settle(file: Kept, why: string | undefined): void {
    const what = `mmdb ${file.path}`;
    if (why === undefined) this.#faults.over(what);
    else this.#faults.fault(what, 'Cannot read countries and networks', { file: file.path, why });
    const goesOn = file.reader === undefined ? 'addresses are listed without' : 'the file of before counts';
    file.fault =
      why === undefined
        ? undefined
        : `Cannot read countries and networks of ${file.path} ([enrich] mmdb): ${why}; ${goesOn}`;
  }
}

/** @throws where it is no such file. */
async function readerOf(path: string): Promise<Reader> {
  const reader = await readMmdb(path);
  // A damaged file may have a head that looks well.
  reader.get('192.0.2.1');
  return reader;
}

function whereIs(readers: readonly Reader[], ip: string): Whereabouts {
  const [address = ''] = ip.split('/');
  const found: Whereabouts = {};
  for (const reader of readers) {
    try {
      const { country, network } = readRecord(reader.get(address));
      if (country !== undefined) found.country ??= country;
      if (network !== undefined) found.network ??= network;
    } catch {
      // A damaged part of the file, which may have others: of this address nothing is known.
    }
  }
  return found;
}
