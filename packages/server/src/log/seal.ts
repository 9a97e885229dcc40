import { bad, good, type Result } from '@banshare/protocol';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { LogFault, type Draft, type Entry, type EntryKind, type LogPosition } from './log.ts';

/*
 * Whoever can write the database must not own every firewall, so he does not have the ledger's secret. What he can do is keep entries back,
 * remove them and read them; what he forges, changes, reorders or repeats does not verify, since each token is a MAC over the one before.
 */

/** An entry as it lies in the database: its data packed, its token the MAC. */
export type SealedEntry = {
  readonly n: number;
  /** 32 bytes in hex, as in a position. */
  readonly token: string;
  /** Makes two entries of the same content two. */
  readonly nonce: Buffer;
  readonly schema: number;
  /** The index of its kind in KINDS; a newer program may know more. */
  readonly kind: number;
  readonly data: Buffer;
};

export const NONCE_BYTES = 16;
const TOKEN_BYTES = 32;
const SECRET_BYTES = 32;
/** What a packed entry may become: more than any batch, and less than what would fill the memory. */
const MOST_BYTES = 256 * 1024 * 1024;

/** Their indices are the numbers in the database: a new one comes last. */
const KINDS: readonly EntryKind[] = ['changeset', 'patchset', 'schema'];

/** The ledger's secret as its file holds it; the fault ends a sentence about that file. */
export function parseSecret(text: string): Result<Buffer> {
  const hex = text.trim();
  return new RegExp(`^[0-9a-f]{${2 * SECRET_BYTES}}$`).test(hex)
    ? good(Buffer.from(hex, 'hex'))
    : bad(`is none: it must be ${2 * SECRET_BYTES} hex digits`);
}

/** Packs a draft and seals it as the entry after a position. */
export function seal(secret: Buffer, draft: Draft, after: LogPosition, nonce: Buffer): SealedEntry {
  const entry = {
    n: after.n + 1,
    nonce,
    schema: draft.schema,
    kind: KINDS.indexOf(draft.kind),
    data: zstdCompressSync(draft.data),
  };
  return { ...entry, token: tokenOf(secret, entry, after.token) };
}

/** Proves that an entry is the one after a position, and unpacks it. @throws LogFault `forged` or `newer` with its number. */
export function unseal(secret: Buffer, entry: SealedEntry, after: LogPosition, at: number): Entry {
  const { n, token, schema } = entry;
  if (n !== after.n + 1 || !isProven(secret, entry, after)) {
    throw new LogFault(
      'forged',
      `Cannot take entry ${after.n + 1} of the log: it was not made by a server of this fleet with this secret, or was changed or moved since; find out who can write the database, and repair the log from a replica`,
      { n: after.n + 1 },
    );
  }
  const kind = KINDS[entry.kind];
  if (kind === undefined) {
    throw new LogFault(
      'newer',
      `Cannot take entry ${n} of the log: a newer banshare-server made it; install the banshare-server of the other servers here too`,
      { n },
    );
  }
  return {
    n,
    token,
    schema,
    kind,
    at,
    data: zstdDecompressSync(entry.data, { maxOutputLength: MOST_BYTES }),
  };
}

function isProven(secret: Buffer, entry: SealedEntry, after: LogPosition): boolean {
  const found = Buffer.from(entry.token, 'hex');
  // The database has room for numbers that a token has none for.
  if (found.length !== TOKEN_BYTES || !isNumber(entry.schema, 4) || !isNumber(entry.kind, 1)) return false;
  return timingSafeEqual(Buffer.from(tokenOf(secret, entry, after.token), 'hex'), found);
}

/** Whether it is a whole number from 0 on that so many bytes hold. */
export function isNumber(value: number, bytes: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 256 ** bytes;
}

/** All before the data has a fixed length, so that no two entries have the same bytes. */
function tokenOf(
  secret: Buffer,
  { n, nonce, schema, kind, data }: Omit<SealedEntry, 'token'>,
  previous: string,
): string {
  const head = Buffer.alloc(8 + TOKEN_BYTES + NONCE_BYTES + 4 + 1);
  head.writeBigUInt64BE(BigInt(n), 0);
  Buffer.from(previous, 'hex').copy(head, 8);
  nonce.copy(head, 8 + TOKEN_BYTES, 0, NONCE_BYTES);
  head.writeUInt32BE(schema, 8 + TOKEN_BYTES + NONCE_BYTES);
  head.writeUInt8(kind, head.length - 1);
  return createHmac('sha256', secret).update('banshare/log/1\0').update(head).update(data).digest('hex');
}
