import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { LogFault, type SnapshotHead } from './log.ts';
import type { Line } from './line.ts';
import { isNumber } from './seal.ts';
import {
  FORGET_PARTS,
  FORGET_SNAPSHOTS,
  NEWEST_SNAPSHOTS,
  PRUNE,
  PUT_PART,
  PUT_SNAPSHOT,
  READ_PART,
  TURN,
} from './statements.ts';

/*
 * A snapshot is a copy of the ledger's file as of one entry. It lies in the database in parts that one statement brings within the time
 * that a database may be silent; its head comes last, so that what is there is whole. Each part and the head have a MAC of their own.
 */

const PART_BYTES = 1024 * 1024;
const ID_BYTES = 16;
/** A part of random bytes grows by its frame. */
const MOST_PART_BYTES = 2 * PART_BYTES;
/** So many entries are removed at once. */
const PRUNED_AT_ONCE = 2000;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/**
 * Puts a file there as the copy of an entry that the log has, unless another server does the same just now; then removes what only older
 * snapshots needed: the last two stay, and all entries after the older of them. @throws LogFault `forked` where the log has no such entry
 */
export async function putSnapshot(
  line: Line,
  secret: Buffer,
  head: SnapshotHead,
  path: string,
): Promise<boolean> {
  const [turn] = await line.ask(TURN);
  if (turn?.['mine'] !== true) return false;
  const laid = await layParts(line, secret, path);
  if (!(await putHead(line, secret, head, laid))) {
    throw new LogFault(
      'forked',
      `The log has another entry ${head.n} than this server, which cannot put a snapshot there`,
      { n: head.n },
    );
  }
  await prune(line);
  return true;
}

/** The parts of a snapshot whose head is not there yet. */
export type LaidParts = { readonly id: Buffer; readonly parts: number };

/** Brings the parts of a file there; without their head they go by themselves after an hour. @throws what the database or the file fails with */
export async function layParts(line: Line, secret: Buffer, path: string): Promise<LaidParts> {
  const id = randomBytes(ID_BYTES);
  return { id, parts: await withFile(path, 'r', (file) => putParts(line, secret, id, file)) };
}

/** Makes parts a snapshot; returns false where the log has not the entry that it stands for. */
export async function putHead(
  line: Line,
  secret: Buffer,
  head: SnapshotHead,
  { id, parts }: LaidParts,
): Promise<boolean> {
  const mac = headMac(secret, id, head, parts);
  const values = [id, head.n, Buffer.from(head.token, 'hex'), head.schema, parts, mac];
  const [put] = await line.ask(PUT_SNAPSHOT, values);
  return put !== undefined;
}

/** The newest snapshot, laid at a path where nothing is; undefined where there is none. @throws LogFault `forged`, or `away` where it was just removed */
export async function getSnapshot(
  line: Line,
  secret: Buffer,
  path: string,
): Promise<SnapshotHead | undefined> {
  const [row] = await line.ask(NEWEST_SNAPSHOTS);
  if (row === undefined) return undefined;
  const { id } = row as { id: Buffer };
  const head = { n: Number(row['n']), token: String(row['token']), schema: Number(row['schema']) };
  const parts = Number(row['parts']);
  const areNumbers = isNumber(head.n, 6) && isNumber(head.schema, 4) && isNumber(parts, 4);
  if (!areNumbers || !isMac(row['mac'], headMac(secret, id, head, parts))) throw forged(head.n);
  try {
    await withFile(path, 'wx', (file) => getParts(line, secret, { id, parts, n: head.n }, file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(path, { force: true });
    throw error;
  }
  return head;
}

async function getParts(
  line: Line,
  secret: Buffer,
  { id, parts, n }: { id: Buffer; parts: number; n: number },
  file: FileHandle,
): Promise<void> {
  for (let part = 0; part < parts; part += 1) {
    const [found] = await line.ask(READ_PART, [id, part]);
    if (found === undefined)
      throw new LogFault('away', `The snapshot of entry ${n} is just being removed for a newer one`, { n });
    const data = found['data'] as Buffer;
    if (!isMac(found['mac'], partMac(secret, id, part, data))) throw forged(n);
    await file.appendFile(await decompress(data, { maxOutputLength: MOST_PART_BYTES }));
  }
  await file.sync();
}

async function putParts(line: Line, secret: Buffer, id: Buffer, file: FileHandle): Promise<number> {
  for (let part = 0; ; part += 1) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(PART_BYTES), 0, PART_BYTES, part * PART_BYTES);
    if (bytesRead === 0) return part;
    const data = await compress(buffer.subarray(0, bytesRead));
    await line.ask(PUT_PART, [id, part, data, partMac(secret, id, part, data)]);
  }
}

/** Entries that no snapshot which is kept needs, and what a server that died has left of its own. */
async function prune(line: Line): Promise<void> {
  const [, before] = await line.ask(NEWEST_SNAPSHOTS);
  if (before !== undefined) {
    await line.ask(FORGET_SNAPSHOTS, [before['n']]);
    await pruneBefore(line, Number(before['n']));
  }
  await line.ask(FORGET_PARTS);
}

/** Removes the entries before a number, some at once. */
export async function pruneBefore(line: Line, n: number): Promise<void> {
  for (let removed = PRUNED_AT_ONCE; removed === PRUNED_AT_ONCE;) {
    const [done] = await line.ask(PRUNE, [n, PRUNED_AT_ONCE]);
    removed = Number(done?.['removed']);
  }
}

function headMac(secret: Buffer, id: Buffer, { n, token, schema }: SnapshotHead, parts: number): Buffer {
  const numbers = Buffer.alloc(16);
  numbers.writeBigUInt64BE(BigInt(n), 0);
  numbers.writeUInt32BE(schema, 8);
  numbers.writeUInt32BE(parts, 12);
  const hmac = createHmac('sha256', secret).update('banshare/snapshot/1\0').update(fixed(id, ID_BYTES));
  return hmac
    .update(fixed(Buffer.from(token, 'hex'), 32))
    .update(numbers)
    .digest();
}

function partMac(secret: Buffer, id: Buffer, part: number, data: Buffer): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(part, 0);
  const hmac = createHmac('sha256', secret).update('banshare/part/1\0').update(fixed(id, ID_BYTES));
  return hmac.update(number).update(data).digest();
}

/** What comes from the database may have any length: two of them must not share their bytes out anew. */
function fixed(bytes: Buffer, length: number): Buffer {
  const padded = Buffer.alloc(length);
  bytes.copy(padded);
  return padded;
}

function isMac(found: unknown, expected: Buffer): boolean {
  return Buffer.isBuffer(found) && found.length === expected.length && timingSafeEqual(found, expected);
}

function forged(n: number): LogFault {
  return new LogFault(
    'forged',
    `Cannot take the snapshot of entry ${n}: it was not made by a server of this fleet with this secret, or was changed since; find out who can write the database`,
    { n },
  );
}

async function withFile<T>(path: string, flags: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags, 0o600);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
