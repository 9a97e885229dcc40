import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { askAdmin, oddIn, type FieldsOf } from '@banshare/runtime';

type Thing = { name: string; until: number | null; isOurs?: boolean; inner: { at: number }[] };
const THING: FieldsOf<Thing> = {
  name: 'text',
  until: { orNull: 'number' },
  isOurs: { optional: 'flag' },
  inner: { list: { fields: { at: 'number' } } },
};
const whole = { name: 'x', until: null, inner: [{ at: 1 }] };
const deep: unknown = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);

for (const [what, value, odd] of [
  ['is as it should be', whole, undefined],
  ['tells more', { ...whole, isOurs: true, more: [{}] }, undefined],
  ['is nothing', null, 'the answer is no table'],
  ['is a list', [whole], 'the answer is no table'],
  ['lacks a field', { name: 'x', until: null }, '"inner" is no list'],
  ['has a field of every object', Object.create(whole), '"name" is no text'],
  [
    'has nothing where a list should have a table',
    { ...whole, inner: [{ at: 1 }, null] },
    '"inner.1" is no table',
  ],
  ['has a text for a flag', { ...whole, isOurs: 'yes' }, '"isOurs" is no true or false'],
  ['has a moment that no date can be', { ...whole, until: 1e300 }, '"until" is no number'],
  ['tells more, without an end', { ...whole, more: deep }, '"more" is too deep'],
] as const)
  test(`oddIn() of an answer that ${what}: ${odd ?? 'nothing'}`, () => {
    assert.equal(oddIn({ fields: THING }, value), odd);
  });

test('askAdmin() takes nothing for an answer that is none, whatever comes over the socket', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-answers-'));
  const path = join(folder, 's');
  let answer = '';
  const server = createServer((peer) => peer.on('error', () => {}).end(`${answer}\n`));
  server.listen(path);
  await once(server, 'listening');
  try {
    const wrong = [
      'nonsense',
      '',
      'null',
      '7',
      '[]',
      '{}',
      '{"ok":1}',
      '{"ok":false}',
      '{"ok":false,"code":1,"reason":[]}',
    ];
    for (answer of [...wrong, '['.repeat(1_000_000)]) {
      const reply = await askAdmin(path, { command: 'status' }, 5000);
      assert.ok(!reply.ok && reply.code === 'odd-answer', answer.slice(0, 80));
    }
    answer = '{"ok":false,"code":"x","reason":"why"}';
    assert.deepEqual(await askAdmin(path, { command: 'status' }, 5000), {
      ok: false,
      code: 'x',
      reason: 'why',
    });
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
});
