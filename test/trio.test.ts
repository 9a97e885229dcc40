import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { startFleet, type Fleet, type FleetHost } from './fleet/index.ts';

type Row = {
  ip: string;
  jail: string;
  localJail: string;
  status: string;
  reason: string;
  until: number | null;
  at: number;
};

async function bansOf(host: FleetHost): Promise<Row[]> {
  const { code, stdout } = await host.command('bans', '--json');
  assert.equal(code, 0);
  return (JSON.parse(stdout) as { bans: Row[] }).bans;
}

async function banOf(host: FleetHost, address: string): Promise<Row | undefined> {
  return (await bansOf(host)).find(({ ip }) => ip === address);
}

/** Adds a host whose client.toml has more lines of [apply], or sections before it. */
async function addHost(fleet: Fleet, name: string, apply: string, sections = ''): Promise<FleetHost> {
  const host = fleet.layHost(name, sections);
  const toml = readFileSync(host.paths.clientConfig, 'utf8');
  host.writeToml(toml.replace('[apply]\n', `[apply]\n${apply}\n`));
  await host.start();
  return host;
}

async function report(fleet: Fleet, host: string, ...words: string[]): Promise<void> {
  const { code, stderr } = await fleet.report(host, words);
  assert.equal(code, 0, stderr);
}

/** Waits until a host has run its ban command for each of these addresses. */
async function untilBanned(host: FleetHost, addresses: Iterable<string>): Promise<void> {
  const missing = new Set(addresses);
  for (const [, , verb, ip = ''] of host.commands.all) if (verb === 'banip') missing.delete(ip);
  while (missing.size > 0) {
    const [, , verb, ip = ''] = await host.commands.next();
    if (verb === 'banip') missing.delete(ip);
  }
}

const addresses = (count: number, from = 1): string[] =>
  Array.from({ length: count }, (_, index) => `198.51.100.${from + index}`);

// What needs no fleet of its own, since it bans addresses of its own and waits for all that it made happen.
let fleet: Fleet;
before(async () => {
  fleet = await startFleet({ hosts: ['h1', 'h2', 'h3'] });
});
after(() => fleet[Symbol.asyncDispose]());

test('A report on h1 runs the ban command on h2 and h3 with exactly its words, and h1 skips its own', async () => {
  await report(fleet, 'h1', 'fail2ban', 'sshd', '203.0.113.9');
  for (const name of ['h2', 'h3'])
    assert.deepEqual(await fleet.host(name).commands.next(), ['set', 'sshd', 'banip', '203.0.113.9']);
  await fleet.host('h1').line(/Ban .*ip=203\.0\.113\.9 .*outcome=skipped reason=own/);
  const [own, ...more] = await bansOf(fleet.host('h1'));
  assert.deepEqual([own?.ip, own?.status, own?.reason, more.length], ['203.0.113.9', 'skipped', 'own', 0]);
  assert.deepEqual(fleet.host('h1').commands.all, []);
  assert.deepEqual(readdirSync(fleet.pathsOf('h2').notes), ['sshd@203.0.113.9']);
  for (const name of ['h2', 'h3']) assert.equal(fleet.host(name).commands.all.length, 1);
});

test('A ban is lifted at its end, on the hosts that applied it', async () => {
  const h2 = fleet.host('h2');
  await report(fleet, 'h1', '--duration', '3s', 'fail2ban', 'sshd', '203.0.113.20');
  assert.deepEqual(await h2.commands.next(), ['set', 'sshd', 'banip', '203.0.113.20']);
  const until = (await banOf(h2, '203.0.113.20'))?.until ?? 0;
  assert.deepEqual(await h2.commands.next(), ['set', 'sshd', 'unbanip', '203.0.113.20']);
  assert.ok(Date.now() / 1000 >= until, 'lifted too early');
  await h2.line(/Unban .*203\.0\.113\.20/);
  assert.equal(await banOf(h2, '203.0.113.20'), undefined);
  assert.deepEqual(fleet.host('h1').commands.all, []);
});

test('A ban that was in place before is not lifted when the shared one ends', async () => {
  const h2 = fleet.host('h2');
  const before = h2.commands.all.length;
  h2.commands.behave('if [ "$2" = sshd ]; then echo 0; fi');
  await report(fleet, 'h1', '--duration', '3s', 'fail2ban', 'sshd', '203.0.113.30');
  await report(fleet, 'h1', '--duration', '4s', 'fail2ban', 'nginx', '203.0.113.31');
  assert.equal((await h2.commands.next())[2], 'banip');
  assert.equal((await h2.commands.next())[2], 'banip');
  assert.deepEqual(await h2.commands.next(), ['set', 'nginx', 'unbanip', '203.0.113.31']);
  assert.equal(h2.commands.all.length, before + 3);
  h2.commands.behave('');
});

