import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { FreshBuild } from '../installers/fresh-build.ts';
import { PATIENCE_MS, untilTrue } from './ground/deadline.ts';
import { Debian, debianRoot } from './ground/roots/debian.ts';
import { startLab } from './ground/lab.ts';
import { skipReason } from './ground/requirements.ts';
import type { Running } from './ground/running.ts';

// Debian 12 and 13 as they are, each with its own dpkg and fail2ban, and nothing of banshare but its packages.
const skip = skipReason('dpkg-deb', 'chroot');
const SERVER = '10.99.0.1';
const fresh = new FreshBuild();
before(() => {
  if (skip !== false) return;
  fresh.everything(`--server=${SERVER}`, '--ports=24001,24002');
  for (const made of [fresh.packages('--kinds=deb'), fresh.generationFile(fresh.path('generation'))])
    assert.equal(made.code, 0, made.err);
});
after(() => {
  fresh[Symbol.dispose]();
});

test(
  'on Debian 12 and 13 packages alone make a server and two hosts, which join by a token and ban for each other; new keys come by apt, to a host before its server and to one behind it, and back; removed they keep their keys, and purged nothing',
  { skip },
  async (context) => {
    const archives = rootsOrSkip(context);
    if (archives === undefined) return;
    await using lab = await startLab({ hosts: ['a', 'b'] });
    const [a, b] = await Promise.all([
      Debian.on(lab.host('a'), archives[0]),
      Debian.on(lab.host('b'), archives[1]),
    ]);
    for (const debian of [a, b]) await startFail2ban(debian);
    const before = await filesOf(b);
    await install(a, 'runtime', 'common', 'server', 'client');
    await install(b, 'runtime', 'common', 'client');

    await a.bring(fresh.path('generation'));
    assert.match(
      await a.output('banshare-server', 'generation', 'add', '/root/generation'),
      /Start the server/,
    );
    await using server = a.spawn('banshare-server', 'run');
    await server.line(/^banshare-server ready /);
    const token = await a.output('banshare-server', 'token', 'add', '--uses', '2', '--approve');
    for (const debian of [a, b]) {
      await debian.output('sh', '-c', 'umask 077; printf "%s" "$1" >/root/token', 'sh', token);
      await debian.output('banshare-client', 'join', '--file', '/root/token');
      await shareSshd(debian);
    }
    await using clientA = a.spawn('banshare-client', 'run');
    await using first = b.spawn('banshare-client', 'run');
    for (const client of [clientA, first]) await client.line(/^banshare-client ready /);
    await isShared(a, '203.0.113.9', b);
    await isShared(b, '203.0.113.10', a);

    // Over itself, as a later version comes: the keys stay, and fail2ban goes on.
    await install(b, 'runtime', 'common', 'client');
    assert.match(await b.output('banshare-client', 'key'), /^b [0-9a-f]{64}$/m);
    assert.match(await b.output('fail2ban-client', 'status'), /banshare/);

    await using web = await serveRepository(a);
    await using clientB = await moveByApt({ a, b }, { server, web, clientA, clientB: first });
    await clientB.stop('SIGTERM');
    // A jail that still names the action would keep fail2ban from starting without it.
    await b.output('rm', '/etc/fail2ban/jail.d/sshd-shared.local');
    await b.output('dpkg', '-r', 'banshare-client');
    assert.doesNotMatch(await b.output('fail2ban-client', 'status'), /banshare/);
    await b.output('test', '-f', '/etc/banshare/keys/host.key_secret');
    await b.output('dpkg', '-P', 'banshare-client', 'banshare-common', 'banshare-runtime');
    assert.deepEqual(await filesOf(b), before);
  },
);

type Programs = { server: Running; web: Running; clientA: Running; clientB: Running };

/** New keys by apt: one host before its server, the other behind it, and the way back. Returns the client that then runs on b. */
async function moveByApt(
  { a, b }: { a: Debian; b: Debian },
  { server, clientA, clientB }: Programs,
): Promise<Running> {
  const [old, versionBefore] = [await generationOf(a, 'b'), await versionOf(b)];
  for (const made of [fresh.regen(`--server=${SERVER}`, '--ports=24003,24004'), fresh.build()])
    assert.equal(made.code, 0, made.err);
  const file = fresh.path('generation-2');
  for (const made of [fresh.packages('--kinds=deb'), fresh.repository(), fresh.generationFile(file)])
    assert.equal(made.code, 0, made.err);

  // The host first: nothing of its new generation answers yet, and what runs is restarted by whoever started it.
  await apt(b, 'update');
  await apt(b, 'upgrade');
  assert.notEqual(await versionOf(b), versionBefore);
  await clientB.stop('SIGTERM');
  const moved = b.spawn('banshare-client', 'run');
  await moved.line(/^banshare-client ready /);
  assert.match(
    (await b.run('banshare-client', 'status')).stdout,
    new RegExp(`still goes by the generation ${old}`),
  );
  await isShared(a, '203.0.113.11', b);
  await isShared(b, '203.0.113.12', a);

  // Then the server; the client beside it stays as it is.
  await apt(a, 'update');
  await apt(a, 'install', '--only-upgrade', 'banshare-server');
  await a.bring(file);
  assert.match(
    await a.output('banshare-server', 'generation', 'add', '/root/generation-2'),
    /the server begins anew with it/,
  );
  await server.line(/^banshare-server ready /);
  await moved.line(/answers: begins anew with it/);
  await moved.line(/^banshare-client ready /);
  await untilMoved(a, 'b', old);
  assert.equal(await generationOf(a, 'a'), old);
  await isShared(a, '203.0.113.13', b);
  await isShared(b, '203.0.113.14', a);

  // And the host that comes behind it.
  await apt(a, 'upgrade');
  await clientA.stop('SIGTERM');
  const behind = a.spawn('banshare-client', 'run');
  await behind.line(/^banshare-client ready /);
  await untilMoved(a, 'a', old);
  await isShared(b, '203.0.113.15', a);
  await a.output('banshare-server', 'retire', old);
  await behind.stop('SIGTERM');

  // The way back: programs of the generation that no server has any more find the one that answered.
  await apt(b, 'install', '--allow-downgrades', `banshare-client=${versionBefore}`);
  assert.equal(await versionOf(b), versionBefore);
  await moved.stop('SIGTERM');
  const back = b.spawn('banshare-client', 'run');
  await back.line(/^banshare-client ready /);
  await a.output('banshare-server', 'ban', '203.0.113.16', '--jail', 'sshd');
  await untilTrue(PATIENCE_MS, 'the host that went back to hear of a ban', async () =>
    (await b.output('fail2ban-client', 'get', 'sshd', 'banip')).includes('203.0.113.16'),
  );
  return back;
}

