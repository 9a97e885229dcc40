import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Instances } from '../../../src/words/hosts/instances.ts';

test('Instances takes restarts for what they are, and notices two that speak in turn', () => {
  const restarted = new Instances();
  for (const instance of ['a', 'a', 'b', 'b', 'c']) restarted.hear(instance, 100);
  assert.equal(restarted.areTwo(100, 60), false);
  const doubled = new Instances();
  for (const instance of ['a', 'b', 'a']) doubled.hear(instance, 100);
  assert.equal(doubled.areTwo(130, 60), true);
  assert.equal(doubled.areTwo(161, 60), false);
  doubled.hear('b', 170);
  assert.equal(doubled.areTwo(171, 60), true);
});