test('Commands for one address stay in order, however long each takes', async () => {
  const h2 = fleet.host('h2');
  h2.commands.behave('if [ "$4" = 203.0.113.40 ] && [ "$2" = a ]; then sleep 0.5; fi');
  const jails = ['a', 'b', 'c', 'd', 'e'];
  const lines = jails.flatMap((jail) => [`fail2ban ${jail} 203.0.113.40`, `fail2ban ${jail} 203.0.113.41`]);
  const { code } = await fleet.report('h1', ['--stdin'], { stdin: `${lines.join('\n')}\n` });
  assert.equal(code, 0);
  for (let runs = 0; runs < lines.length; runs += 1) await h2.commands.next();
  h2.commands.behave('');
  for (const ip of ['203.0.113.40', '203.0.113.41']) {
    const order = h2.commands.all.filter((words) => words[3] === ip).map((words) => words[1]);
    assert.deepEqual(order, jails);
  }
});

test('A ban whose jail is missing on a host lands in its jail banshare, and is lifted there', async () => {
  const h2 = fleet.host('h2');
  h2.commands.behave(
    `[ "$2" = banshare ] || { echo "Sorry but the jail '$2' does not exist" >&2; exit 255; }`,
  );
  await report(fleet, 'h1', '--duration', '4s', 'fail2ban', 'sshd', '203.0.113.60');
  assert.deepEqual(await h2.commands.next(), ['set', 'sshd', 'banip', '203.0.113.60']);
  assert.deepEqual(await h2.commands.next(), ['set', 'banshare', 'banip', '203.0.113.60']);
  const notes = readdirSync(h2.paths.notes).filter((name) => name.endsWith('@203.0.113.60'));
  assert.deepEqual(notes, ['banshare@203.0.113.60']);
  assert.deepEqual(await h2.commands.next(), ['set', 'banshare', 'unbanip', '203.0.113.60']);
  h2.commands.behave('');
});

test('Nothing of a hostile report is executed anywhere', async () => {
  const before = fleet.host('h2').commands.all.length;
  for (const words of [
    ['fail2ban', 'sshd', '203.0.113.70;id'],
    ['fail2ban', '$(id)', '203.0.113.70'],
    ['fail2ban', "ss'hd", '203.0.113.70'],
    ['a b', 'sshd', '203.0.113.70'],
  ]) {
    const { code } = await fleet.report('h1', words);
    assert.ok(code === 65 || code === 64, `${words.join(' ')}: ${code}`);
  }
  await report(fleet, 'h1', '--port', 'http,https', 'fail2ban', 'sshd', '203.0.113.70');
  assert.deepEqual(await fleet.host('h2').commands.next(), ['set', 'sshd', 'banip', '203.0.113.70']);
  assert.equal(fleet.host('h2').commands.all.length, before + 1);
});

test('A command that fails is named with its reason, and the next ban is applied', async () => {
  // Tried again later, it is the last of this fleet.
  const h2 = fleet.host('h2');
  h2.commands.behave('if [ "$4" = 203.0.113.50 ]; then echo "no firewall" >&2; exit 3; fi');
  await report(fleet, 'h1', 'fail2ban', 'sshd', '203.0.113.50');
  await report(fleet, 'h1', 'fail2ban', 'sshd', '203.0.113.51');
  assert.match(await h2.line(/Cannot ban/), /203\.0\.113\.50.*exit 3 after \d+ ms: no firewall/);
  await h2.line(/Ban .*203\.0\.113\.51.*applied/);
  const failed = await banOf(h2, '203.0.113.50');
  assert.match(`${failed?.status}: ${failed?.reason}`, /^failed: exit 3 after \d+ ms: no firewall$/);
});