/** A plain web server beside a, with the repository that make repository lays. */
async function serveRepository(a: Debian): Promise<Running> {
  const repo = join(fresh.dist, 'repo');
  const made = fresh.repository();
  assert.equal(made.code, 0, made.err);
  const words = ['-u', '-m', 'http.server', '--bind', SERVER, '--directory', repo, '8080'];
  const web = a.host.spawn(['python3', ...words]);
  await web.line(/^Serving HTTP/);
  return web;
}

/** Runs apt-get with the fleet's repository as its only source, as README says. @throws where it fails. */
async function apt(debian: Debian, ...words: string[]): Promise<void> {
  const repo = join(fresh.dist, 'repo');
  const sources = readFileSync(join(repo, 'banshare.sources'), 'utf8').replace(
    'ADDRESS',
    `http://${SERVER}:8080`,
  );
  await debian.bring(join(repo, 'banshare.gpg'));
  await debian.output(
    'sh',
    '-ec',
    `install -D -m 0644 /root/banshare.gpg /etc/apt/keyrings/banshare.gpg && rm -f /etc/apt/sources.list /etc/apt/sources.list.d/* &&
      printf '%s' "$1" >/etc/apt/sources.list.d/banshare.sources`,
    'sh',
    sources,
  );
  await debian.output('apt-get', '-y', '-o', 'APT::Sandbox::User=root', ...words);
}

function versionOf(debian: Debian): Promise<string> {
  return debian.output('dpkg-query', '-W', '-f', '${Version}', 'banshare-client');
}

/** The server hears of it with what a host acknowledges next. */
async function untilMoved(server: Debian, name: string, old: string): Promise<void> {
  await untilTrue(
    PATIENCE_MS,
    `${name} to go by new keys`,
    async () => (await generationOf(server, name)) !== old,
  );
}

async function generationOf(server: Debian, name: string): Promise<string> {
  const { hosts } = JSON.parse(await server.output('banshare-server', 'hosts', '--json')) as {
    hosts: { name: string; generation: string }[];
  };
  return hosts.find((host) => host.name === name)?.generation ?? '';
}

function rootsOrSkip(context: TestContext): readonly [string, string] | undefined {
  const [bookworm, trixie] = [debianRoot('bookworm'), debianRoot('trixie')];
  if ('archive' in bookworm && 'archive' in trixie) return [bookworm.archive, trixie.archive];
  context.skip(
    ['reason' in bookworm ? bookworm.reason : '', 'reason' in trixie ? trixie.reason : ''].join(' '),
  );
  return undefined;
}

async function startFail2ban(debian: Debian): Promise<void> {
  const jail =
    '[sshd]\nenabled = true\nbackend = polling\nlogpath = /var/log/auth.log\nbanaction = nftables\n';
  await debian.output(
    'sh',
    '-c',
    'printf "%s" "$1" >/etc/fail2ban/jail.d/sshd.local; mkdir -p /run/fail2ban',
    'sh',
    jail,
  );
  await debian.output('fail2ban-client', 'start');
}

/** Gives the jail the action, as README says. */
async function shareSshd(debian: Debian): Promise<void> {
  const text = '[sshd]\naction = %(action_)s\n         banshare[port="%(port)s", protocol="%(protocol)s"]\n';
  await debian.output('sh', '-c', 'printf "%s" "$1" >/etc/fail2ban/jail.d/sshd-shared.local', 'sh', text);
  await debian.output('fail2ban-client', 'reload', '--restart', 'sshd');
}

async function install(debian: Debian, ...names: string[]): Promise<void> {
  const files = names.flatMap((name) => globSync(join(fresh.dist, `banshare-${name}_*.deb`)));
  await debian.bring(...files);
  const ran = await debian.run('dpkg', '-i', ...files.map((path) => `/root/${basename(path)}`));
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
}

/** What fail2ban bans on one host is banned by fail2ban on the other. */
async function isShared(from: Debian, ip: string, to: Debian): Promise<void> {
  await from.output('fail2ban-client', 'set', 'sshd', 'banip', ip);
  await untilTrue(PATIENCE_MS, `the ban of ${ip} to come to ${to.host.name}`, async () =>
    (await to.output('fail2ban-client', 'get', 'sshd', 'banip')).includes(ip),
  );
}

async function filesOf(debian: Debian): Promise<string[]> {
  const found = await debian.output(
    'sh',
    '-c',
    'find /etc /usr /var /run -name "*banshare*" ! -path "/var/lib/dpkg/*" ! -path "/var/log/*" ! -path "/etc/apt/*" ! -path "/var/cache/apt/*"',
  );
  return found.split('\n').toSorted();
}
