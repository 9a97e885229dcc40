import { test } from 'node:test';
import assert from 'node:assert/strict';
import { eventLine } from '../../src/cli/show/show-events.ts';
import { showExplanation } from '../../src/cli/show/show-explanation.ts';

type Explained = Parameters<typeof showExplanation>[0];
type Event = Explained['events'][number];

const EVENT = {
  seq: 7,
  kind: 'ban',
  ip: '203.0.113.9',
  prog: 'fail2ban',
  jail: 'sshd',
  host: 'h1',
  at: 0,
  until: null,
  committedMs: null,
  publishedMs: null,
} as unknown as Event;

function explained(outcomes: Event['outcomes']): string {
  const none = { reports: [], supporters: [], dropped: [] };
  return showExplanation({ ip: '203.0.113.9', ...none, events: [{ ...EVENT, outcomes }] });
}

test('of three hundred hosts explain has a line for those where a ban failed or waits, and counts the others', () => {
  const outcomes = Array.from({ length: 300 }, (_, n) => ({
    host: `w${n}.`,
    outcome: n === 280 ? 'failed' : n % 100 === 50 ? 'waiting' : n === 290 ? 'skipped' : 'applied',
    reason: n === 280 ? 'no room' : n === 290 ? 'own' : null,
    at: null,
    ms: null,
  }));
  const lines = explained(outcomes).split('\n');
  const of = lines.filter((line) => /^ {6}w/.test(line));
  assert.equal(of.length, 20);
  assert.deepEqual(of.slice(0, 6), [
    '      w280.: failed (no room)',
    '      w50.: not confirmed yet',
    '      w150.: not confirmed yet',
    '      w250.: not confirmed yet',
    '      w290.: skipped (own)',
    '      w0.: applied',
  ]);
  assert.equal(lines.at(-1), '      and 280 more: 280 applied; --json has all');
  // Of few hosts each has its line, in the order of the server.
  const few = explained(outcomes.slice(40, 60)).split('\n');
  assert.equal(few.filter((line) => /^ {6}w/.test(line)).length, 20);
  assert.match(few.at(-1) ?? '', /w59\./);
});

test('a line of events keeps its columns on a wide terminal and in a file, and has no blanks for them on a narrow one', () => {
  const happening = {
    at: 0,
    kind: 'ban',
    ip: '203.0.113.9',
    prog: 'fail2ban',
    jail: 'sshd',
    who: 'h1',
    says: '#7',
  };
  const line = (columns?: number): string => eventLine(happening as never, true, columns);
  const wide =
    '1970-01-01T00:00:00Z  ban        203.0.113.9         --  fail2ban/sshd       h1                #7';
  assert.deepEqual(
    [line(), line(200), line(60)],
    [wide, wide, '1970-01-01T00:00:00Z ban 203.0.113.9 -- fail2ban/sshd h1 #7'],
  );
});
