import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Address, JailName, ProgName } from '@banshare/protocol';
import { startFleet, untilAnswered, type Fleet } from '../fleet/index.ts';

// Who stands behind a ban, and what ends it: supporters, as packages/protocol/README.md says.
const BAN = {
  prog: 'fail2ban' as ProgName,
  jail: 'sshd' as JailName,
  ip: '203.0.113.9' as Address,
};

type Shown = { bans: { ip: string; at: number; until: number }[] };

async function reports(fleet: Fleet, host: string, ...words: string[]): Promise<string> {
  const { code, stderr } = await fleet.report(host, words);
  assert.equal(code, 0, stderr);
  return stderr;
}

async function isBanned(fleet: Fleet, ip: string): Promise<boolean> {
  return (await fleet.server.json<Shown>('bans', ip)).bans.length > 0;
}

test("one host's unban does not lift what another still supports; the last one's does, on the others", async () => {
  await using fleet = await startFleet({ hosts: ['watcher'] });
  for (const name of ['a', 'b']) await fleet.addReporter(name);
  const { commands } = fleet.host('watcher');
  await reports(fleet, 'a', 'fail2ban', 'sshd', '203.0.113.9');
  assert.match(await reports(fleet, 'b', 'fail2ban', 'sshd', '203.0.113.9'), /duplicate/);
  await reports(fleet, 'a', '--unban', 'fail2ban', 'sshd', '203.0.113.9');
  assert.equal(await isBanned(fleet, '203.0.113.9'), true);
  await reports(fleet, 'b', '--unban', 'fail2ban', 'sshd', '203.0.113.9');
  assert.equal(await isBanned(fleet, '203.0.113.9'), false);
  assert.deepEqual(await commands.next(), ['set', 'sshd', 'banip', '203.0.113.9']);
  assert.deepEqual(await commands.next(), ['set', 'sshd', 'unbanip', '203.0.113.9']);
});

test('no host ends or shortens the ban of another, however short its own; both stand behind it then', async () => {
  await using fleet = await startFleet({
    hosts: ['watcher'],
    serverToml: '[dedupe]\nwindow = "1s"',
  });
  const [honest, evil] = [await fleet.peer('honest'), await fleet.peer('evil')];
  const ask = async (peer: typeof honest, durationSeconds: number): Promise<string> => {
    assert.ok(peer.name);
    const report = { ...BAN, durationSeconds };
    const answer = await peer.ask({ kind: 'report', sender: peer.name, report });
    assert.ok(answer.ok);
    return answer.reply.verdict;
  };
  const shown = async () => (await fleet.server.json<Shown>('bans', BAN.ip)).bans;
  assert.equal(await ask(honest, 7 * 86_400), 'accepted');
  const [before] = await shown();
  assert.ok(before);
  assert.deepEqual(await fleet.host('watcher').commands.next(), ['set', 'sshd', 'banip', BAN.ip]);
  for (let now = 0; now < before.at + 1;) {
    const answer = await evil.ask({ kind: 'sync', limit: 1 });
    assert.ok(answer.ok);
    ({ now } = answer.reply);
  }
  assert.equal(await ask(evil, 0), 'duplicate');
  assert.equal(await ask(evil, 3600), 'duplicate');
  assert.deepEqual(await shown(), [before]);
  // Whoever stands behind it too may leave, and it stays.
  const answer = await evil.ask({ kind: 'unban', ban: BAN });
  assert.ok(answer.ok && answer.reply.verdict === 'accepted');
  assert.deepEqual(await shown(), [before]);
});

test("an operator's unban runs on every host, also on the one that reported, and an older report does not undo it", async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const late = await fleet.peer('late');
  const before = Date.now() / 1000 - 5;
  await reports(fleet, 'h1', 'fail2ban', 'sshd', '203.0.113.9');
  assert.deepEqual(await fleet.host('h2').commands.next(), ['set', 'sshd', 'banip', '203.0.113.9']);
  assert.equal((await fleet.server.asks('unban', '203.0.113.9')).code, 0);
  for (const name of ['h1', 'h2']) {
    assert.deepEqual(await fleet.host(name).commands.next(), ['set', 'sshd', 'unbanip', '203.0.113.9'], name);
  }
  assert.ok(late.name);
  // Nor does one of a clock that is ahead, however new it says that it is.
  for (const at of [before, before + 60]) {
    const answer = await late.ask({ kind: 'report', sender: late.name, report: BAN }, { at });
    assert.ok(answer.ok);
    assert.equal(answer.reply.code, 'lifted');
  }
  await reports(fleet, 'h1', 'fail2ban', 'sshd', '203.0.113.9');
  assert.equal(await isBanned(fleet, '203.0.113.9'), true);
});

