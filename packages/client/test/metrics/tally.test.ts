import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JailName } from '@banshare/protocol';
import type { BanRow } from '../../src/bans/ban-row.ts';
import type { Effect } from '../../src/bans/change.ts';
import { Tally } from '../../src/metrics/tally.ts';

const APPLIED: Effect = { outcome: 'applied', localJail: 'sshd' as JailName };

function row(at: number, other: Partial<BanRow> = {}): BanRow {
  return { status: 'pending', at, attempts: 0, keptBack: { code: '' }, ...other } as BanRow;
}

test('only a ban that was published since the server was first heard, and worked at once, is timed', () => {
  const tally = new Tally();
  tally.settled(row(100), APPLIED, () => 101);
  assert.equal(tally.appliedSeconds.count, 0);
  tally.heard(undefined);
  tally.heard(200);
  tally.heard(300);
  tally.settled(row(199), APPLIED, () => 201);
  tally.settled(row(200), APPLIED, () => 201.5);
  tally.settled(row(210, { attempts: 1 }), APPLIED, () => 400);
  tally.settled(row(210), { outcome: 'failed', reason: 'no', localJail: 'sshd' as JailName }, () => 211);
  assert.deepEqual([tally.appliedSeconds.count, tally.appliedSeconds.sum], [1, 1.5]);
  const counts = Object.fromEntries(tally.outcomes.map(({ outcome, count }) => [outcome, count]));
  assert.deepEqual([counts['applied'], counts['failed'], counts['skipped']], [4, 1, 0]);
});

test('lifts are counted apart, those that failed not at all', () => {
  const tally = new Tally();
  tally.settled(row(1, { status: 'lifting' }), APPLIED, () => 2);
  tally.settled(
    row(1, { status: 'lifting' }),
    { outcome: 'failed', reason: 'no', localJail: 'sshd' as JailName },
    () => 2,
  );
  assert.equal(tally.lifts, 1);
  assert.ok(tally.outcomes.every(({ count }) => count === 0));
});
