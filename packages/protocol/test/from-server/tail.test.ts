import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EMPTY_TAIL, nextTail, type Event } from '../../src/index.ts';
import { event } from '../values.ts';
import { sha256Hex, vectors } from '../vectors.ts';

type Step = { before: string; event: Event; text: string; tail: string };
const { empty, steps } = vectors<{ empty: string; steps: Step[] }>('tails');

test('the tail of an epoch without events is sixteen zeros', () => {
  assert.equal(EMPTY_TAIL, empty);
  assert.equal(steps[0]?.before, empty);
});

for (const { before, event: value, text, tail } of steps) {
  test(`nextTail() hashes the text of event ${value.seq} as the specification has it`, () => {
    const hashed: string[] = [];
    const spy = (input: string): string => (hashed.push(input), sha256Hex(input));
    assert.equal(nextTail(spy, before, value), tail);
    assert.deepEqual(hashed, [text]);
  });
}

test('nextTail() differs for every other past and every other event', () => {
  fc.assert(
    fc.property(event, event, (one, other) => {
      const tail = nextTail(sha256Hex, EMPTY_TAIL, one);
      assert.match(tail, /^[0-9a-f]{16}$/);
      assert.notEqual(nextTail(sha256Hex, tail, one), tail);
      for (const name of ['epoch', 'seq', 'kind', 'ip', 'prog', 'jail', 'host', 'until'] as const) {
        if (one[name] === other[name]) continue;
        assert.notEqual(nextTail(sha256Hex, EMPTY_TAIL, { ...one, [name]: other[name] }), tail);
      }
    }),
  );
});

test('nextTail() hashes printable ASCII only, so that any language writes the same bytes', () => {
  fc.assert(
    fc.property(event, (value) => {
      nextTail(
        (text) => (assert.match(text, /^[0-9a-f]{16}\n[\x20-\x7e]*$/), '0'.repeat(64)),
        EMPTY_TAIL,
        value,
      );
    }),
  );
});
