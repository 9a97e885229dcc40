import { test } from 'node:test';
import assert from 'node:assert/strict';
import { PageTurns } from '../../src/intake/sync-queue.ts';

test('pages are made one in each turn of the loop, oldest first, and a host has at most four waiting', async () => {
  const turns = new PageTurns();
  const made: string[] = [];
  const last = Promise.withResolvers<void>();
  const page = (name: string) => async (): Promise<void> => {
    made.push(name);
    if (name === 'b1') last.resolve();
  };
  const added = ['a1', 'a2', 'a3', 'a4', 'a5'].map((name) => turns.add(1, page(name)));
  assert.deepEqual(added, [true, true, true, true, false]);
  assert.equal(turns.add(2, page('b1')), true);
  assert.deepEqual(made, ['a1']);
  await last.promise;
  assert.deepEqual(made, ['a1', 'a2', 'a3', 'a4', 'b1']);
  assert.equal(turns.add(1, page('a6')), true);
});