test('Each host takes what its configuration wants, where it wants it', async () => {
  await using fleet = await startFleet();
  const own = await addHost(fleet, 'own', 'own-reports = true');
  const dry = await addHost(fleet, 'dry', 'enforcer = "none"');
  const few = await addHost(fleet, 'few', '', '[follow]\njails = ["nginx"]\n');
  const psad = await addHost(fleet, 'psad', '', '[follow]\nprogs = ["psad"]\n');
  const map = await addHost(
    fleet,
    'map',
    'jails = { "fail2ban/sshd" = "ssh-all", "sshd" = "ssh", "*" = "rest" }',
  );
  await report(fleet, 'own', 'fail2ban', 'sshd', '203.0.113.1');
  await report(fleet, 'own', 'psad', 'sshd', '203.0.113.2');
  await report(fleet, 'own', 'fail2ban', 'nginx', '203.0.113.3');
  await report(fleet, 'own', 'psad', 'nginx', '203.0.113.4');
  const lasts = [1, 2, 3, 4];
  for (const [host, wanted] of [
    [own, lasts],
    [few, [3, 4]],
    [psad, [2, 4]],
    [map, lasts],
  ] as const)
    await untilBanned(
      host,
      wanted.map((last) => `203.0.113.${last}`),
    );
  const ran = (host: FleetHost): string[] =>
    host.commands.all.map(([, jail, , ip]) => `${jail} ${ip?.at(-1)}`).sort();
  assert.deepEqual(ran(own), ['nginx 3', 'nginx 4', 'sshd 1', 'sshd 2']);
  assert.deepEqual(ran(few), ['nginx 3', 'nginx 4']);
  assert.deepEqual(ran(psad), ['nginx 4', 'sshd 2']);
  assert.deepEqual(ran(map), ['rest 3', 'rest 4', 'ssh 2', 'ssh-all 1']);
  assert.match(await dry.line(/Would ban.*203\.0\.113\.1/), /set sshd banip 203\.0\.113\.1/);
  await dry.line(/Would ban.*203\.0\.113\.4/);
  assert.deepEqual(dry.commands.all, []);
});

test('A client that was killed gets what it missed, and what it had is not applied again', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const h2 = fleet.host('h2');
  await report(fleet, 'h1', 'fail2ban', 'sshd', '203.0.113.1');
  await h2.line(/Ban .*203\.0\.113\.1/);
  await h2.stop('SIGKILL');
  await report(fleet, 'h1', 'fail2ban', 'sshd', '203.0.113.2');
  await report(fleet, 'h1', 'fail2ban', 'sshd', '203.0.113.3');
  await h2.start();
  await untilBanned(h2, ['203.0.113.2', '203.0.113.3']);
  assert.equal(h2.commands.all.filter((words) => words[3] === '203.0.113.1').length, 1);
});

test('A server that is restarted goes on where it was, and every client with it', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2', 'h3'] });
  await report(fleet, 'h1', 'fail2ban', 'sshd', '203.0.113.1');
  await fleet.server.restart();
  await report(fleet, 'h2', 'fail2ban', 'sshd', '203.0.113.2');
  await untilBanned(fleet.host('h3'), ['203.0.113.1', '203.0.113.2']);
  await untilBanned(fleet.host('h1'), ['203.0.113.2']);
  assert.equal(fleet.host('h3').commands.all.length, 2);
});

test('A client killed while its ban lands in another jail lifts it there all the same', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const h2 = fleet.host('h2');
  const missing = `[ "$2" = banshare ] || { echo "Sorry but the jail '$2' does not exist" >&2; exit 255; }`;
  const end = `${h2.root}/end`;
  assert.equal(spawnSync('mkfifo', [end]).status, 0);
  h2.commands.behave(`${missing}; read -r _ <${end}`);
  await report(fleet, 'h1', 'fail2ban', 'sshd', '203.0.113.9');
  await h2.commands.next();
  assert.equal((await h2.commands.next())[1], 'banshare');
  await h2.stop('SIGKILL');
  // Nobody else ends a command whose client was killed.
  await writeFile(end, '\n');
  // Now the command finds what the one before the kill had done.
  h2.commands.behave(`${missing}; [ $3 = unbanip ] || echo 0`);
  await h2.start();
  for (const jail of ['sshd', 'banshare'])
    assert.deepEqual(await h2.commands.next(), ['set', jail, 'banip', '203.0.113.9']);
  await h2.line(/Ban .*203\.0\.113\.9/);
  // As at its end, only what is banshare's own is lifted by a pause.
  assert.equal((await h2.command('pause')).code, 0);
  assert.deepEqual(await h2.commands.next(), ['set', 'banshare', 'unbanip', '203.0.113.9']);
});

test('A client with many bans to go stops when the running commands end, and goes on after its next start', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const h2 = fleet.host('h2');
  h2.commands.behave('sleep 1');
  const all = addresses(100);
  const { code } = await fleet.report('h1', ['--stdin'], {
    stdin: all.map((ip) => `fail2ban sshd ${ip}\n`).join(''),
  });
  assert.equal(code, 0);
  await h2.commands.next();
  assert.equal(await h2.stop(), 0);
  assert.ok(h2.commands.all.length < 40, `${h2.commands.all.length} ran`);
  h2.commands.behave('');
  await h2.start();
  await untilBanned(h2, all);
});
