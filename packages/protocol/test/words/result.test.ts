import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { quote } from '../../src/index.ts';

const QUOTED: [text: string, shown: string][] = [
  ['sshd', '"sshd"'],
  ['', '""'],
  ['a"b\\c', '"a\\"b\\\\c"'],
  ['two\nlines', '"two\\nlines"'],
  ['\u001b[2J\u007f\u0000', '"\\u001b[2J\\u007f\\u0000"'],
  ['é…', '"\\u00e9\\u2026"'],
  ['😀', '"\\ud83d\\ude00"'],
  ['\ud83d', '"\\ud83d"'],
  ['\u2028\u202e', '"\\u2028\\u202e"'],
  ['x'.repeat(60), `"${'x'.repeat(60)}"`],
  ['x'.repeat(61), `"${'x'.repeat(60)}…"`],
  [`${'x'.repeat(59)}"y`, `"${'x'.repeat(59)}\\"…"`],
];

for (const [text, shown] of QUOTED) {
  test(`quote() shows ${shown}`, () => {
    assert.equal(quote(text), shown);
  });
}

test('quote() gives one bounded line of printable ASCII, which tells different short texts apart', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
      const shown = quote(text);
      assert.match(shown, /^"[\x20-\x7e]*…?"$/);
      assert.ok(shown.length <= 60 * 6 + 3);
      if (text.length <= 60) assert.equal(JSON.parse(shown), text);
    }),
    { numRuns: 2000 },
  );
});

test('quote() does not read the whole of a huge text', () => {
  assert.equal(quote('\n'.repeat(50_000_000)).length, 123);
});
