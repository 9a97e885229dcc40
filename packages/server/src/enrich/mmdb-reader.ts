import { readFile } from 'node:fs/promises';

/** Looks an address up in one file. */
export type Reader = { get: (ip: string) => unknown };

/** What mmdb-lib's decoder calls for each value, and for each that has a size. */
type Decoding = {
  decode: (this: Decoding, offset: number) => unknown;
  decodeByType: (this: Decoding, type: number, offset: number, size: number) => unknown;
};

/**
 * So many values and bytes are read of one record, room for the values of a list included; that of a city with its names in every
 * language has 2,300. A pointer of two bytes may lead to more pointers, so that 400 bytes say 2^30 values, and five can say a list
 * of millions: who reads that to its end does nothing else meanwhile.
 */
const LONGEST_RECORD = 8192;

/** What is left of that for the record that is being read: reading does not wait, so there is never more than one. */
let left = 0;
let library: ReturnType<typeof loadLibrary> | undefined;

/** Gives what looks into the file. @throws where it is no such file; its `get` does where it is damaged there. */
export async function readMmdb(path: string): Promise<Reader> {
  library ??= loadLibrary();
  const { Reader: MmdbReader } = await library;
  const file = await readFile(path);
  const reader = readBounded(() => new MmdbReader(file));
  return { get: (ip) => readBounded(() => reader.get(ip)) };
}

/** Who names no file does not wait for it. */
async function loadLibrary(): Promise<typeof import('mmdb-lib')> {
  // Of a CommonJS package a bundle knows the default export alone.
  const { default: mmdb } = await import('mmdb-lib');
  const { default: decoder } = await import('mmdb-lib/lib/decoder.js');
  // A reader makes its decoders itself, and the one for a file's head before anybody could give it another.
  boundDecoding(decoder.default.prototype as unknown as Decoding);
  return mmdb;
}

function boundDecoding(decoding: Decoding): void {
  const { decode, decodeByType } = decoding;
  decoding.decode = function (offset) {
    spend(1);
    return decode.call(this, offset);
  };
  decoding.decodeByType = function (type, offset, size) {
    spend(size);
    return decodeByType.call(this, type, offset, size);
  };
}

function readBounded<Found>(read: () => Found): Found {
  left = LONGEST_RECORD;
  return read();
}

function spend(amount: number): void {
  left -= amount;
  // A size beyond the end of the file is no number, and neither is then what is left.
  if (!(left >= 0)) throw new Error(`its head or a record has more than ${LONGEST_RECORD} values and bytes`);
}
