import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readLogLine, unknownForm } from '../../src/follow/fail2ban-line.ts';

const NOW = Date.UTC(2026, 10, 26, 12) / 1000;
const local = new Date(2026, 10, 20, 23, 0, 0, 123).getTime() / 1000;
const zoned = Date.UTC(2026, 10, 20, 22) / 1000;
const SYSLOG = new Date(2026, 10, 20, 23, 0, 0).getTime() / 1000;

/** Lines as fail2ban 0.8 to 1.1, syslog and the journal write them; each tells that sshd bans 203.0.113.9. */
const LINES: readonly [says: string, prefix: string, at: number | undefined, isExact?: true][] = [
  ['its own file', '2026-11-20 23:00:00,123 fail2ban.actions        [812]: NOTICE  ', local],
  ['fail2ban 0.8', '2026-11-20 23:00:00,123 fail2ban.actions: WARNING ', local],
  ['datetime=off', 'fail2ban.actions        [812]: NOTICE  ', undefined],
  ['padding=off', '2026-11-20 23:00:00,123 fail2ban.actions[812]: NOTICE ', local],
  ['a time that is none', '2026-13-20 99:00:00,123 fail2ban.actions [812]: NOTICE ', undefined],
  ['rsyslog', 'Nov 20 23:00:00 web7 fail2ban.actions[812]: NOTICE ', SYSLOG],
  ['rsyslog in ISO', '2026-11-20T23:00:00.000000+01:00 web7 fail2ban.actions[812]: NOTICE ', zoned, true],
  ['journalctl', 'Nov 20 23:00:00 web7 fail2ban.actions[812]: NOTICE ', SYSLOG],
  ['journalctl -o short-iso', '2026-11-20T23:00:00+0100 web7 fail2ban.actions[812]: NOTICE ', zoned, true],
  [
    'the journal of a fail2ban that logs to its output',
    '2026-11-20T23:00:00+0100 web7 fail2ban-server[812]: 2026-11-20 22:00:00,123 fail2ban.actions        [812]: NOTICE  ',
    zoned,
    true,
  ],
  ["the journal's own handler", '2026-11-20T23:00:00+0100 web7 fail2ban[812]: ', zoned, true],
];

for (const [says, prefix, at, isExact = false] of LINES) {
  test(`readLogLine() reads a ban in the form of ${says}, and neither unbans nor restored ones`, () => {
    const ban = { jail: 'sshd', ip: '203.0.113.9', stamp: at === undefined ? undefined : { at, isExact } };
    assert.deepEqual(readLogLine(`${prefix}[sshd] Ban 203.0.113.9`, NOW), ban);
    assert.deepEqual(
      readLogLine(`${prefix}[sshd] Increase Ban 203.0.113.9 (2 # 2h 30m -> 2026-11-21 01:30:00)`, NOW),
      {
        ...ban,
        durationSeconds: 9000,
      },
    );
    for (const words of ['Unban 203.0.113.9', 'Restore Ban 203.0.113.9', '203.0.113.9 already banned'])
      assert.equal(readLogLine(`${prefix}[sshd] ${words}`, NOW), undefined, words);
  });
}

test('readLogLine() gives an odd jail as it is, and a syslog time of December in January the year before', () => {
  const [year, line] = [
    new Date(2027, 0, 1).getTime() / 1000,
    'Dec 31 23:59:59 h1 fail2ban.actions[1]: NOTICE [my jail] Ban ::1',
  ];
  const read = readLogLine(line, year);
  assert.deepEqual([read?.jail, read?.stamp?.at], ['my jail', year - 1]);
});

for (const line of [
  '2026-11-20 23:00:00,123 fail2ban.filter [812]: NOTICE [sshd] Ban 203.0.113.9',
  'x y NOTICE [sshd] Ban 203.0.113.9',
  'Nov 20 23:00:00 web7 sshd[1]: Invalid user fail2ban.actions[1]: NOTICE [sshd] Ban 203.0.113.9',
  'Nov 20 23:00:00 web7 sshd[1]: fail2ban[1]: [sshd] Ban 203.0.113.9',
  ' fail2ban.actions[1]: NOTICE [sshd] Ban 203.0.113.9',
  '',
]) {
  test(`readLogLine() takes no ban from what others write: ${JSON.stringify(line)}`, () => {
    assert.equal(readLogLine(line, NOW), undefined);
  });
}

test('unknownForm() is one word for all lines of a form that tells bans and cannot be read', () => {
  const form = unknownForm('7f3c fail2ban.actions NOTICE [sshd] Ban 203.0.113.9');
  assert.equal(form, unknownForm('81aa fail2ban.actions NOTICE [web] Ban 203.0.113.10'));
  assert.notEqual(form, undefined);
  for (const line of [
    'fail2ban.actions: [sshd] Unban 203.0.113.9',
    'fail2ban.filter: [sshd] Found 203.0.113.9',
    'cron: Ban me',
    `${'x'.repeat(600)} fail2ban.actions NOTICE [sshd] Ban 203.0.113.9`,
  ])
    assert.equal(unknownForm(line), undefined, line);
});
