import assert from 'node:assert/strict';
import { globSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FreshBuild } from '../installers/fresh-build.ts';
import { edit, repack } from '../installers/repack.ts';
import { PATIENCE_MS, untilTrue } from './ground/deadline.ts';
import { startFail2ban } from './ground/fail2ban.ts';
import { startLab } from './ground/lab.ts';
import { skipReason } from './ground/requirements.ts';
import type { Exit } from './ground/running.ts';
import { Booted, noSystemd } from './ground/roots/systemd.ts';

// The packages as dpkg installs them, on a host that systemd has booted: with a Node of their own, since units have a /tmp of their own,
// where a checkout may lie.
const skip = skipReason('dpkg', 'dpkg-deb') || noSystemd();
const fresh = new FreshBuild();
before(() => {
  if (skip !== false) return;
  fresh.everything('--ports=24001,24002');
  const made = fresh.packages('--kinds=deb');
  assert.equal(made.code, 0, made.err);
});
after(() => {
  fresh[Symbol.dispose]();
});

test(
  'dpkg installs server and client with fail2ban running, also where its configuration is faulty, both run in their sandbox, and through an upgrade; an older version that cannot read what is there is refused; and a purge leaves nothing but what fail2ban needs',
  { skip },
  async () => {
    await using lab = await startLab({ hosts: ['h1'] });
    const host = lab.host('h1');
    await using booted = await Booted.start(host);
    await booted.run('rm', '-f', '/usr/sbin/policy-rc.d');
    await startFail2ban(host);
    const before = await filesOf(booted);

    await installsBesideFaulty(booted);
    const first = await dpkg(booted, '-i', ...packages().filter((path) => /-server_/.test(path)));
    assert.match(
      first.stdout,
      /no keys of the generation .* yet[^]*make generation-file[^]*generation add FILE/,
    );
    assert.equal(await booted.property('banshare-server', 'ActiveState'), 'inactive');
    assert.equal(await booted.property('banshare-server', 'UnitFileState'), 'enabled');
    assert.equal(await booted.property('banshare-client', 'ActiveState'), 'active');

    await layGeneration(booted);
    await dpkg(booted, '-i', ...packages());
    assert.equal(await booted.property('banshare-server', 'ActiveState'), 'active');
    const pid = await booted.property('banshare-server', 'MainPID');
    assert.equal((await booted.run('stat', '-c', '%U', `/proc/${pid}`)).stdout.trim(), 'banshare');
    await booted.run('install', '-m', '0600', ...joinKeys(), '/etc/banshare/keys');
    const enrolled = await booted.run('banshare-client', 'enrol');
    assert.equal(enrolled.code, 0, enrolled.stderr);
    const reported = await booted.run('banshare-report', '--strict', 'fail2ban', 'sshd', '203.0.113.9');
    assert.equal(reported.code, 0, reported.stderr);

    await runsThroughUpgrade(booted);
    await leavesUnitsAsTheyAre(booted);
    await refusesOlder(booted);

    await booted.run('touch', '/etc/banshare/joined.json');
    await dpkg(booted, '-r', 'banshare-client', 'banshare-server');
    for (const role of ['client', 'server'])
      assert.equal(
        (await booted.run('systemctl', 'is-active', `banshare-${role}`)).stdout.trim(),
        'inactive',
      );
    assert.doesNotMatch((await booted.run('fail2ban-client', 'status')).stdout, /banshare/);
    assert.equal((await booted.run('test', '-e', '/etc/banshare/keys/host.key_secret')).code, 0);
    assert.equal((await booted.run('test', '-e', '/var/lib/banshare/server/ledger.db')).code, 0);

    await dpkg(booted, '-P', 'banshare-client', 'banshare-server', 'banshare-common', 'banshare-runtime');
    assert.deepEqual(await filesOf(booted), before);
    const { stdout: users } = await booted.run('getent', 'passwd', 'banshare', 'banshare-web');
    assert.equal(users, '');
  },
);

