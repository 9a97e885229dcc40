import { test } from 'node:test';
import assert from 'node:assert/strict';
import { namesakeOf } from '../../src/fleet/namesake.ts';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';

test('who spoke since another asked for its name, or a moment ago, is alive', () => {
  using shelf = new LedgerOfTest();
  const [first, second] = [shelf.host('m1'), shelf.host('m1', 'pending', NOW + 100)];
  const isAlive = (now: number): boolean | undefined => namesakeOf(second, shelf.book, now)?.namesake.isAlive;
  assert.equal(isAlive(NOW + 100), false);
  shelf.book.hear(first, NOW + 80);
  assert.deepEqual([isAlive(NOW + 110), isAlive(NOW + 111)], [true, false]);
  first.heardAt = NOW + 101;
  assert.equal(isAlive(NOW + 9999), true);
});

test('a host that is shut out, or that has its own name, has no namesake', async () => {
  using shelf = new LedgerOfTest();
  const [first, second] = [shelf.host('m1'), shelf.host('m1', 'pending')];
  assert.equal(namesakeOf(first, shelf.book, NOW), undefined);
  await shelf.ledger.write(() => shelf.book.change(first, { state: 'revoked' }));
  assert.equal(namesakeOf(second, shelf.book, NOW), undefined);
});
