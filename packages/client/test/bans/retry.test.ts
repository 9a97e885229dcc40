import assert from 'node:assert/strict';
import { test } from 'node:test';
import { again, againUntilDone } from '../../src/bans/retry.ts';
import { NOW, rowOf } from '../make.ts';

test('again() waits twice as long each time, at most ten minutes', () => {
  let row = rowOf();
  const pauses: number[] = [];
  for (let tries = 0; tries < 10; tries += 1) {
    row = again(row, 'exit 1', NOW);
    pauses.push((row.retryAt ?? 0) - NOW);
  }
  assert.deepEqual(pauses, [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]);
  assert.deepEqual([row.attempts, row.reason], [10, 'exit 1']);
});

test('again() gives up after about a day', () => {
  let row = rowOf();
  let seconds = 0;
  while (row.attempts === 0 || row.retryAt !== null) {
    row = again(row, 'exit 1', NOW);
    seconds += (row.retryAt ?? NOW) - NOW;
  }
  assert.ok(seconds > 80_000 && seconds < 100_000, `${seconds} s`);
});

test('againUntilDone() never gives up: after a day it tries four times a day', () => {
  const tired = { ...rowOf(), attempts: 5000 };
  const { retryAt, reason } = againUntilDone(tired, 'exit 1', NOW);
  assert.deepEqual([retryAt, reason], [NOW + 6 * 3600, 'exit 1']);
});
