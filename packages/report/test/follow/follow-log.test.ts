import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Program, startFleet, within } from '../../../../test/fleet/index.ts';

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

// One fleet serves most tests of this file, each with a host and a network of its own: h2 hears of what they report.
const shared = await startFleet({ hosts: ['h2'] });
after(() => shared[Symbol.asyncDispose]());

type Following = { log: string; start: () => Promise<Program> };

/** A host of the shared fleet whose fail2ban.log is followed, and no client runs. */
async function following(name: string, words: readonly string[] = []): Promise<Following> {
  return followingIn(await shared.addReporter(name), words);
}

/** A host whose fail2ban.log is followed; what is written to it is as fail2ban writes. */
function followingIn(root: string, words: readonly string[] = []): Following {
  const log = join(root, 'fail2ban.log');
  writeFileSync(log, `${AT}[sshd] Ban 203.0.113.1\n`);
  const start = async (): Promise<Program> => {
    const program = new Program('report', ['--root', root, ...words, '--follow', log]);
    await program.line(/follows /);
    return program;
  };
  return { log, start };
}

test('--follow reports new bans, through rotation and truncation, and goes on after a restart where it was', async () => {
  const { log, start } = await following('rotates');
  const h2 = shared.host('h2');
  const first = await start();
  const banned = async (ip: string): Promise<void> => assert.equal((await h2.commands.next()).at(-1), ip);

  appendFileSync(
    log,
    `${AT}[sshd] Ban 203.0.101.2\n${AT}[sshd] Unban 203.0.101.2\n${AT}[sshd] Restore Ban 203.0.101.3\n`,
  );
  await banned('203.0.101.2');
  appendFileSync(log, `${AT}[sshd] Ban 203.0`);
  appendFileSync(log, '.101.4\n');
  await banned('203.0.101.4');
  renameSync(log, `${log}.1`);
  appendFileSync(`${log}.1`, `${AT}[sshd] Ban 203.0.101.5\n`);
  writeFileSync(log, `${AT}[sshd] Ban 203.0.101.6\n`);
  const both = [await h2.commands.next(), await h2.commands.next()].map((words) => words.at(-1));
  assert.deepEqual(new Set(both), new Set(['203.0.101.5', '203.0.101.6']));
  truncateSync(log, 0);
  appendFileSync(log, `${AT}[sshd] Ban 203.0.101.7\n`);
  await banned('203.0.101.7');
  assert.equal(await first.stop(), 0);

  appendFileSync(log, `${AT}[sshd] Ban 203.0.101.8\n`);
  const second = await start();
  await banned('203.0.101.8');
  await second.stop();
});

test('--follow that begins while client.toml has a fault waits until it is mended, and reports what was banned meanwhile', async () => {
  const { log } = await following('mended');
  const { clientConfig } = shared.pathsOf('mended');
  const good = readFileSync(clientConfig, 'utf8');
  writeFileSync(clientConfig, `${good}[never-ban\n`);
  const words = ['--root', shared.rootOf('mended'), '--follow'];
  const [first, piped] = [new Program('report', [...words, log]), new Program('report', [...words, '-'])];
  const waits = /it waits until that is mended, and reports then what was banned meanwhile/;
  await Promise.all([first.line(waits), piped.line(waits)]);
  assert.match(first.said.join('\n'), /client\.toml: line \d+/);
  await piped.stop('SIGKILL');
  assert.equal(await first.stop(), 0);
  appendFileSync(log, `${AT}[sshd] Ban 203.0.102.2\n`);
  const second = new Program('report', [...words, log]);
  await second.line(waits);
  writeFileSync(clientConfig, good);
  assert.equal((await shared.host('h2').commands.next()).at(-1), '203.0.102.2');
  await second.stop();
});

test('--follow leaves out other jails, the shared jail and what banshare itself applied here', async () => {
  const { log, start } = await following('jails', ['--jail', 'sshd']);
  const { notes } = shared.pathsOf('jails');
  mkdirSync(notes, { recursive: true });
  writeFileSync(join(notes, 'sshd@203.0.103.3'), '');
  const program = await start();
  const lines = [
    '[postfix] Ban 203.0.103.1',
    '[banshare] Ban 203.0.103.2',
    '[sshd] Ban 203.0.103.3',
    '[sshd] Ban 10.0.0.1',
  ];
  appendFileSync(
    log,
    [...lines, '[sshd] Ban 203.0.103.9', ''].map((line) => (line === '' ? '' : AT + line)).join('\n'),
  );
  assert.equal((await shared.host('h2').commands.next()).at(-1), '203.0.103.9');
  await program.line(/10\.0\.0\.1 lies in 10\.0\.0\.0\/8/);
  await program.stop();
});

