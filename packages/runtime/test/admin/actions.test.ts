import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerBy, type AdminRuns, type AdminTable } from '@banshare/runtime';

const DONE = { ok: true, result: 'done' } as const;
const TABLE = {
  revoke: {
    takes: {
      name: 'text',
      'replace?': 'flag',
      'since?': 'number',
      'names?': 'list',
      'how?': ['now', 'later'],
    },
    gives: 'text',
  },
  ping: { takes: {}, gives: 'text' },
} as const satisfies AdminTable;
const RUNS: AdminRuns<typeof TABLE, string[]> = {
  revoke: (args, calls) => {
    calls.push(JSON.stringify(args));
    return DONE;
  },
  ping: () => DONE,
};

for (const [what, command, args, reason] of [
  ['an unknown action', 'revok', {}, /the command "revok": is "revoke" meant\? known are revoke, ping/],
  ['a name of every object', 'constructor', {}, /does not know the command "constructor": known are/],
  [
    'an unknown argument',
    'revoke',
    { name: 'h1', nam: 'x' },
    /revoke takes no argument "nam": is "name" meant/,
  ],
  ['an argument where there is none', 'ping', { all: true }, /ping takes no argument "all": it takes none/],
  ['a missing argument', 'revoke', { replace: true }, /revoke needs the argument "name"/],
  ['a name of every object as argument', 'revoke', { name: 'h1', toString: 'x' }, /no argument "toString"/],
  ['the inner name of an argument', 'revoke', { name: 'h1', 'replace?': true }, /no argument "replace\?"/],
  ['a number for a text', 'revoke', { name: 7 }, /revoke takes as "name" a text, not 7/],
  ['nothing for a text', 'revoke', { name: null }, /revoke takes as "name" a text, not null/],
  ['a text for a flag', 'revoke', { name: 'h1', replace: 'yes' }, /"replace" true or false, not "yes"/],
  ['a text for a number', 'revoke', { name: 'h1', since: '7' }, /"since" a number, not "7"/],
  ['a table for a list', 'revoke', { name: 'h1', names: {} }, /"names" a list, not a table/],
  ['another word', 'revoke', { name: 'h1', how: 'never' }, /"how" now or later, not "never"/],
] as const) {
  test(`answerBy() refuses ${what}, says what is known, and does nothing`, async () => {
    const calls: string[] = [];
    const reply = await answerBy(TABLE, RUNS, { command, args }, calls);
    assert.ok(!reply.ok);
    assert.match(reply.reason, reason);
    assert.deepEqual(calls, []);
  });
}

test('answerBy() runs an action with what it takes', async () => {
  const calls: string[] = [];
  const args = { name: 'h1', replace: true, since: 7, names: [], how: 'now' };
  assert.deepEqual(await answerBy(TABLE, RUNS, { command: 'revoke', args }, calls), DONE);
  assert.deepEqual(await answerBy(TABLE, RUNS, { command: 'revoke', args: { name: 'h1' } }, calls), DONE);
  assert.deepEqual(calls, [JSON.stringify(args), '{"name":"h1"}']);
});
