import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { banKeyText } from '../src/index.ts';
import { address, jail, prog, record } from './values.ts';

const key = record({ ip: address, prog, jail });

test('banKeyText() is the same for the same ban, whatever else is known of it', () => {
  fc.assert(
    fc.property(key, (ban) => {
      assert.equal(banKeyText({ ...ban, failures: 5 } as typeof ban), banKeyText(ban));
    }),
  );
});

test('banKeyText() tells bans apart: its parts come out again', () => {
  fc.assert(
    fc.property(key, (ban) => {
      assert.deepEqual(banKeyText(ban).split(';'), [ban.prog, ban.jail, ban.ip]);
    }),
  );
});
