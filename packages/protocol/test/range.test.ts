import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInRange, parseAddress, parseRange, type Address, type Range } from '../src/index.ts';

const GOOD: readonly (readonly [text: string, canonical: string])[] = [
  ['203.0.113.9', '203.0.113.9/32'],
  ['203.0.113.9/24', '203.0.113.0/24'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['2001:db8::1', '2001:db8::1/128'],
  ['2001:DB8:0:1:ffff::/64', '2001:db8:0:1::/64'],
  ['::ffff:203.0.113.9/120', '203.0.113.0/24'],
];

test('parseRange() clears host bits and gives a single address its full length', () => {
  for (const [text, canonical] of GOOD) {
    const range = parseRange(text);
    assert.ok(range.ok, text);
    assert.equal(range.value, canonical, text);
  }
});

test('parseRange() refuses what is no range', () => {
  const wrong = [
    '',
    '/',
    '203.0.113.0/',
    '203.0.113.0/33',
    '203.0.113.0/024',
    '203.0.113.0/8/8',
    '203.0.113/24',
  ];
  for (const text of [
    ...wrong,
    '2001:db8::/129',
    '::ffff:203.0.113.9/24',
    'example.org/24',
    '203.0.113.0/-1',
  ]) {
    assert.equal(parseRange(text).ok, false, text);
  }
});

test('isInRange() looks at the address and at what is embedded in it', () => {
  const cases: readonly (readonly [address: string, range: string, lies: boolean])[] = [
    ['203.0.113.9', '203.0.113.0/24', true],
    ['203.0.114.9', '203.0.113.0/24', false],
    ['2001:db8::9', '2001:db8::/32', true],
    ['2001:db8::9', '203.0.113.0/24', false],
    ['64:ff9b::203.0.113.9', '203.0.113.0/24', true],
    ['2002:cb00:7109::1', '203.0.113.0/24', true],
    ['203.0.113.9', '0.0.0.0/0', true],
  ];
  for (const [text, range, lies] of cases) {
    const address = parseAddress(text);
    assert.ok(address.ok, text);
    assert.equal(isInRange(address.value, range as Range), lies, `${text} in ${range}`);
  }
  assert.equal(isInRange('203.0.113.9' as Address, '::/0' as Range), false);
});
