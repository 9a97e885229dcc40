import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readHostKey, writeCertificate } from '@banshare/transport';
import { startFleet, untilAnswered, type Fleet, type FleetHost } from '../fleet/index.ts';

// What keeps the administrator of a host in: what a host never bans, and the way back in from its console.
type Row = { ip: string; jail: string; status: string; reason: string };

async function rows(host: FleetHost): Promise<string[]> {
  const { bans } = JSON.parse((await host.command('bans', '--json')).stdout) as { bans: Row[] };
  return bans
    .map(({ ip, status, reason }) => `${ip} ${status}${reason === '' ? '' : ` (${reason})`}`)
    .toSorted();
}

async function report(fleet: Fleet, ...ips: string[]): Promise<void> {
  for (const ip of ips) assert.equal((await fleet.report('h1', ['fail2ban', 'sshd', ip])).code, 0);
}

const ban = (ip: string): string[] => ['set', 'sshd', 'banip', ip];
const unban = (ip: string): string[] => ['set', 'sshd', 'unbanip', ip];

/** The next commands, which run side by side, in the order of their addresses. */
async function nextCommands(host: FleetHost, count: number): Promise<string[]> {
  const commands: string[] = [];
  while (commands.length < count) commands.push((await host.commands.next()).slice(2).join(' '));
  return commands.toSorted((one, other) => one.localeCompare(other));
}

/** What h2 has told the server of an address, once it has told this. */
async function explained(fleet: Fleet, ip: string, outcome: string): Promise<string> {
  const ask = async (): Promise<string | undefined> => {
    const { stdout } = await fleet.server.asks('explain', ip);
    const line = /^ +h2: (.*)$/m.exec(stdout)?.[1] ?? '';
    return line.startsWith(outcome) ? line : undefined;
  };
  return untilAnswered(ask, 20_000, () => `h2 to tell that ${ip} is ${outcome}`);
}

test('A host bans nothing that client.toml lists, nor itself, nor who installed it, and the server knows the rule', async () => {
  await using fleet = await startFleet({ hosts: ['h1'] });
  const h2 = fleet.layHost(
    'h2',
    'addresses = ["203.0.113.33"]\n[never-ban]\naddresses = ["198.51.100.0/28"]',
  );
  mkdirSync(h2.paths.clientState, { recursive: true, mode: 0o700 });
  writeFileSync(join(h2.paths.clientState, 'installed-from'), '203.0.113.44\n2001:db8::44\n');
  await h2.start();
  await report(fleet, '203.0.113.33', '198.51.100.7', '203.0.113.44', '2001:db8::44', '203.0.113.9');
  assert.deepEqual(await h2.commands.next(), ban('203.0.113.9'));
  await h2.line(/Ban .*ip=203\.0\.113\.9 .*outcome=applied/);
  assert.deepEqual(await rows(h2), [
    '198.51.100.7 skipped (never-ban: 198.51.100.0/28 of [never-ban] in client.toml)',
    '2001:db8::44 skipped (never-ban: who installed banshare here)',
    '203.0.113.33 skipped (never-ban: an address of this host)',
    '203.0.113.44 skipped (never-ban: who installed banshare here)',
    '203.0.113.9 applied',
  ]);
  assert.equal(h2.commands.all.length, 1);
  assert.match(await explained(fleet, '203.0.113.33', 'skipped'), /never-ban: an address of this host/);
});

test('What is listed after it was banned is lifted at the next start, and banned again when it is listed no more', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const h2 = fleet.host('h2');
  await report(fleet, '198.51.100.7', '203.0.113.9');
  assert.deepEqual(await nextCommands(h2, 2), ['banip 198.51.100.7', 'banip 203.0.113.9']);
  await h2.stop();
  h2.writeToml(
    `${readFileSync(h2.paths.clientConfig, 'utf8')}\n[never-ban]\naddresses = ["198.51.100.0/24"]\n`,
  );
  await h2.start();
  assert.deepEqual(await h2.commands.next(), unban('198.51.100.7'));
  await h2.line(/Unban .*ip=198\.51\.100\.7 .*outcome=applied/);
  const rule = 'never-ban: 198.51.100.0/24 of [never-ban] in client.toml';
  assert.match(await explained(fleet, '198.51.100.7', 'skipped'), /never-ban: 198\.51\.100\.0\/24/);
  assert.deepEqual(await rows(h2), [`198.51.100.7 skipped (${rule})`, '203.0.113.9 applied']);
  // Reported again, it is no ban either.
  await report(fleet, '198.51.100.8');
  assert.match(await explained(fleet, '198.51.100.8', 'skipped'), /never-ban/);
  assert.equal(h2.commands.all.length, 3);
  await h2.stop();
  h2.writeToml(readFileSync(h2.paths.clientConfig, 'utf8').replace(/\n\[never-ban\]\n.*\n/, '\n'));
  await h2.start();
  assert.deepEqual(await nextCommands(h2, 2), ['banip 198.51.100.7', 'banip 198.51.100.8']);
  await explained(fleet, '198.51.100.7', 'applied');
  assert.equal(h2.commands.all.length, 5);
});

