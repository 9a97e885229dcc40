import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FreshBuild } from '../installers/fresh-build.ts';
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
  'dpkg installs server and client with fail2ban running, both run in their sandbox, and a purge leaves nothing but what fail2ban needs',
  { skip },
  async () => {
    await using lab = await startLab({ hosts: ['h1'] });
    const host = lab.host('h1');
    await using booted = await Booted.start(host);
    await booted.run('rm', '-f', '/usr/sbin/policy-rc.d');
    await startFail2ban(host);
    const before = await filesOf(booted);

    const first = await dpkg(booted, '-i', ...packages());
    assert.match(
      first.stdout,
      /no keys of the generation .* yet[^]*make generation-file[^]*generation add FILE/,
    );
    assert.match(first.stdout, /fail2ban has taken up the action and the jail banshare/);
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
    for (const role of ['server', 'client']) {
      const ran = await install(role);
      assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    }
    assert.equal(await key(), mine);
    await untilTrue(PATIENCE_MS, 'the ban to be back', isThere);
  },
);

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
