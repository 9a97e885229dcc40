import { test } from 'node:test';
import assert from 'node:assert/strict';
import { isCurveKey } from '../../src/index.ts';
import { vectors } from '../vectors.ts';

type Pair = { publicKey: string; secretKey: string };
const { server, join } = vectors<{ server: Pair; join: Pair }>('keys');

test('isCurveKey() takes the published test keys, and the largest key', () => {
  for (const key of [server.publicKey, server.secretKey, join.publicKey, '%nSc0'.repeat(8)]) {
    assert.equal(isCurveKey(key), true);
  }
});

const NO_KEYS: [what: string, text: string][] = [
  ['nothing', ''],
  ['39 characters', 'a'.repeat(39)],
  ['41 characters', 'a'.repeat(41)],
  ['a line break', `${'a'.repeat(40)}\n`],
  ['a character outside the alphabet', `${'a'.repeat(39)}"`],
  ['a semicolon', `${'a'.repeat(39)};`],
  ['more than 256 bits', '#'.repeat(40)],
  ['five characters of more than 32 bits', `${'0'.repeat(35)}%nSc1`],
];
for (const [what, text] of NO_KEYS) {
  test(`isCurveKey() does not take ${what}`, () => {
    assert.equal(isCurveKey(text), false);
  });
}
