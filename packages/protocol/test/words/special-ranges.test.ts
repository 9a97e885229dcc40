import { test } from 'node:test';
import assert from 'node:assert/strict';
import { parseAddress, SPECIAL_RANGES, specialRange } from '../../src/index.ts';
import { vectors } from '../vectors.ts';

const table = vectors<{ special: [address: string, cidr: string][]; ordinary: string[] }>('special-ranges');

for (const [text, cidr] of table.special) {
  test(`specialRange() names ${cidr} for ${text}`, () => {
    assert.ok(rangeOf(text)?.startsWith(`${cidr} (`), `it names ${rangeOf(text)}`);
  });
}

for (const text of table.ordinary) {
  test(`specialRange() lets ${text} be banned`, () => {
    assert.equal(rangeOf(text), undefined);
  });
}

test('every special range has a vector', () => {
  const covered = new Set(table.special.map(([, cidr]) => cidr));
  assert.deepEqual(
    SPECIAL_RANGES.map(([cidr]) => cidr).filter((cidr) => !covered.has(cidr)),
    [],
  );
});

function rangeOf(text: string): string | undefined {
  const parsed = parseAddress(text);
  assert.ok(parsed.ok);
  return specialRange(parsed.value);
}
