import { test } from 'node:test';
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { embeddedAddress, parseAddress, type Address } from '../../src/index.ts';
import { address } from '../values.ts';
import { vectors } from '../vectors.ts';

const table = vectors<{
  good: [text: string, canonical: string][];
  bad: { why: string; texts: string[] }[];
  embedded: [text: string, inner: string | null][];
}>('addresses');

for (const [text, canonical] of table.good) {
  test(`parseAddress() reads ${text} as ${canonical}`, () => {
    assert.deepEqual(parseAddress(text), { ok: true, value: canonical });
  });
}

for (const { why, texts } of table.bad) {
  for (const text of texts) {
    test(`parseAddress() refuses ${JSON.stringify(text)}: ${why}`, () => {
      const result = parseAddress(text);
      assert.equal(result.ok, false);
      if (why === 'IPv4-compatible') assert.match(result.fault, /IPv4-compatible/);
      else assert.match(result.fault, /is not one IPv4 or IPv6 address/);
    });
  }
}

for (const [text, inner] of table.embedded) {
  test(`embeddedAddress() finds ${inner} in ${text}`, () => {
    const parsed = parseAddress(text);
    assert.ok(parsed.ok);
    assert.equal(embeddedAddress(parsed.value) ?? null, inner);
  });
}

test('embeddedAddress() finds what stands in the groups of any IPv6 address, wherever its text is shortened', () => {
  const group = fc.oneof(fc.constantFrom(0, 0x64, 0xff9b, 0x2002, 0x2003), fc.nat(0xffff));
  const start = fc.constantFrom([0x64, 0xff9b, 0, 0, 0, 0], [0x2002], [0x64, 0xff9c], []);
  fc.assert(
    fc.property(start, fc.array(group, { minLength: 8, maxLength: 8 }), (first, more) => {
      const groups = [...first, ...more].slice(0, 8);
      const parsed = parseAddress(groups.map((each) => each.toString(16)).join(':'));
      if (!parsed.ok || !parsed.value.includes(':')) return;
      const dotted = (high = 0, low = 0): string => [high >> 8, high & 255, low >> 8, low & 255].join('.');
      const isNat64 = groups.slice(0, 6).join() === [0x64, 0xff9b, 0, 0, 0, 0].join();
      const inner = groups[0] === 0x2002 ? dotted(groups[1], groups[2]) : undefined;
      assert.equal(embeddedAddress(parsed.value), isNat64 ? dotted(groups[6], groups[7]) : inner);
    }),
  );
});

test('parseAddress() is idempotent, and agrees with the system that its text is an address', () => {
  fc.assert(
    fc.property(address, (canonical: Address) => {
      assert.deepEqual(parseAddress(canonical), { ok: true, value: canonical });
      assert.notEqual(isIP(canonical), 0);
    }),
    { numRuns: 2000 },
  );
});

test('parseAddress() gives every spelling of an IPv6 address the same text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const groups = Array.from(
        { length: 8 },
        (_, index) => (bytes[index * 2]! << 8) | bytes[index * 2 + 1]!,
      );
      const long = groups.map((group) => group.toString(16).padStart(4, '0')).join(':');
      const short = groups.map((group) => group.toString(16).toUpperCase()).join(':');
      const dotted = `${long.slice(0, 30)}${bytes.slice(12).join('.')}`;
      const expected = parseAddress(long);
      assert.deepEqual(parseAddress(short), expected.ok ? expected : { ...parseAddress(short), ok: false });
      assert.equal(parseAddress(dotted).ok, expected.ok);
      if (expected.ok) assert.deepEqual(parseAddress(dotted), expected);
    }),
  );
});

test('parseAddress() never throws, and what it lets through holds nothing but an address', () => {
  const almost = fc
    .array(fc.oneof(fc.constantFrom('0', '1', 'f', '.', ':', '::', 'ffff', '%', '/', '\n'), fc.string()), {
      maxLength: 12,
    })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), almost), (text) => {
      const result = parseAddress(text);
      if (result.ok) assert.match(result.value, /^[0-9a-f:.]{2,45}$/);
      else assert.match(result.fault, /^[\x20-\x7e…]*$/);
    }),
    { numRuns: 2000 },
  );
});
