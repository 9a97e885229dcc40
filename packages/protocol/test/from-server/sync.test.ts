import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  encodeReply,
  parseReply,
  parseSyncAnswer,
  syncFields,
  type Fields,
  type SyncAnswer,
} from '../../src/index.ts';
import { event, position, record } from '../values.ts';
import { vectors } from '../vectors.ts';

const table = vectors<{
  answers: { name: string; status: string; body: string; answer: SyncAnswer }[];
  faults: { name: string; fields: Fields }[];
}>('sync');

for (const { name, status, body, answer } of table.answers) {
  test(`syncFields() and encodeReply() write "${name}", and parseSyncAnswer() reads it`, () => {
    const reply = parseReply(status, body);
    assert.ok(reply.ok);
    assert.deepEqual(parseSyncAnswer(reply.value.fields), { ok: true, value: answer });
    const { id, now, verdict } = reply.value;
    assert.deepEqual(encodeReply({ status: 'OK', id, now, verdict, fields: syncFields(answer) }), [
      status,
      body,
    ]);
  });
}

for (const { name, fields } of table.faults) {
  test(`parseSyncAnswer() refuses ${name}`, () => {
    assert.equal(parseSyncAnswer(fields).ok, false);
  });
}

test('parseSyncAnswer() reads what syncFields() wrote', () => {
  const events = fc.array(event, { maxLength: 4 });
  const answer: fc.Arbitrary<SyncAnswer> = fc.oneof(
    record({ kind: fc.constant('events'), head: position, events }),
    record(
      { kind: fc.constant('snapshot'), head: position, bans: events, next: fc.string({ maxLength: 255 }) },
      { requiredKeys: ['kind', 'head', 'bans'] },
    ),
  );
  fc.assert(
    fc.property(answer, (value) => {
      const fields = JSON.parse(JSON.stringify(syncFields(value))) as Fields;
      assert.deepEqual(parseSyncAnswer(fields), { ok: true, value });
    }),
  );
});

test('parseSyncAnswer() never throws, whatever the fields are', () => {
  const fields = fc.dictionary(
    fc.constantFrom('epoch', 'head', 'tail', 'snapshot', 'bans', 'events', 'next', '__proto__'),
    fc.oneof(fc.jsonValue(), fc.constantFrom(1, '0'.repeat(16), [], [[]], [{}])),
  );
  fc.assert(
    fc.property(fields, (value) => {
      assert.equal(typeof parseSyncAnswer(value).ok, 'boolean');
    }),
    { numRuns: 2000 },
  );
});
