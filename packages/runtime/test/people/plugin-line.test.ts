import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pluginLine } from '../../src/people/plugin-line.ts';

test('a plugin says its state, sentences in one line without a bar, and figures with their units', () => {
  const figures = [
    { name: 'hosts', value: 3 },
    { name: 'lag', value: 1.23456, unit: 's' },
    { name: 'unknown', value: null },
  ] as const;
  assert.equal(
    pluginLine('banshare', 'warning', ['a | b', 'two\nlines'], figures),
    'BANSHARE WARNING - a / b; two?lines | hosts=3 lag=1.235s'.replace('?', oneLineBreak()),
  );
  assert.equal(pluginLine('banshare', 'ok', ['well'], []), 'BANSHARE OK - well');
});

test('a plugin whose sentences are long keeps room for its figures', () => {
  const line = pluginLine('banshare', 'critical', ['x'.repeat(5000)], [{ name: 'n', value: 1 }]);
  assert.ok(line.length < 800 && line.endsWith('… | n=1'), line);
});

/** What becomes of a line break in one line. */
function oneLineBreak(): string {
  return pluginLine('x', 'ok', ['\n'], []).slice('X OK - '.length);
}
