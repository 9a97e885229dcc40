import { createHash } from 'node:crypto';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { digestText, type Receipt } from '../../src/index.ts';
import { parseReceipt } from '../../src/from-hosts/receipt.ts';

const RECEIPT: Receipt = {
  wanted: 3,
  placed: 2,
  failed: 1,
  full: 0,
  unproven: 0,
  unfit: 0,
  wantedDigest: '9e8186ef923df204',
  placedDigest: '14ee851581e178fd',
  enforcer: 'nftables',
};

test('the digest of bans is the XOR of what each of them hashes to, in any order', () => {
  const bans = [
    { prog: 'fail2ban', jail: 'sshd', ip: '203.0.113.9' },
    { prog: 'operator', jail: 'banshare', ip: '203.0.113.10' },
    { prog: 'fail2ban', jail: 'sshd', ip: '2001:db8::9' },
  ];
  const digest = (of: typeof bans): string => {
    const sum = of.reduce(
      (all, ban) => all ^ createHash('sha256').update(digestText(ban)).digest().readBigUInt64BE(),
      0n,
    );
    return sum.toString(16).padStart(16, '0');
  };
  assert.equal(digest(bans), RECEIPT.wantedDigest);
  assert.equal(digest(bans.slice(0, 2).toReversed()), RECEIPT.placedDigest);
});

test('parseReceipt() reads what may be there, and nothing of a reason that breaks a line', () => {
  assert.deepEqual(parseReceipt(RECEIPT), RECEIPT);
  const more = { pausedSince: 1, comparedAgo: 2.5, comparesEvery: 300 };
  assert.deepEqual(parseReceipt({ ...RECEIPT, ...more, later: 1, why: 'no\njail' }), {
    ...RECEIPT,
    ...more,
    why: String.raw`no\u000ajail`,
  });
});

for (const [name, value] of Object.entries({
  placed: -1,
  failed: 1.5,
  full: '3',
  wantedDigest: 'x',
  why: 7,
})) {
  test(`parseReceipt() gives none where ${name} is ${JSON.stringify(value)}`, () => {
    assert.equal(parseReceipt({ ...RECEIPT, [name]: value }), undefined);
  });
}

test('parseReceipt() never throws, and bounds what is shown', () => {
  fc.assert(fc.property(fc.anything(), (value) => void parseReceipt(value)));
  const long = parseReceipt({ ...RECEIPT, why: 'x'.repeat(4000) });
  assert.equal(long?.why?.length, 200);
});
