import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

// A test waits for events. What has to wait for the clock all the same says so, with its seconds, in a table of test/README.md.
const ROOT = resolve(import.meta.dirname, '..');

/** Timers that wait, and sleeps of shell commands: a sleep of a minute or more stands for a program that never ends. */
const WAITS = [
  /\bsetTimeout\(/,
  /\bsetTimeout\b.*from 'node:timers\/promises'/,
  /\bscheduler\.wait\(/,
  /\bAtomics\.wait/,
  /\bsleep (?:[0-5]?\d|\d\.\d+)(?![\d.])/,
];

const waiting = globSync(['test/**/*.ts', 'scripts/test/**/*.ts', 'packages/*/test/**/*.ts'], { cwd: ROOT })
  .filter((file) => join(ROOT, file) !== import.meta.filename)
  .filter((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
    return WAITS.some((pattern) => pattern.test(text));
  });

const rows = readFileSync(join(ROOT, 'test/README.md'), 'utf8')
  .split('\n## Tests that wait for the clock\n')[1]!
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.slice(2, -2).split(' | '));
const known = rows.flatMap(([files = '']) => [...files.matchAll(/`([^`]+)`/g)].map(([, file]) => file));

test('every test that waits by a timer or a sleep is in the table of test/README.md', () => {
  assert.deepEqual(
    waiting.filter((file) => !known.includes(file)),
    [],
    'let it wait for an event, or give it the clock; where the time itself is shown, add a row with its seconds',
  );
});

test('the table of tests that wait for the clock names each file once, and its seconds', () => {
  assert.deepEqual(
    known.filter((file, index) => known.indexOf(file) !== index),
    [],
  );
  for (const [files, seconds] of rows) assert.match(seconds ?? '', /\d/, files);
});
