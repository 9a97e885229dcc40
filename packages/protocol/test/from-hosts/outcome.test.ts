import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { outcomeFields, parseOutcome } from '../../src/index.ts';

for (const outcome of ['applied', 'already', 'released', 'skipped', 'failed', 'unproven']) {
  test(`parseOutcome() reads "${outcome}", with and without a reason`, () => {
    assert.deepEqual(parseOutcome({ seq: 7, outcome }), [{ seq: 7, outcome }]);
    assert.deepEqual(parseOutcome({ seq: 7, outcome, reason: 'own', more: 1 }), [
      { seq: 7, outcome, reason: 'own' },
    ]);
  });
}

const UNREADABLE: unknown[] = [
  undefined,
  null,
  7,
  'applied',
  [],
  {},
  { seq: 1 },
  { outcome: 'applied' },
  { seq: '1', outcome: 'applied' },
  { seq: 1.5, outcome: 'applied' },
  { seq: 2 ** 53, outcome: 'applied' },
  { seq: -1, outcome: 'applied' },
  { seq: 1, outcome: 'toString' },
  { seq: 1, outcome: ['applied'] },
];
for (const value of UNREADABLE) {
  test(`parseOutcome() leaves out ${JSON.stringify(value)}`, () => {
    assert.deepEqual(parseOutcome(value), []);
  });
}

test('parseOutcome() keeps nothing of a reason that breaks a line or steers a terminal', () => {
  const [read] = parseOutcome({ seq: 1, outcome: 'failed', reason: 'no\n\u001b[31mjail\u2028\u202e' });
  assert.equal(read?.reason, String.raw`no\u000a\u001b[31mjail\u2028\u202e`);
});

test('parseOutcome() never throws, and bounds the reason', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      for (const read of parseOutcome(value)) assert.ok((read.reason ?? '').length <= 200);
    }),
  );
  assert.equal(parseOutcome({ seq: 1, outcome: 'failed', reason: 'x'.repeat(4000) })[0]?.reason?.length, 200);
});

test('An outcome that could not be proven is a failure for a server that does not know the word', () => {
  const unproven = { seq: 7, outcome: 'unproven', reason: 'not there' } as const;
  const wire = outcomeFields(unproven);
  assert.deepEqual(wire, { seq: 7, outcome: 'failed', reason: 'not there', unproven: true });
  assert.deepEqual(parseOutcome(wire), [unproven]);
  assert.deepEqual(outcomeFields({ seq: 8, outcome: 'failed' }), { seq: 8, outcome: 'failed' });
});
