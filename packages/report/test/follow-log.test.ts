import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Program, startFleet, type Fleet } from '../../../test/fleet/index.ts';
import { readLogLine } from '../src/fail2ban-line.ts';

const AT = '2026-11-20 23:00:00,123 fail2ban.actions        [812]: NOTICE  ';

/** A host whose fail2ban.log is followed; `ban` writes to it as fail2ban does. */
async function following(
  fleet: Fleet,
  words: readonly string[] = [],
): Promise<{ log: string; start: () => Promise<Program> }> {
  const root = fleet.rootOf('h1');
  const log = join(root, 'fail2ban.log');
  writeFileSync(log, `${AT}[sshd] Ban 203.0.113.1\n`);
  const start = async (): Promise<Program> => {
    const program = new Program('report', ['--root', root, ...words, '--follow', log]);
    await program.line(/follows /);
    return program;
  };
  return { log, start };
}

test('readLogLine() reads bans, and neither unbans nor restored ones nor what others write', () => {
  assert.deepEqual(readLogLine(`${AT}[sshd] Ban 203.0.113.9`), { jail: 'sshd', ip: '203.0.113.9' });
  assert.deepEqual(readLogLine(`${AT}[my.jail-2] Ban 2001:db8::9 `), {
    jail: 'my.jail-2',
    ip: '2001:db8::9',
  });
  for (const line of [
    `${AT}[sshd] Unban 203.0.113.9`,
    `${AT}[sshd] Restore Ban 203.0.113.9`,
    `${AT}[sshd] 203.0.113.9 already banned`,
    `${AT}[ss hd] Ban 203.0.113.9`,
    `2026-11-20 23:00:00,123 fail2ban.filter [812]: NOTICE [sshd] Ban 203.0.113.9`,
    `x y NOTICE [sshd] Ban 203.0.113.9`,
    '',
  ]) {
    assert.equal(readLogLine(line), undefined, line);
  }
});

test('--follow reports new bans, through rotation and truncation, and goes on after a restart where it was', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const { log, start } = await following(fleet);
  const h2 = fleet.host('h2');
  const first = await start();
  const banned = async (ip: string): Promise<void> => assert.equal((await h2.commands.next()).at(-1), ip);

  appendFileSync(
    log,
    `${AT}[sshd] Ban 203.0.113.2\n${AT}[sshd] Unban 203.0.113.2\n${AT}[sshd] Restore Ban 203.0.113.3\n`,
  );
  await banned('203.0.113.2');
  appendFileSync(log, `${AT}[sshd] Ban 203.0`);
  appendFileSync(log, '.113.4\n');
  await banned('203.0.113.4');
  renameSync(log, `${log}.1`);
  appendFileSync(`${log}.1`, `${AT}[sshd] Ban 203.0.113.5\n`);
  writeFileSync(log, `${AT}[sshd] Ban 203.0.113.6\n`);
  await banned('203.0.113.5');
  await banned('203.0.113.6');
  truncateSync(log, 0);
  appendFileSync(log, `${AT}[sshd] Ban 203.0.113.7\n`);
  await banned('203.0.113.7');
  assert.equal(await first.stop(), 0);

  appendFileSync(log, `${AT}[sshd] Ban 203.0.113.8\n`);
  const second = await start();
  await banned('203.0.113.8');
  await second.stop();
});

test('--follow leaves out other jails, the shared jail and what banshare itself applied here', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const { log, start } = await following(fleet, ['--jail', 'sshd']);
  const { notes } = fleet.pathsOf('h1');
  mkdirSync(notes, { recursive: true });
  writeFileSync(join(notes, 'sshd@203.0.113.3'), '');
  const program = await start();
  const lines = [
    '[postfix] Ban 203.0.113.1',
    '[banshare] Ban 203.0.113.2',
    '[sshd] Ban 203.0.113.3',
    '[sshd] Ban 10.0.0.1',
  ];
  appendFileSync(
    log,
    [...lines, '[sshd] Ban 203.0.113.9', ''].map((line) => (line === '' ? '' : AT + line)).join('\n'),
  );
  assert.equal((await fleet.host('h2').commands.next()).at(-1), '203.0.113.9');
  await program.line(/10\.0\.0\.1 lies in 10\.0\.0\.0\/8/);
  await program.stop();
});
