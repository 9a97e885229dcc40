import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeReply, parseReply, type Fields, type Reply, oneLine } from '../../src/index.ts';
import { hostileText, record } from '../values.ts';
import { vectors } from '../vectors.ts';

type Frames = { name: string; status: string; body: string };
const table = vectors<{
  replies: (Frames & { reply: Omit<Reply, 'fields'>; fields?: Fields })[];
  faults: Frames[];
}>('replies');

for (const { name, status, body, reply, fields = {} } of table.replies) {
  test(`encodeReply() writes "${name}", and parseReply() reads it`, () => {
    assert.deepEqual(encodeReply({ ...reply, fields }), [status, body]);
    const read = parseReply(status, body);
    assert.ok(read.ok);
    const { fields: all, ...known } = read.value;
    assert.deepEqual(known, reply);
    for (const [key, value] of Object.entries(fields)) assert.deepEqual(all[key], value);
  });
}

for (const { name, status, body } of table.faults) {
  test(`parseReply() refuses ${name}`, () => {
    const result = parseReply(status, body);
    assert.equal(result.ok, false);
    assert.match(result.fault, /^[\x20-\x7e…]{1,300}$/);
  });
}

test('parseReply() reads what encodeReply() wrote', () => {
  const reply = record(
    {
      status: fc.constantFrom('OK', 'REFUSED', 'RETRY'),
      id: fc.stringMatching(/^([0-9a-f]{32})?$/),
      now: fc.nat(),
      verdict: fc.constantFrom('accepted', 'duplicate', 'counted', 'held', 'pending', 'refused', 'retry'),
      code: fc.stringMatching(/^[a-z-]{1,64}$/),
      reason: fc.string({ unit: 'binary', maxLength: 100 }),
      after: fc.nat(86_400),
      epoch: fc.stringMatching(/^[0-9a-f]{16}$/),
      seq: fc.nat(),
    },
    { requiredKeys: ['status', 'id', 'now', 'verdict'] },
  );
  fc.assert(
    fc.property(reply, (value) => {
      const [status, body] = encodeReply(value);
      assert.equal(body.includes(';'), false);
      const read = parseReply(status, body);
      assert.ok(read.ok);
      const { fields: _, ...known } = read.value;
      const { reason } = value;
      assert.deepEqual(known, reason === undefined ? value : { ...value, reason: oneLine(reason) });
    }),
  );
});

test('parseReply() never throws, whatever the frames are', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom('OK', 'REFUSED', 'RETRY'), fc.string()),
      hostileText,
      (status, body) => {
        const result = parseReply(status, body);
        if (!result.ok) assert.match(result.fault, /^[\x20-\x7e…]*$/);
      },
    ),
    { numRuns: 2000 },
  );
});
