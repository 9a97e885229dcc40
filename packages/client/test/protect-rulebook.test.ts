import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Address, Range } from '@banshare/protocol';
import { Rulebook } from '../src/protect-rulebook.ts';

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
];

for (const [ip, rule] of table) {
  test(`A Rulebook has ${rule === undefined ? 'no rule' : `the rule "${rule}"`} for ${ip}`, () => {
    assert.equal(book.ruleFor(ip as Address), rule);
  });
}