test('--follow reads what was rotated away while it was stopped, and says where that is gone', async () => {
  const { log, start } = await following('stopped');
  const banned = async (ip: string): Promise<void> =>
    assert.equal((await shared.host('h2').commands.next()).at(-1), ip);
  const first = await start();
  appendFileSync(log, `${AT}[sshd] Ban 203.0.104.2\n`);
  await banned('203.0.104.2');
  assert.equal(await first.stop(), 0);

  appendFileSync(log, `${AT}[sshd] Ban 203.0.104.3\n`);
  renameSync(log, `${log}.2`);
  writeFileSync(`${log}.1`, `${AT}[sshd] Ban 203.0.104.4\n`);
  writeFileSync(`${log}.notes`, `${AT}[sshd] Ban 203.0.104.99\n`);
  writeFileSync(log, `${AT}[sshd] Ban 203.0.104.5\n`);
  const second = await start();
  const next = async (): Promise<string> => (await shared.host('h2').commands.next()).at(-1) ?? '';
  const three = [await next(), await next(), await next()];
  assert.deepEqual(three.sort(), ['203.0.104.3', '203.0.104.4', '203.0.104.5']);
  assert.equal(await second.stop(), 0);

  renameSync(log, join(shared.rootOf('stopped'), 'elsewhere'));
  writeFileSync(log, `${AT}[sshd] Ban 203.0.104.6\n`);
  const third = await start();
  await third.line(/rotated away while nobody followed it/);
  await banned('203.0.104.6');
  await third.stop();
});

test('--follow knows a ban of its own client also where its note is gone, and leaves out what is too old', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const { log, start } = followingIn(fleet.rootOf('h1'));
  assert.equal((await fleet.report('h2', ['fail2ban', 'sshd', '203.0.113.3'])).code, 0);
  await fleet.host('h1').line(/Ban .*203\.0\.113\.3.*applied/);
  rmSync(join(fleet.pathsOf('h1').notes, 'sshd@203.0.113.3'));
  await (await start()).stop();
  const { spool } = fleet.pathsOf('h1');
  const bookmark = readdirSync(spool).find((name) => name.startsWith('.follow-')) ?? '';
  const twoMonthsAgo = Date.now() / 1000 - 60 * 86_400;
  utimesSync(join(spool, bookmark), twoMonthsAgo, twoMonthsAgo);
  const lines = [
    `${AN_HOUR_AGO}[sshd] Ban 203.0.113.3`,
    `${at(30 * 86_400)}[sshd] Ban 203.0.113.4`,
    `${AN_HOUR_AGO}[sshd] Ban 203.0.113.5`,
  ];
  appendFileSync(log, `${lines.join('\n')}\n`);
  const program = await start();
  await program.line(/203\.0\.113\.4: too old to be reported/);
  assert.equal((await fleet.host('h2').commands.next()).at(-1), '203.0.113.5');
  const { reports } = await fleet.server.json<{ reports: { host: string }[] }>('explain', '203.0.113.3');
  assert.deepEqual(
    reports.map(({ host }) => host),
    ['h2'],
  );
  await program.stop();
});

test('--follow of a log in a folder that is not there says so', async () => {
  await shared.addReporter('nowhere');
  const ended = await shared.report('nowhere', ['--follow', '/nonexistent/fail2ban.log']);
  assert.equal(ended.code, 78);
  assert.match(ended.stderr, /there is no folder "\/nonexistent"/);
});

test('--follow goes on in a log that was rotated away under a fail2ban that nobody told, and says what it cannot read', async () => {
  const { log, start } = await following('untold');
  const program = await start();
  const banned = async (ip: string): Promise<void> =>
    assert.equal((await shared.host('h2').commands.next()).at(-1), ip);
  renameSync(log, `${log}.1`);
  writeFileSync(log, '');
  appendFileSync(`${log}.1`, `${AT}[sshd] Ban 203.0.107.2\n`);
  await banned('203.0.107.2');
  renameSync(`${log}.1`, `${log}.2`);
  renameSync(log, `${log}.1`);
  writeFileSync(log, '');
  appendFileSync(`${log}.2`, `${AT}[sshd] Ban 203.0.107.3\n`);
  await banned('203.0.107.3');
  const odd = ['[my jail] Ban 203.0.107.4', '[my jail] Ban 203.0.107.5'].map((words) => `${AT}${words}`);
  const forms = ['4', '5'].map((ip) => `[fail2ban] {1} NOTICE [sshd] Ban 203.0.107.${ip}`);
  appendFileSync(log, `${[...odd, ...forms, `${AT}[sshd] Ban 203.0.107.6`].join('\n')}\n`);
  await banned('203.0.107.6');
  assert.equal(await program.stop(), 0);
  const count = (pattern: RegExp): number => program.said.filter((line) => pattern.test(line)).length;
  assert.equal(count(/the bans of a jail cannot be reported: "my jail" is not a jail name/), 1);
  assert.equal(count(/a ban in a form that is not understood is not reported/), 1);
});

