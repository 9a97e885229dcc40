import { test } from 'node:test';
import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { descriptorLimit, descriptorsLeft } from '../../src/index.ts';

test('a process has few descriptors left when it holds four fifths of them, and enough again when it does not', () => {
  assert.ok(descriptorLimit() > 100);
  assert.equal(descriptorsLeft(500), 'enough');
  const held = Array.from({ length: 440 }, () => openSync('/dev/null', 'r'));
  assert.deepEqual([descriptorsLeft(500), descriptorsLeft(440)], ['few', 'out']);
  for (const each of held) closeSync(each);
  assert.equal(descriptorsLeft(500), 'enough');
});