test('what was in place before is lifted by an operator only, never by its end', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const { commands } = fleet.host('h2');
  commands.behave('echo 0');
  await reports(fleet, 'h1', '--duration', '4', 'fail2ban', 'sshd', '203.0.113.9');
  await reports(fleet, 'h1', '--duration', '1h', 'fail2ban', 'sshd', '203.0.113.10');
  // They run side by side.
  const banned = new Set([(await commands.next()).at(-1), (await commands.next()).at(-1)]);
  assert.deepEqual(banned, new Set(['203.0.113.9', '203.0.113.10']));
  // Some seconds later the first is over, and forgotten without a command.
  const forgotten = async (): Promise<true | undefined> => {
    const { stdout } = await fleet.host('h2').command('bans', '--json');
    return stdout.includes('"203.0.113.9"') ? undefined : true;
  };
  await untilAnswered(forgotten, 20_000, () => 'a ban that is over to be forgotten');
  await fleet.server.asks('unban', '203.0.113.10');
  assert.deepEqual(await commands.next(), ['set', 'sshd', 'unbanip', '203.0.113.10']);
});

test('undo lifts what one host alone caused, keeps what others support, and lets it end when they said', async () => {
  await using fleet = await startFleet({ hosts: ['watcher'] });
  for (const name of ['bad', 'good']) await fleet.addReporter(name);
  await reports(fleet, 'bad', 'fail2ban', 'sshd', '203.0.113.9');
  await reports(fleet, 'bad', 'fail2ban', 'sshd', '203.0.113.10');
  await reports(fleet, 'good', 'fail2ban', 'sshd', '203.0.113.10');
  await reports(fleet, 'good', '--duration', '1h', 'fail2ban', 'sshd', '203.0.113.11');
  await reports(fleet, 'bad', '--duration', '1w', 'fail2ban', 'sshd', '203.0.113.11');
  const lasts = async (): Promise<number> => {
    const [ban] = (await fleet.server.json<Shown>('bans', '203.0.113.11')).bans;
    assert.ok(ban);
    return Math.round((ban.until - ban.at) / 3600);
  };
  assert.equal(await lasts(), 7 * 24);
  const dry = await fleet.server.asks('undo', '--host', 'bad', '--since', '10m', '--dry-run');
  assert.match(dry.stdout, /1 ban would be lifted .* 2 stay.* 1 of them would end earlier/);
  const { stdout } = await fleet.server.asks('undo', '--host', 'bad', '--since', '10m');
  assert.match(stdout, /203\.0\.113\.9/);
  assert.match(stdout, /2 stay/);
  assert.match(stdout, /1 of them end earlier again/);
  assert.equal(await isBanned(fleet, '203.0.113.9'), false);
  assert.equal(await isBanned(fleet, '203.0.113.10'), true);
  assert.equal(await lasts(), 1);
  // The hosts have it too: the fifth command is the lifting, the sixth the ban with its earlier end.
  const { commands } = fleet.host('watcher');
  for (let n = 0; n < 6; n += 1) await commands.next();
  const here = await fleet.host('watcher').command('bans', '--json');
  const { bans } = JSON.parse(here.stdout) as Shown;
  const held = bans.find(({ ip }) => ip === '203.0.113.11');
  assert.ok(held && held.until < Date.now() / 1000 + 2 * 3600);
});

test('with escalation the n-th ban of an address gets the n-th duration; one more while it is banned counts for nothing', async () => {
  await using fleet = await startFleet({ serverToml: '[bans]\nescalation = ["1h", "6h", "1d"]' });
  await fleet.addReporter('a');
  const lasts = async (ip: string): Promise<number> => {
    const [ban] = (await fleet.server.json<Shown>('bans', ip)).bans;
    assert.ok(ban);
    return Math.round((ban.until - ban.at) / 3600);
  };
  for (const hours of [1, 6, 24, 24]) {
    await reports(fleet, 'a', 'fail2ban', 'sshd', '203.0.113.9');
    await reports(fleet, 'a', 'fail2ban', 'postfix', '203.0.113.9');
    assert.equal(await lasts('203.0.113.9'), hours);
    // An operator lets it go; what its host takes back was no offence.
    assert.equal((await fleet.server.asks('unban', '203.0.113.9')).code, 0);
  }
});
