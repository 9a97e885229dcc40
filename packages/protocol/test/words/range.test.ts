import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import {
  covers,
  isInRange,
  isTooWide,
  overlaps,
  parseAddress,
  parseRange,
  parseTarget,
  rangeAround,
  specialRange,
  type Address,
  type Range,
  type Target,
} from '../../src/index.ts';
import { address } from '../values.ts';

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

test('parseTarget() makes an address of a range of one', () => {
  const cases: readonly (readonly [text: string, target: string])[] = [
    ['203.0.113.9', '203.0.113.9'],
    ['203.0.113.9/32', '203.0.113.9'],
    ['203.0.113.9/31', '203.0.113.8/31'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['::ffff:203.0.113.9/128', '203.0.113.9'],
  ];
  for (const [text, target] of cases) {
    const parsed = parseTarget(text);
    assert.ok(parsed.ok, text);
    assert.equal(parsed.value, target, text);
  }
});

test('parseTarget() says that a range would do as well', () => {
  const parsed = parseTarget('example.org');
  assert.match(parsed.ok ? '' : parsed.fault, /^"example\.org" is neither an address nor a range/);
});

test('overlaps() compares every pair of addresses and ranges, and looks at what the first embeds', () => {
  const cases: readonly (readonly [target: string, other: string, meets: boolean])[] = [
    ['203.0.113.0/24', '203.0.113.9', true],
    ['203.0.113.0/24', '203.0.112.0/20', true],
    ['203.0.112.0/20', '203.0.113.0/24', true],
    ['203.0.113.0/25', '203.0.113.128/25', false],
    ['203.0.113.0/24', '2001:db8::/32', false],
    ['2001:db8:0:1::/64', '2001:db8:0:1::9', true],
    ['2001:db8:0:1::/64', '2001:db8:0:2::9', false],
    ['2002:cb00:7100::/40', '203.0.113.9', true],
    ['2002:cb00:7109::/64', '203.0.113.9', true],
    ['2002:cb00:7108::/64', '203.0.113.9', false],
    ['64:ff9b::cb00:7100/120', '203.0.113.9', true],
    ['64:ff9b::/64', '203.0.113.9', true],
    ['2000::/8', '203.0.113.9', true],
  ];
  for (const [target, other, meets] of cases)
    assert.equal(overlaps(target as Target, other as Target), meets, `${target} and ${other}`);
});

test('covers() asks for every address of the inner one', () => {
  const cases: readonly (readonly [outer: string, inner: string, holds: boolean])[] = [
    ['203.0.113.0/24', '203.0.113.9', true],
    ['203.0.113.0/24', '203.0.113.0/24', true],
    ['203.0.113.0/25', '203.0.113.0/24', false],
    ['203.0.113.9', '203.0.113.9', true],
    ['203.0.113.9', '203.0.113.8/31', false],
  ];
  for (const [outer, inner, holds] of cases)
    assert.equal(covers(outer as Target, inner as Target), holds, `${outer} and ${inner}`);
});

test('rangeAround() cuts every address as ipaddr.js does', () => {
  fc.assert(
    fc.property(address, fc.nat(128), (ip, bits) => {
      const isSix = ip.includes(':');
      const prefix = isSix ? bits : bits % 33;
      const cidr = `${ip}/${prefix}`;
      const first = isSix
        ? ipaddr.IPv6.networkAddressFromCIDR(cidr)
        : ipaddr.IPv4.networkAddressFromCIDR(cidr);
      const whole = prefix === (isSix ? 128 : 32);
      assert.equal(rangeAround(ip, prefix), whole ? ip : `${first.toString()}/${prefix}`);
    }),
    { numRuns: 2000 },
  );
});

test('rangeAround() widens an address, and isTooWide() says what nobody may ban', () => {
  assert.equal(rangeAround('2001:db8:0:1:2::9' as Address, 64), '2001:db8:0:1::/64');
  assert.equal(rangeAround('2001:db8::9' as Address, 128), '2001:db8::9');
  for (const [text, wide] of [
    ['203.0.0.0/16', false],
    ['202.0.0.0/15', true],
    ['2001:db8::/32', false],
    ['2001:da8::/31', true],
  ] as const)
    assert.equal(isTooWide(text as Range), wide, text);
});

test('specialRange() names what a range has in common with the special ranges', () => {
  const cases: readonly (readonly [target: string, name: RegExp | undefined])[] = [
    ['203.0.113.0/24', undefined],
    ['10.1.0.0/16', /private use/],
    ['192.0.0.0/16', /IETF protocol/],
    ['198.18.3.0/24', /benchmarking/],
    ['2001:db8::/32', undefined],
    ['2001::/32', /IETF protocol/],
    ['2002:a01::/32', /private use/],
    ['64:ff9b::/96', /this network/],
    ['64:ff9b::c0a8:100/120', /private use/],
    ['2002:cb00:7100::/40', undefined],
  ];
  for (const [target, name] of cases) {
    const found = specialRange(target as Target);
    if (name === undefined) assert.equal(found, undefined, target);
    else assert.match(found ?? 'nothing', name, target);
  }
});
