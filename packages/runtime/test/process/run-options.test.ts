import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRunOptions } from '../../src/index.ts';

test('readRunOptions() reads a plain run, and leaves everything else to the commands', () => {
  assert.deepEqual(readRunOptions([]), { root: '', config: undefined });
  assert.deepEqual(readRunOptions(['run', '--root', '/x', '--config=c']), { root: '/x', config: 'c' });
  for (const words of [
    ['status'],
    ['run', 'twice'],
    ['--check'],
    ['--help'],
    ['--version'],
    ['--root'],
    ['-x'],
  ]) {
    assert.equal(readRunOptions(words), undefined, words.join(' '));
  }
});