test('Who becomes protected while the client runs is let in within seconds', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const h2 = fleet.host('h2');
  await report(fleet, '203.0.113.44');
  assert.deepEqual(await h2.commands.next(), ban('203.0.113.44'));
  writeFileSync(join(h2.paths.clientState, 'installed-from'), '203.0.113.44\n');
  assert.deepEqual(await h2.commands.next(), unban('203.0.113.44'));
  await h2.line(/Lifts a ban, since the address is protected now .*203\.0\.113\.44/);
});

test('pause lifts all that banshare applied and applies nothing, also after a restart; resume brings it back', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const h2 = fleet.host('h2');
  await report(fleet, '203.0.113.1', '203.0.113.2');
  await h2.commands.next();
  await h2.commands.next();
  const paused = await h2.command('pause');
  assert.equal(paused.code, 0, paused.stderr);
  assert.match(paused.stdout, /^Paused: 2 bans of banshare are lifted/);
  assert.deepEqual(await nextCommands(h2, 2), ['unbanip 203.0.113.1', 'unbanip 203.0.113.2']);
  assert.match((await h2.command('status')).stdout, /^PAUSED since \S+: nothing is applied/);
  await h2.restart();
  await report(fleet, '203.0.113.3');
  assert.match(await explained(fleet, '203.0.113.3', 'skipped'), /paused/);
  assert.deepEqual(
    await rows(h2),
    [1, 2, 3].map((n) => `203.0.113.${n} skipped (paused)`),
  );
  assert.equal(h2.commands.all.length, 4);

  const resumed = await h2.command('resume');
  assert.match(resumed.stdout, /^Resumed: 3 bans are applied again/);
  assert.deepEqual(
    await nextCommands(h2, 3),
    [1, 2, 3].map((n) => `banip 203.0.113.${n}`),
  );
  assert.doesNotMatch((await h2.command('status')).stdout, /PAUSED/);
  await explained(fleet, '203.0.113.3', 'applied');
});

test('pause and resume work without a running client, and say so', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const h2 = fleet.host('h2');
  await report(fleet, '203.0.113.1');
  await h2.commands.next();
  await h2.stop('SIGKILL');
  const paused = await h2.command('pause');
  assert.equal(paused.code, 0, paused.stderr);
  assert.match(paused.stdout, /does not run on this host: this was done without it\. Paused: 1 ban /);
  assert.deepEqual(await h2.commands.next(), unban('203.0.113.1'));
  const status = await h2.command('status');
  assert.equal(status.code, 69);
  assert.match(status.stdout, /^PAUSED since /);
  await h2.start();
  await report(fleet, '203.0.113.2');
  await explained(fleet, '203.0.113.2', 'skipped');
  assert.equal(h2.commands.all.length, 2);
  await h2.stop();
  assert.match((await h2.command('resume')).stdout, /Resumed: 2 bans are applied again when it starts/);
  assert.equal(h2.commands.all.length, 2);
  await h2.start();
  assert.deepEqual(await nextCommands(h2, 2), ['banip 203.0.113.1', 'banip 203.0.113.2']);
});

test('A host goes on under the name that an operator hands it', async () => {
  await using fleet = await startFleet({ hosts: ['web'] });
  const original = fleet.host('web');
  const twin = fleet.layHost('twin');
  twin.writeToml(readFileSync(twin.paths.clientConfig, 'utf8').replace('name = "twin"', 'name = "web"'));
  await twin.start();
  const before = readHostKey(twin.paths.keys.host);
  const given = before.ok ? String(before.value.name) : '';
  assert.match(given, /^web-[0-9a-f]{4}$/);
  await original.stop();
  assert.equal((await fleet.server.asks('hosts', 'approve', given, '--replace')).code, 0);
  await twin.line(/The server calls this host by another name .*name=web before=web-/);
  const after = readHostKey(twin.paths.keys.host);
  assert.equal(after.ok && after.value.name, 'web');
  // Its own reports are its own under the new name.
  assert.equal((await fleet.report('twin', ['fail2ban', 'sshd', '203.0.113.9'])).code, 0);
  await twin.line(/203\.0\.113\.9.*outcome=skipped reason=own/);
});

test('banshare-client enrol on a cloned machine makes a host of its own', async () => {
  await using fleet = await startFleet({ hosts: ['web'] });
  const web = fleet.host('web');
  await web.stop();
  const original = readHostKey(web.paths.keys.host);
  writeFileSync(web.paths.keys.machine, 'the hash of another machine\n');
  mkdirSync(join(web.root, 'etc'), { recursive: true });
  writeFileSync(web.paths.machineId, '0123456789abcdef0123456789abcdef\n');
  writeCertificate(web.paths.keys.join, { metadata: {}, curve: fleet.keys.join });
  const { code, stdout, stderr } = await web.command('enrol');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Enrolled as web-[0-9a-f]{4}\./);
  assert.match(stderr, /clone/);
  const clone = readHostKey(web.paths.keys.host);
  assert.notEqual(clone.ok && clone.value.publicHex, original.ok && original.value.publicHex);
  assert.equal(readHostKey(`${web.paths.keys.host}-of-the-original`).ok, true);
});
