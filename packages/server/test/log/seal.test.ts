import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { LOG_START, LogFault, type Draft, type LogPosition } from '../../src/log/log.ts';
import { seal, unseal, type SealedEntry } from '../../src/log/seal.ts';

const SECRET = Buffer.alloc(32, 7);

/** A row of entries, each sealed after the one before. */
function row(...texts: readonly string[]): SealedEntry[] {
  const entries: SealedEntry[] = [];
  let after: LogPosition = LOG_START;
  for (const [index, text] of texts.entries()) {
    const draft: Draft = { schema: 13, kind: 'changeset', data: Buffer.from(text) };
    after = seal(SECRET, draft, after, Buffer.alloc(16, index));
    entries.push(after as SealedEntry);
  }
  return entries;
}

const [one, two, three] = row('one', 'two', 'three') as [SealedEntry, SealedEntry, SealedEntry];

/** The code and the number that whoever reads that entry after that one is told. */
function faultOf(entry: SealedEntry, after: LogPosition, secret = SECRET): unknown {
  try {
    unseal(secret, entry, after, 0);
  } catch (error) {
    assert.ok(error instanceof LogFault);
    return [error.code, error.n];
  }
  return undefined;
}

/** The same bytes but for one bit. */
function flipped(bytes: Buffer, at = 0): Buffer {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 1;
  return changed;
}

test('an entry that was sealed is what it was', () => {
  const read = unseal(SECRET, two, one, 12.5);
  assert.deepEqual(
    { ...read, data: Buffer.from(read.data).toString() },
    { n: 2, token: two.token, schema: 13, kind: 'changeset', at: 12.5, data: 'two' },
  );
});

test('whatever is changed of an entry, it does not verify, and its number is told', () => {
  const changes: Partial<SealedEntry>[] = [
    { n: 3 },
    { token: flipped(Buffer.from(two.token, 'hex')).toString('hex') },
    { token: '' },
    { token: one.token },
    { nonce: flipped(two.nonce) },
    { nonce: Buffer.alloc(0) },
    { schema: 14 },
    { kind: 1 },
    { kind: 77 },
    // What may not stand in a token, and in the database has.
    { kind: 256 },
    { kind: -1 },
    { schema: -1 },
    { n: -1 },
    ...Array.from(two.data, (_, at) => ({ data: flipped(two.data, at) })),
    { data: Buffer.alloc(0) },
    { data: Buffer.concat([two.data, Buffer.alloc(1)]) },
  ];
  for (const change of changes) {
    assert.deepEqual(faultOf({ ...two, ...change }, one), ['forged', 2], JSON.stringify(change));
  }
});

test('an entry where another belongs does not verify: repeated, swapped, left out, or of another log', () => {
  assert.deepEqual(faultOf(one, one), ['forged', 2]);
  assert.deepEqual(faultOf({ ...one, n: 2 }, one), ['forged', 2]);
  assert.deepEqual(faultOf(three, one), ['forged', 2]);
  assert.deepEqual(faultOf({ ...three, n: 2 }, one), ['forged', 2]);
  const [, other] = row('another', 'two');
  assert.deepEqual(faultOf(other!, one), ['forged', 2]);
  assert.deepEqual(faultOf(two, one, Buffer.alloc(32, 8)), ['forged', 2]);
});

test('the token is the MAC over number, token before, nonce, schema, kind and packed data', () => {
  const number = Buffer.from('0000000000000002', 'hex');
  const [before, nonce] = [Buffer.from(one.token, 'hex'), Buffer.alloc(16, 1)];
  const sealedAs = (kind: string): string =>
    createHmac('sha256', SECRET)
      .update(Buffer.concat([Buffer.from('banshare/log/1\0'), number, before, nonce]))
      .update(Buffer.concat([Buffer.from('0000000d', 'hex'), Buffer.from(kind, 'hex'), two.data]))
      .digest('hex');
  assert.equal(two.token, sealedAs('00'));
  // What only a newer program can have sealed is named as that.
  assert.deepEqual(faultOf({ ...two, kind: 77, token: sealedAs('4d') }, one), ['newer', 2]);
});
