import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  droppedFields,
  MOST_DROPPED,
  MOST_TOOK,
  tookFields,
  type Dropped,
  type Target,
} from '../../src/index.ts';
import { parseDropped } from '../../src/from-hosts/dropped.ts';
import { parseTook } from '../../src/from-hosts/took.ts';

const DROPPED: Dropped = {
  since: 1_795_171_200,
  ago: 4,
  every: 60,
  v4: 12_300,
  v6: 100,
  found: 12_400,
  addresses: 311,
  before: 290,
  partly: true,
  top: [
    { ip: '203.0.113.9' as Target, packets: 9000, isFound: true, least: 180, most: 240 },
    { ip: '2001:db8:0:9::/64' as Target, packets: 40, isFound: false },
  ],
};

test('parseDropped() reads what droppedFields() writes, and that nothing is known', () => {
  assert.deepEqual(parseDropped(droppedFields(DROPPED)), DROPPED);
  assert.deepEqual(parseDropped({ ...droppedFields(DROPPED), later: 1 }), DROPPED);
  assert.deepEqual(parseDropped({ unknown: 'no\ncounters' }), { unknown: 'no\\u000acounters' });
});

test('parseDropped() leaves out addresses that it cannot read, and takes no sums beyond all sense', () => {
  const odd = ['x', ['x', 1], ['203.0.113.9'], ['203.0.113.9', -1], ['203.0.113.9', 1e13], null];
  const read = parseDropped({ ...droppedFields(DROPPED), top: [...odd, ['203.0.113.7', 3, 1, 9, 2]] });
  assert.deepEqual(read, { ...DROPPED, top: [{ ip: '203.0.113.7', packets: 3, isFound: true }] });
  for (const wrong of [{ v4: 1e13 }, { v4: -1 }, { found: 1.5 }, { since: 1e12 }, { top: {} }, { partly: 1 }])
    assert.equal(parseDropped({ ...droppedFields(DROPPED), ...wrong }), undefined, JSON.stringify(wrong));
  const many = Array.from({ length: MOST_DROPPED + 1 }, () => ['203.0.113.9', 1]);
  assert.equal(parseDropped({ ...droppedFields(DROPPED), top: many }), undefined);
});

test('parseDropped() throws on nothing, and what it reads is bounded', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      const read = parseDropped(value);
      assert.ok(read === undefined || JSON.stringify(read).length < 10_000);
    }),
  );
});

test('parseTook() reads what tookFields() writes, a bounded number of them, and leaves out what it cannot read', () => {
  const took = [
    { seq: 4, ms: 14 },
    { seq: 5, ms: 0 },
  ];
  assert.deepEqual(parseTook(tookFields(took)), took);
  assert.deepEqual(tookFields([{ seq: 4, ms: 1e9 }]), [[4, 3_600_000]]);
  assert.deepEqual(parseTook([[4, 14], 'x', [0, 1], [1, -1], [1.5, 2], [1e13, 1], [3, 1e7], null]), [
    { seq: 4, ms: 14 },
  ]);
  assert.equal(parseTook(Array.from({ length: 1000 }, (_, n) => [n + 1, 1])).length, MOST_TOOK);
  assert.deepEqual(parseTook({}), []);
});
