import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '@banshare/protocol';
import { linesOf } from '../../src/words/event-lines.ts';

const events = (count: number, more: object): Event[] =>
  Array.from(
    { length: count },
    (_, n) =>
      ({ kind: 'ban', ip: `203.0.113.${n}`, prog: 'fail2ban', jail: 'sshd', seq: n + 1, ...more }) as Event,
  );

test('each event that was committed has a line in the log, and so have a few of a list', () => {
  const [line, ...others] = linesOf(events(100, { prog: 'operator', host: 'operator', by: 'import' }));
  assert.equal(others.length, 99);
  assert.deepEqual(line, {
    text: 'ban',
    fields: { ip: '203.0.113.0', prog: 'operator', jail: 'sshd', host: 'operator', seq: 1 },
  });
  assert.equal(linesOf(events(1000, { host: 'h1' })).length, 1000);
  assert.equal(linesOf(events(1000, { prog: 'operator', host: 'operator', by: 'operator' })).length, 1000);
});

test('a list that is imported, and many bans that an operator lifts at once, have one line in the log', () => {
  const list = events(1000, { prog: 'operator', host: 'operator', by: 'import' });
  const lifted = events(101, { kind: 'unban', host: 'operator' });
  const found = events(2, { host: 'h1' });
  assert.deepEqual(
    linesOf([...found, ...list, ...lifted]).map(({ fields }) => fields['count'] ?? fields['ip']),
    [1000, 101, '203.0.113.0', '203.0.113.1'],
  );
  assert.deepEqual(linesOf(list)[0], { text: 'ban', fields: { count: 1000, by: 'import', seq: '1-1000' } });
});
