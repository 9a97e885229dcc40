import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Receipt } from '@banshare/protocol';
import { receiptFindings } from '../../src/cli/receipt-findings.ts';

const WELL: Receipt = {
  wanted: 4812,
  placed: 4812,
  failed: 0,
  full: 0,
  unproven: 0,
  unfit: 0,
  wantedDigest: '0',
  placedDigest: '0',
  enforcer: 'nftables',
  comparedAgo: 12,
  comparesEvery: 300,
};

function wrong(receipt: Partial<Receipt>): string[] {
  return receiptFindings({ ...WELL, ...receipt }).flatMap(({ ok, says }) => (ok ? [] : [says]));
}

test('A host on which every ban is in place says so, and how long ago it looked', () => {
  assert.deepEqual(receiptFindings(WELL), [
    { ok: true, says: '4,812 of 4,812 bans are in place, compared 12 s ago.' },
  ]);
});

test('A host whose bans fail, that is full, or that cannot see what is in place says what is wrong', () => {
  assert.deepEqual(wrong({ placed: 4790, failed: 22, why: 'exit code 1' }), [
    '4,790 of 4,812 bans are in place, compared 12 s ago.',
    '22 bans failed, and are not in place: exit code 1. See banshare-client bans.',
  ]);
  assert.deepEqual(wrong({ placed: 4400, full: 412 }), [
    '4,400 of 4,812 bans are in place, compared 12 s ago.',
    'This host is full: 412 bans more than its max-active are not in place.',
  ]);
  assert.deepEqual(wrong({ placed: 0, pausedSince: 1 }), [
    '0 of 4,812 bans are in place, compared 12 s ago.',
  ]);
  assert.deepEqual(wrong({ blind: 'fail2ban does not run' }), [
    'What is really in place cannot be compared: fail2ban does not run',
  ]);
  assert.equal(wrong({ comparedAgo: 960 }).length, 0);
  assert.equal(wrong({ comparedAgo: 961 }).length, 1);
});

test('A host that only listens or has bans under way is not at fault, and one whose bans cannot be seen in the firewall is', () => {
  assert.deepEqual(wrong({ enforcer: 'none', wanted: 0, placed: 0 }), []);
  assert.deepEqual(wrong({ placed: 4800 }), []);
  assert.deepEqual(wrong({ placed: 4800, unproven: 2 }), [
    '4,800 of 4,812 bans are in place, compared 12 s ago.',
    '2 bans are unproven: carried out, and not to be seen in the firewall. See banshare-client bans.',
  ]);
});
