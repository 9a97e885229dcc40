import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../src/index.ts';
import { vectors } from '../vectors.ts';

const table = vectors<{ good: [text: string, seconds: number, formatted: string][]; bad: string[] }>(
  'durations',
);

for (const [text, seconds, formatted] of table.good) {
  test(`parseDuration() reads "${text}" as ${seconds} s, which formatDuration() writes as ${formatted}`, () => {
    assert.deepEqual(parseDuration(text), { ok: true, value: seconds });
    assert.equal(formatDuration(seconds), formatted);
  });
}

for (const text of table.bad) {
  test(`parseDuration() refuses ${JSON.stringify(text)}`, () => {
    assert.equal(parseDuration(text).ok, false);
  });
}

test('parseDuration() reads what formatDuration() writes as the same seconds', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1, max: 3_153_600_000 }), (seconds) => {
      assert.deepEqual(parseDuration(formatDuration(seconds)), { ok: true, value: seconds });
    }),
  );
});