test(
  'a host that installers made goes over to packages and back with its key and its bans, and an installer refuses beside packages',
  { skip },
  async () => {
    await using lab = await startLab({ hosts: ['h1'] });
    const host = lab.host('h1');
    await using booted = await Booted.start(host);
    await booted.run('rm', '-f', '/usr/sbin/policy-rc.d');
    await startFail2ban(host);
    const key = async (): Promise<string> => (await booted.run('banshare-client', 'key')).stdout;
    const bans = async (): Promise<string> => (await booted.run('banshare-client', 'bans')).stdout;
    const install = (role: string): Promise<Exit> => booted.run('sh', join(fresh.dist, `${role}-install.sh`));
    for (const role of ['server', 'client']) {
      const ran = await install(role);
      assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    }
    const mine = await key();
    assert.match(mine, /^h1 [0-9a-f]{64}$/m);
    const ban = await booted.run('banshare-server', 'ban', '203.0.113.9', '--jail', 'sshd');
    assert.equal(ban.code, 0, ban.stderr);
    const isThere = async (): Promise<boolean> => (await bans()).includes('203.0.113.9');
    await untilTrue(PATIENCE_MS, 'the ban to come', isThere);

    await dpkg(booted, '-i', ...packages());
    for (const role of ['server', 'client'])
      assert.equal(await booted.property(`banshare-${role}`, 'ActiveState'), 'active', role);
    assert.equal(await key(), mine);
    assert.equal(await isThere(), true);
    const refused = await install('client');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /belongs to a package here[^]*remove[^]*banshare-runtime/);

    await dpkg(booted, '-r', 'banshare-client', 'banshare-server', 'banshare-common', 'banshare-runtime');
    assert.notEqual((await booted.run('test', '-e', '/usr/lib/banshare')).code, 0);
    for (const role of ['server', 'client']) {
      const ran = await install(role);
      assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    }
    assert.equal(await key(), mine);
    await untilTrue(PATIENCE_MS, 'the ban to be back', isThere);
  },
);

/** A fault of the administrator's in fail2ban's configuration keeps the package from touching fail2ban, and dpkg from nothing. */
async function installsBesideFaulty(booted: Booted): Promise<void> {
  const faulty = '/etc/fail2ban/jail.d/faulty.local';
  await booted.run('sh', '-c', `printf '[DEFAULT]\nbantime = %%(no-such-word)s\n' >${faulty}`);
  const installed = await dpkg(booted, '-i', ...packages().filter((path) => !/-server_/.test(path)));
  assert.match(
    installed.stdout + installed.stderr,
    /fail2ban: its configuration test fails, also without banshare's files[^]*run \/usr\/lib\/banshare\/setup-client configure\./,
  );
  assert.equal((await booted.run('fail2ban-client', 'ping')).code, 0);
  assert.notEqual((await booted.run('test', '-e', '/etc/fail2ban/jail.d/banshare.conf')).code, 0);
  await booted.run('rm', faulty);
  const again = await booted.run('/usr/lib/banshare/setup-client', 'configure');
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /fail2ban has taken up the action and the jail banshare/);
}

/** A daemon that runs on between dpkg's unpacking and its configuring, which may be minutes, loads then what it never needed before. */
async function runsThroughUpgrade(booted: Booted): Promise<void> {
  const pid = await booted.property('banshare-server', 'MainPID');
  const library = '/usr/lib/banshare';
  const files = async (): Promise<string[]> => (await booted.run('ls', library)).stdout.split('\n');
  const before = await files();
  await dpkg(booted, '--unpack', laterServer());
  const between = await files();
  assert.deepEqual(
    before.filter((name) => !between.includes(name)),
    [],
  );
  assert.ok(between.includes('server-libsodium-wrappers-LATER000.mjs'));
  // Its exit code says how the fleet is: the host may not have told yet that it has the ban.
  assert.match((await booted.run('banshare-server', 'status')).stdout, /^Active bans: 1\./m);
  // The daemon makes the key, by a library that it loads for that.
  const token = await booted.run('banshare-server', 'token', 'add', '--uses', '1', '--for', '1h');
  assert.match(token.stdout, /^banshare-token-1\./, token.stderr);
  assert.equal(await booted.property('banshare-server', 'MainPID'), pid);

  await dpkg(booted, '--configure', 'banshare-server');
  assert.notEqual(await booted.property('banshare-server', 'MainPID'), pid);
  const after = (await files()).filter((name) => name.includes('libsodium') && name.startsWith('server'));
  assert.deepEqual(after, ['server-libsodium-wrappers-LATER000.mjs']);
  assert.equal((await booted.run('dpkg-divert', '--list', `${library}/*`)).stdout, '');
  // And back, over a version that was later.
  const [server = ''] = globSync(join(fresh.dist, 'banshare-server_*.deb'));
  await dpkg(booted, '-i', server);
  assert.equal(await booted.property('banshare-server', 'ActiveState'), 'active');
  assert.deepEqual(await files(), before);
}

