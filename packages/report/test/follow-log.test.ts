import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Program, startFleet, type Fleet } from '../../../test/fleet/index.ts';
import { readLogLine } from '../src/fail2ban-line.ts';

/** Begins a line of a moment ago, or of so many seconds before. */
function at(secondsAgo: number): string {
  const { year, month, day, hour, minute, second } = Object.fromEntries(
    new Intl.DateTimeFormat('en-CA', { dateStyle: 'short', timeStyle: 'medium', hourCycle: 'h23' })
      .formatToParts(Date.now() - secondsAgo * 1000)
      .map(({ type, value }) => [type, value]),
  );
  return `${year}-${month}-${day} ${hour}:${minute}:${second},123 fail2ban.actions        [812]: NOTICE  `;
}

const AT = at(1);
const AN_HOUR_AGO = at(3600);

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
  const word = 'fail2ban.actions        [812]: NOTICE ';
  assert.deepEqual(readLogLine(`2026-11-20 23:00:00,123 ${word} [sshd] Ban 203.0.113.9`), {
    jail: 'sshd',
    ip: '203.0.113.9',
    at: new Date(2026, 10, 20, 23, 0, 0, 123).getTime() / 1000,
  });
  assert.deepEqual(readLogLine(`2026-13-20 99:00:00,123 ${word} [my.jail-2] Ban 2001:db8::9 `), {
    jail: 'my.jail-2',
    ip: '2001:db8::9',
    at: undefined,
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

test('--follow reads what was rotated away while it was stopped, and says where that is gone', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const { log, start } = await following(fleet);
  const banned = async (ip: string): Promise<void> =>
    assert.equal((await fleet.host('h2').commands.next()).at(-1), ip);
  const first = await start();
  appendFileSync(log, `${AT}[sshd] Ban 203.0.113.2\n`);
  await banned('203.0.113.2');
  assert.equal(await first.stop(), 0);

  appendFileSync(log, `${AT}[sshd] Ban 203.0.113.3\n`);
  renameSync(log, `${log}.2`);
  writeFileSync(`${log}.1`, `${AT}[sshd] Ban 203.0.113.4\n`);
  writeFileSync(`${log}.notes`, `${AT}[sshd] Ban 203.0.113.99\n`);
  writeFileSync(log, `${AT}[sshd] Ban 203.0.113.5\n`);
  const second = await start();
  for (const ip of ['203.0.113.3', '203.0.113.4', '203.0.113.5']) await banned(ip);
  assert.equal(await second.stop(), 0);

  renameSync(log, join(fleet.rootOf('h1'), 'elsewhere'));
  writeFileSync(log, `${AT}[sshd] Ban 203.0.113.6\n`);
  const third = await start();
  await third.line(/rotated away while nobody followed it/);
  await banned('203.0.113.6');
  await third.stop();
});

test('--follow knows a ban of its own client also where its note is gone, and leaves out what is too old', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const { log, start } = await following(fleet);
  assert.equal((await fleet.report('h2', ['fail2ban', 'sshd', '203.0.113.3'])).code, 0);
  await fleet.host('h1').line(/Ban .*203\.0\.113\.3.*applied/);
  rmSync(join(fleet.pathsOf('h1').notes, 'sshd@203.0.113.3'));
  const program = await start();
  const lines = [
    `${AN_HOUR_AGO}[sshd] Ban 203.0.113.3`,
    `${at(30 * 86_400)}[sshd] Ban 203.0.113.4`,
    `${AN_HOUR_AGO}[sshd] Ban 203.0.113.5`,
  ];
  appendFileSync(log, `${lines.join('\n')}\n`);
  await program.line(/203\.0\.113\.4: too old to be reported/);
  assert.equal((await fleet.host('h2').commands.next()).at(-1), '203.0.113.5');
  const { stdout } = await fleet.server.command('explain', '203.0.113.3', '--json');
  const { reports } = JSON.parse(stdout) as { reports: { host: string }[] };
  assert.deepEqual(
    reports.map(({ host }) => host),
    ['h2'],
  );
  await program.stop();
});

test('--follow of a log in a folder that is not there says so', async () => {
  await using fleet = await startFleet({ hosts: ['h1'] });
  const ended = await fleet.report('h1', ['--follow', '/nonexistent/fail2ban.log']);
  assert.equal(ended.code, 78);
  assert.match(ended.stderr, /there is no folder "\/nonexistent"/);
});
