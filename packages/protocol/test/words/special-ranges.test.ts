import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  overlaps,
  parseAddress,
  parseTarget,
  SPECIAL_RANGES,
  specialRange,
  type Target,
} from '../../src/index.ts';
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

const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });
/** Addresses and ranges everywhere, most of them beside a bound of a special range. */
const anywhere = fc.oneof(
  groups.map((eight) => eight.map((each) => each.toString(16)).join(':')),
  fc
    .tuple(fc.constantFrom(...firstGroups(':')), fc.integer({ min: -1, max: 1 }), groups)
    .map(([[one, two], by, rest]) => {
      const bits = Math.min(0xffff_ffff, Math.max(0, one * 65_536 + two + by));
      return [Math.floor(bits / 65_536), bits % 65_536, ...rest.slice(2)]
        .map((each) => each.toString(16))
        .join(':');
    }),
  fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((four) => four.join('.')),
  fc
    .tuple(
      fc.constantFrom(0, 9, 10, 11, 100, 127, 169, 172, 192, 198, 224),
      fc.nat(255),
      fc.nat(255),
      fc.nat(255),
    )
    .map((four) => four.join('.')),
);

test('specialRange() names a range exactly where one has an address in common with the target', () => {
  fc.assert(
    fc.property(anywhere, fc.option(fc.nat(128)), (text, prefix) => {
      const target = parseTarget(prefix === null ? text : `${text}/${prefix}`);
      if (!target.ok) return;
      const meets = SPECIAL_RANGES.some(([cidr]) => overlaps(target.value, cidr as Target));
      assert.equal(specialRange(target.value) !== undefined, meets, target.value);
    }),
    { numRuns: 1000 },
  );
});

/** The first two groups of the first address of each special range of IPv6. */
function firstGroups(mark: string): [number, number][] {
  return SPECIAL_RANGES.filter(([cidr]) => cidr.includes(mark)).map(([cidr]) => {
    const [one = '0', two = '0'] = (cidr.split('::')[0] ?? '').split(':');
    return [Number.parseInt(one, 16) || 0, Number.parseInt(two, 16) || 0];
  });
}

function rangeOf(text: string): string | undefined {
  const parsed = parseAddress(text);
  assert.ok(parsed.ok);
  return specialRange(parsed.value);
}
