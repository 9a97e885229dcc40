import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { FreshBuild } from '../installers/fresh-build.ts';
import { PATIENCE_MS, untilTrue } from './ground/deadline.ts';
import { Debian, debianRoot } from './ground/roots/debian.ts';
import { startLab } from './ground/lab.ts';
import { skipReason } from './ground/requirements.ts';

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
  'on Debian 12 and 13 packages alone make a server and two hosts, which join by a token and ban for each other; upgraded they keep that, removed their keys, and purged nothing',
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
    await using clientB = b.spawn('banshare-client', 'run');
    for (const client of [clientA, clientB]) await client.line(/^banshare-client ready /);
    await isShared(a, '203.0.113.9', b);
    await isShared(b, '203.0.113.10', a);

    // Over itself, as a later version comes: the keys stay, and fail2ban goes on.
    await install(b, 'runtime', 'common', 'client');
    assert.match(await b.output('banshare-client', 'key'), /^b [0-9a-f]{64}$/m);
    assert.match(await b.output('fail2ban-client', 'status'), /banshare/);

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
    'find /etc /usr /var /run -name "*banshare*" ! -path "/var/lib/dpkg/*" ! -path "/var/log/*"',
  );
  return found.split('\n').toSorted();
}