/** What an administrator has switched off or masked, and a policy that lets nothing start, is kept by every package that comes. */
async function leavesUnitsAsTheyAre(booted: Booted): Promise<void> {
  const [server = ''] = globSync(join(fresh.dist, 'banshare-server_*.deb'));
  const states = async (): Promise<string[]> => [
    await booted.property('banshare-backup.timer', 'UnitFileState'),
    await booted.property('banshare-backup.timer', 'ActiveState'),
    await booted.property('banshare-web', 'LoadState'),
  ];
  const pid = await booted.property('banshare-server', 'MainPID');
  await booted.run('systemctl', 'disable', '--now', 'banshare-backup.timer');
  await booted.run('systemctl', 'mask', 'banshare-web');
  const policy = '/usr/sbin/policy-rc.d';
  await booted.run('sh', '-c', `printf '#!/bin/sh\nexit 101\n' >${policy} && chmod 0755 ${policy}`);
  await dpkg(booted, '-i', server);
  assert.equal(await booted.property('banshare-server', 'MainPID'), pid);
  assert.deepEqual(await states(), ['disabled', 'inactive', 'masked']);
  await booted.run('rm', policy);
  await dpkg(booted, '-i', server);
  assert.notEqual(await booted.property('banshare-server', 'MainPID'), pid);
  assert.equal(await booted.property('banshare-server', 'ActiveState'), 'active');
  assert.deepEqual(await states(), ['disabled', 'inactive', 'masked']);
  await booted.run('systemctl', 'unmask', 'banshare-web');
}

/** The server's package as of later code: what it loads for making keys has another name. */
function laterServer(): string {
  const [server = ''] = globSync(join(fresh.dist, 'banshare-server_*.deb'));
  return repack(server, fresh.path('later.deb'), '9.0.0', (root) => {
    const library = join(root, 'usr/lib/banshare');
    const name = readdirSync(library).find((each) => each.startsWith('server-libsodium')) ?? '';
    const later = 'server-libsodium-wrappers-LATER000.mjs';
    renameSync(join(library, name), join(library, later));
    const naming = globSync(['usr/lib/banshare/{server*.mjs,setup-server}', 'DEBIAN/*'], { cwd: root });
    for (const each of naming) edit(join(root, each), (text) => text.replaceAll(name, later));
  });
}

/** What older programs could not read is known before a file of theirs is laid. */
async function refusesOlder(booted: Booted): Promise<void> {
  for (const role of ['client', 'server']) {
    const unit = `banshare-${role}`;
    const [deb = ''] = globSync(join(fresh.dist, `${unit}_*.deb`));
    const older = repack(deb, fresh.path(`older-${role}.deb`), '0.0.1', (root) => {
      edit(join(root, 'DEBIAN/preinst'), (text) =>
        text.replace(/^tables='(\d+)'$/m, (_, tables: string) => `tables='${Number(tables) - 1}'`),
      );
    });
    const version = async (): Promise<string> => (await booted.run('dpkg-query', '-W', unit)).stdout;
    const [was, pid] = [await version(), await booted.property(unit, 'MainPID')];
    const ran = await booted.run('dpkg', '-i', older);
    assert.notEqual(ran.code, 0);
    assert.match(
      ran.stderr,
      new RegExp(`Cannot go back to ${unit} \\S+: /var/lib/banshare/${role}/\\S+\\.db has tables of version`),
    );
    assert.match(
      ran.stderr,
      /Nothing was changed, and the version that is here runs on\. To go back all the same/,
    );
    assert.equal(await version(), was);
    assert.equal(await booted.property(unit, 'ActiveState'), 'active');
    assert.equal((await booted.run('dpkg-divert', '--list', '/usr/lib/banshare/*')).stdout, '');
    if (role === 'server') assert.equal(await booted.property(unit, 'MainPID'), pid);
    assert.equal((await booted.run('dpkg', '--audit')).stdout, '');
  }
}

function packages(): string[] {
  return globSync(join(fresh.dist, '*.deb'));
}

function joinKeys(): string[] {
  return ['join.key', 'join.key_secret'].map((name) => join(fresh.certs, name));
}

async function dpkg(booted: Booted, ...words: string[]): Promise<Exit> {
  const ran = await booted.run('dpkg', '--force-confold', ...words);
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  return ran;
}

/** Lays the generation as an installer does. */
async function layGeneration(booted: Booted): Promise<void> {
  const script = `set -e
    name=$(sed -n 's/^generation = "\\(.*\\)"/\\1/p' "$1/fleet.toml")
    folder=/etc/banshare/generations/$name
    install -d -o banshare -g banshare -m 0700 "$folder"
    for file in fleet.toml server.key server.key_secret join.key; do
      install -o banshare -g banshare -m 0600 "$1/$file" "$folder"
    done`;
  const laid = await booted.run('sh', '-c', script, 'sh', fresh.certs);
  assert.equal(laid.code, 0, laid.stderr);
}

/** What of banshare lies on a host, fail2ban's and systemd's folders with it. */
async function filesOf(booted: Booted): Promise<string[]> {
  const folders = '/etc /usr/bin /usr/lib /usr/share /var/lib /var/spool /run';
  const { stdout } = await booted.run(
    'sh',
    '-c',
    `find ${folders} -path /run/lab -prune -o -path /run/cgroup -prune -o -name '*banshare*' -print`,
  );
  return stdout.split('\n').toSorted();
}
