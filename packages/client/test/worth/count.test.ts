import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DropSums } from '../../src/bans/dropped.ts';
import { growth, restSeconds, sighted } from '../../src/worth/count.ts';
import { ip, NOW } from '../make.ts';

const NONE: DropSums = { since: NOW, readAt: NOW, v4: 0, v6: 0, found: 0, addresses: 0, before: 0 };
const found = { origin: 'host', finder: 'h2', at: NOW, since: NOW };
const seen = {
  ip: ip('203.0.113.9'),
  shows: 5,
  row: undefined,
  standing: [found],
  now: NOW + 100,
  lastReading: NOW + 40,
  ownName: 'h1',
};

test('counters are read each minute, and more seldom where reading would take more than a hundredth of a core', () => {
  assert.equal(restSeconds(0.05), 60);
  assert.equal(restSeconds(0.6), 60);
  assert.equal(restSeconds(2), 200);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e5, noNaN: true }), (took) => {
      const rest = restSeconds(took);
      assert.ok(rest >= 60 && took <= rest * 0.01 + 1e-9);
    }),
  );
});

test('whatever resets a counter in the kernel, a sum never goes down and never has more than was dropped', () => {
  const step = fc.record({ dropped: fc.nat(1000), isReset: fc.boolean(), isRead: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      let [dropped, shows, shown, sum] = [0, 0, 0, 0];
      for (const { dropped: more, isReset, isRead } of steps) {
        if (isReset) shows = 0;
        dropped += more;
        shows += more;
        if (!isRead) continue;
        const grown = growth(shown, shows);
        assert.ok(grown >= 0);
        sum += grown;
        shown = shows;
      }
      assert.ok(sum <= dropped, `${sum} of ${dropped}`);
    }),
  );
});

test('packets count by family, and apart where another host had found the ban', () => {
  const first = sighted(NONE, seen);
  assert.deepEqual(first.sums, { ...NONE, v4: 5, found: 5, addresses: 1, before: 1 });
  const more = sighted(first.sums, { ...seen, shows: 12, row: first.row, standing: [] });
  assert.deepEqual(more.sums, { ...NONE, v4: 12, found: 12, addresses: 1, before: 1 });
  for (const standing of [
    [{ ...found, finder: 'h1' }],
    [{ ...found, origin: 'operator', finder: 'operator' }],
    [{ ...found, origin: 'import', finder: 'operator' }],
    [],
  ])
    assert.deepEqual(sighted(NONE, { ...seen, ip: ip('2001:db8::9'), standing }).sums, { ...NONE, v6: 5 });
});

test('the first packet came after the newest reading that had seen none, and before the one that sees it', () => {
  const times = (of: Partial<typeof seen>): unknown => {
    const { row, sums } = sighted(NONE, { ...seen, ...of });
    return [row.least, row.most, sums.before];
  };
  assert.deepEqual(times({}), [40, 100, 1]);
  // No reading came between the ban and the packet: nobody knows whether the ban was there before whoever sent it.
  assert.deepEqual(times({ lastReading: NOW - 20 }), [0, 100, 0]);
  assert.deepEqual(times({ lastReading: undefined as never }), [0, 100, 0]);
  assert.deepEqual(
    times({ standing: [found, { ...found, at: NOW - 900, since: NOW - 900 }] }),
    [940, 1000, 1],
  );
  // Its row was written again 90 s after it was published: by then it was in place, and perhaps long before.
  assert.deepEqual(times({ standing: [{ ...found, since: NOW + 30, at: NOW - 60 }] }), [10, 160, 1]);
  assert.deepEqual(times({ standing: [] }), [null, null, 0]);
});

test('the next ban of an address has a first packet of its own, and the address is one all the same', () => {
  const first = sighted(NONE, seen);
  const next = sighted(first.sums, {
    ...seen,
    shows: 3,
    row: { ...first.row, shown: 0, isOver: true },
    standing: [{ ...found, at: NOW + 5000, since: NOW + 5000 }],
    lastReading: NOW + 6000,
    now: NOW + 6060,
  });
  assert.deepEqual(next.sums, { ...first.sums, v4: 8, found: 8 });
  assert.deepEqual([next.row.least, next.row.most, next.row.packets], [1000, 1060, 8]);
});
