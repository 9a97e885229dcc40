import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Facts } from '../../src/operator/attention/facts.ts';
import { bansNothing } from '../../src/operator/attention/never-ban-attention.ts';

test('a never-ban list of every address is to do: a fleet that bans nothing is not well', () => {
  const told = (neverBansAll: string[]): ReturnType<typeof bansNothing> =>
    bansNothing({ neverBansAll } as Facts);
  assert.deepEqual(told([]), []);
  const [entry, ...others] = told(['0.0.0.0/0', '::/0']);
  assert.deepEqual([entry?.code, others], ['never-ban-all', []]);
  assert.match(entry?.text ?? '', /^No address in 0\.0\.0\.0\/0 and ::\/0 is banned, /);
});