test('--follow takes a line that arrives for one of now, whatever zone its time is in', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const { log, start } = followingIn(fleet.rootOf('h1'));
  const program = await start();
  assert.equal((await fleet.report('h2', ['fail2ban', 'sshd', '203.0.113.2'])).code, 0);
  // While the shared ban stands there, what the log says of it is its echo.
  await fleet.host('h1').line(/Ban .*203\.0\.113\.2/);
  await fleet.server.says('unban', '203.0.113.2');
  await fleet.host('h1').line(/Unban .*203\.0\.113\.2/);
  appendFileSync(log, `${at(9 * 3600)}[sshd] Ban 203.0.113.2\n${at(-9 * 3600)}[sshd] Ban 203.0.113.3\n`);
  const ips = [await fleet.host('h2').commands.next(), await fleet.host('h2').commands.next()];
  assert.deepEqual(new Set(ips.map((words) => words.at(-1))), new Set(['203.0.113.2', '203.0.113.3']));
  await program.stop();
});

test('--follow says that a log is not there, and follows it when it comes', async () => {
  const root = await shared.addReporter('late');
  const log = join(root, 'late.log');
  const program = new Program('report', ['--root', root, '--follow', log]);
  await program.line(/waits for .*late\.log, which is not there: no ban is reported before it comes/);
  writeFileSync(log, `${AT}[sshd] Ban 203.0.109.2\n`);
  await program.line(/follows .*late\.log/);
  assert.equal((await shared.host('h2').commands.next()).at(-1), '203.0.109.2');
  await program.stop();
});

test('--follow - reports what the journal hands over, the same text twice where it has no time, and ends with it', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const lines = [
    '2026-11-20T23:00:00+0100 h1 sshd[1]: Invalid user fail2ban.actions[1]: NOTICE [sshd] Ban 203.0.113.9',
    `${new Date().toISOString().replace(/\.\d+Z$/, '+0000')} h1 fail2ban.actions[812]: NOTICE [sshd] Ban 203.0.113.2`,
    'fail2ban.actions        [812]: NOTICE  [sshd] Ban 203.0.113.3',
    '',
  ];
  const first = await fleet.report('h1', ['--follow', '-'], { stdin: lines.join('\n') });
  assert.equal(first.code, 0, first.stderr);
  const next = fleet.host('h2').commands;
  const two = [(await next.next()).at(-1), (await next.next()).at(-1)];
  assert.deepEqual(new Set(two), new Set(['203.0.113.2', '203.0.113.3']));
  await fleet.server.says('unban', '203.0.113.2');
  await fleet.server.says('unban', '203.0.113.3');
  await within(fleet.host('h2').line(/Unban .*203\.0\.113\.3/), 20_000, () => 'both unbans on h2');
  const second = await fleet.report('h1', ['--follow', '-'], { stdin: lines.join('\n') });
  assert.equal(second.code, 0, second.stderr);
  const bans = await fleet.server.json<{ bans: { ip: string }[] }>('bans');
  assert.deepEqual(
    bans.bans.map(({ ip }) => ip),
    ['203.0.113.3'],
  );
});

test('--follow knows what its client applied and lifted again by the time of the line, and reports what came later', async () => {
  const { log, start } = await following('lifted');
  const { sharedBans } = shared.pathsOf('lifted');
  mkdirSync(sharedBans, { recursive: true });
  const now = Math.floor(Date.now() / 1000);
  await (await start()).stop();
  const { spool } = shared.pathsOf('lifted');
  const bookmark = readdirSync(spool).find((name) => name.startsWith('.follow-')) ?? '';
  utimesSync(join(spool, bookmark), now - 86_400, now - 86_400);
  for (const age of [7200, 3600]) {
    const day = join(sharedBans, new Date((now - age) * 1000).toISOString().slice(0, 10));
    appendFileSync(day, `${now - age} sshd 203.0.111.${age / 3600}\n`);
  }
  appendFileSync(log, `${at(7195)}[sshd] Ban 203.0.111.2\n${at(3000)}[sshd] Ban 203.0.111.1\n`);
  const program = await start();
  assert.equal((await shared.host('h2').commands.next()).at(-1), '203.0.111.1');
  await program.stop();
  const { bans } = await shared.server.json<{ bans: { ip: string }[] }>('bans', '203.0.111.0/24');
  assert.deepEqual(
    bans.map(({ ip }) => ip),
    ['203.0.111.1'],
  );
});
