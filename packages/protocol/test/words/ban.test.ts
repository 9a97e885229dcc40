import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { banKeyText, originOf, type Event } from '../../src/index.ts';
import { address, jail, prog, record } from '../values.ts';

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

test('originOf() says whose word a ban is, also where an older server left it out', () => {
  const of = (prog: string, by?: Event['by']): string =>
    originOf({ prog, ...(by === undefined ? {} : { by }) } as Pick<Event, 'by' | 'prog'>);
  assert.deepEqual(
    [
      of('operator', 'import'),
      of('operator', 'operator'),
      of('operator'),
      of('fail2ban'),
      of('fail2ban', 'host'),
    ],
    ['import', 'operator', 'operator', 'host', 'host'],
  );
});
