import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overlaps, parseAddress, rangeAround, type Address, type Range } from '@banshare/protocol';
import fc from 'fast-check';
import { Rulebook } from '../../src/protection/rulebook.ts';

const book = new Rulebook([
  { what: '203.0.113.7' as Address, rule: 'one' },
  { what: '203.0.113.8/32' as Range, rule: 'one as a range' },
  { what: '198.51.100.0/24' as Range, rule: 'many' },
  { what: '2001:db8::7/128' as Range, rule: 'one of IPv6' },
  { what: '2001:db8:7::/48' as Range, rule: 'many of IPv6' },
  { what: '203.0.113.7' as Address, rule: 'a second reason' },
]);

const table: [ip: string, rule: string | undefined][] = [
  ['203.0.113.7', 'one'],
  ['203.0.113.8', 'one as a range'],
  ['203.0.113.9', undefined],
  ['198.51.100.0', 'many'],
  ['198.51.100.255', 'many'],
  ['198.51.101.0', undefined],
  ['64:ff9b::cb00:7107', 'one'],
  ['2002:c633:6401::1', 'many'],
  ['2001:db8::7', 'one of IPv6'],
  ['2001:db8:7:ffff::1', 'many of IPv6'],
  ['2001:db8:8::1', undefined],
  ['203.0.113.0/28', 'one'],
  ['203.0.113.8/31', 'one as a range'],
  ['203.0.113.16/28', undefined],
  ['198.51.0.0/16', 'many'],
  ['198.51.100.128/25', 'many'],
  ['198.51.100.0/24', 'many'],
  ['2001:db8::/64', 'one of IPv6'],
  ['2001:db8:7:9::/64', 'many of IPv6'],
  ['2001:db8:8::/48', undefined],
  ['64:ff9b::cb00:7100/120', 'one'],
  ['2002:c633:6400::/40', 'many'],
];

for (const [ip, rule] of table) {
  test(`A Rulebook has ${rule === undefined ? 'no rule' : `the rule "${rule}"`} for ${ip}`, () => {
    assert.equal(book.ruleFor(ip as Address), rule);
  });
}

test('A Rulebook of any addresses and ranges has a rule for whatever overlaps one of them', () => {
  const v4 = fc.tuple(fc.nat(3), fc.nat(255), fc.integer({ min: 8, max: 32 }));
  const v6 = fc.tuple(
    fc.constantFrom('2001:db8:', '2002:cb00:', '64:ff9b::cb00:'),
    fc.nat(3),
    fc.integer({ min: 16, max: 128 }),
  );
  const target = fc.oneof(
    v4.map(([three, four, prefix]) => rangeAround(`203.0.${three}.${four}` as Address, prefix)),
    v6.map(([start, last, prefix]) => {
      const address = parseAddress(start.includes('::') ? `${start}${last}` : `${start}${last}::1`);
      assert.ok(address.ok);
      return rangeAround(address.value, prefix);
    }),
  );
  fc.assert(
    fc.property(fc.array(target), fc.array(target, { minLength: 1 }), (entries, asked) => {
      const any = new Rulebook(entries.map((what) => ({ what, rule: what })));
      for (const each of asked)
        assert.equal(
          any.ruleFor(each) !== undefined,
          entries.some((what) => overlaps(each, what)),
          each,
        );
    }),
    { numRuns: 2000 },
  );
});
