import assert from 'node:assert/strict';
import { test } from 'node:test';
import { someOf } from '../../src/index.ts';

test('someOf() names all of a few, and of many the first and how many more there are', () => {
  assert.equal(someOf([]), '');
  assert.equal(someOf(['a', 'b']), 'a, b');
  assert.equal(someOf(['a', 'b', 'c'], 2), 'a, b and 1 more');
  assert.equal(
    someOf(Array.from({ length: 12 }, (_, n) => String(n))),
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more',
  );
});
