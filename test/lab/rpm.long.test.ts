import assert from 'node:assert/strict';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { FreshBuild } from '../installers/fresh-build.ts';
import { PATIENCE_MS, untilTrue } from './ground/deadline.ts';
import { startFail2ban } from './ground/fail2ban.ts';
import { startLab } from './ground/lab.ts';
import { skipReason } from './ground/requirements.ts';
import { Booted, noSystemd } from './ground/roots/systemd.ts';

// The packages for rpm systems as rpm installs them, on a host that has been made like one: none of Debian's tools, a systemd that
// says it is that of RHEL 8, and each of the shells in the place of /bin/sh. No rpm system is booted: units and fail2ban are this machine's.
const skip = skipReason('rpm', 'rpmbuild', 'busybox', 'dash') || noSystemd();
const [fresh, next] = [new FreshBuild(), new FreshBuild()];
before(() => {
  if (skip !== false) return;
  const steps = [fresh, next].flatMap((build) => [
    () => build.regen('--server=127.0.0.1', '--ports=24001,24002'),
    () => build.build(),
    () => build.packages('--kinds=rpm'),
  ]);
  for (const step of [...steps, () => fresh.generationFile(fresh.path('generation'))]) {
    const { code, out, err } = step();
    assert.equal(code, 0, out + err);
  }
});
after(() => {
  for (const build of [fresh, next]) build[Symbol.dispose]();
});

const LIKE_RHEL_8 = `set -e
rm -f /usr/sbin/policy-rc.d /usr/bin/deb-systemd-* /usr/bin/apt-get /etc/debian_version
echo 'Red Hat Enterprise Linux release 8.10 (Ootpa)' >/etc/redhat-release
mv /usr/bin/systemctl /usr/bin/systemctl-here
cat >/usr/bin/systemctl <<'S'
#!/bin/sh
if [ "$1" = --version ]; then echo 'systemd 239 (239-82.el8)'; exit 0; fi
exec /usr/bin/systemctl-here "$@"
S
chmod 0755 /usr/bin/systemctl
mkdir -p /run/rpm
ln -sf "$(command -v "$1")" /usr/bin/sh
rpm --dbpath /run/rpm --initdb`;

for (const shell of ['dash', 'busybox'])
  test(
    `under ${shell} rpm installs both roles on a host of systemd 239, which enrol and ban, upgrades them, goes back to an older version but where that cannot read what is there, and what it removes is gone but for keys and state`,
    { skip },
    async () => {
      await using lab = await startLab({ hosts: ['h1'] });
      const host = lab.host('h1');
      await using booted = await Booted.start(host);
      const output = async (...argv: string[]): Promise<string> => {
        const { code, stdout, stderr } = await booted.run(...argv);
        assert.equal(code, 0, `${argv.join(' ')}:\n${stdout}\n${stderr}`);
        return stdout;
      };
      await output('dash', '-c', LIKE_RHEL_8, 'dash', shell);
      await startFail2ban(host);
      const before = await filesOf(booted);
      const rpm = (...words: string[]) => output('rpm', '--force-debian', '--dbpath', '/run/rpm', ...words);
      await rpm('-i', '--nodeps', ...packagesOf(fresh, 'runtime', 'common', 'server', 'client'));

      for (const role of ['server', 'client']) {
        assert.equal(await booted.property(`banshare-${role}`, 'Type'), 'simple');
        assert.match(await booted.property(`banshare-${role}`, 'WatchdogUSec'), /^(0|infinity)$/);
      }
      await output('install', '-m', '0600', fresh.path('generation'), '/run/generation');
      await output('banshare-server', 'generation', 'add', '/run/generation');
      await output('systemctl', 'enable', '--now', 'banshare-server', 'banshare-client');
      await untilTrue(PATIENCE_MS, 'the server to answer', async () => {
        return (await booted.run('banshare-server', 'hosts')).code === 0;
      });
      await output('sh', '-c', 'banshare-client key | head -n 1 | banshare-server hosts admit -');
      const banned = (address: string) =>
        untilTrue(PATIENCE_MS, `the ban of ${address}`, async () =>
          (await booted.run('fail2ban-client', 'get', 'sshd', 'banip')).stdout.includes(address),
        );
      await output('banshare-server', 'ban', '203.0.113.9', '--jail', 'sshd');
      await banned('203.0.113.9');

      const pid = await booted.property('banshare-client', 'MainPID');
      // The runtime is the same, as its version says.
      await rpm('-U', '--nodeps', ...packagesOf(next, 'common', 'server', 'client'));
      assert.notEqual(await booted.property('banshare-client', 'MainPID'), pid);
      // The server has no keys of the next generation yet, so the host stays with what answers it.
      await output('banshare-server', 'ban', '203.0.113.10', '--jail', 'sshd');
      await banned('203.0.113.10');
      await goesBack({ booted, output, rpm });
      await banned('203.0.113.10');
      await output('banshare-server', 'ban', '203.0.113.11', '--jail', 'sshd');
      await banned('203.0.113.11');

      await rpm('-e', 'banshare-client', 'banshare-server', 'banshare-common', 'banshare-runtime');
      assert.equal((await booted.run('pgrep', '-f', 'lib/banshare/node')).code, 1);
      assert.doesNotMatch(await output('fail2ban-client', 'status'), /banshare/);
      await output('test', '-f', '/etc/banshare/keys/host.key_secret', '-a', '-f', LEDGER);
      // What installers/README.md says of a purge, which rpm has not.
      await output('rm', '-r', '/etc/banshare', '/var/lib/banshare', '/var/spool/banshare');
      assert.deepEqual(await filesOf(booted), before);
    },
  );

type OnHost = {
  readonly booted: Booted;
  readonly output: (...argv: string[]) => Promise<string>;
  readonly rpm: (...words: string[]) => Promise<string>;
};

/** An older version over the newer one: refused before a file is laid where its tables are older than those here; else keys and bans stay. */
async function goesBack({ booted, output, rpm }: OnHost): Promise<void> {
  const files = "find /usr/bin/banshare* /usr/lib/banshare -type f -exec cksum '{}' + | sort";
  const key = await output('banshare-client', 'key');
  for (const role of ['client', 'server']) {
    const unit = `banshare-${role}`;
    const version = async (): Promise<string> =>
      output('rpm', '--force-debian', '--dbpath', '/run/rpm', '-q', unit);
    const before = [await version(), await booted.property(unit, 'MainPID'), await output('sh', '-c', files)];
    const words = ['-U', '--oldpackage', '--nodeps', ...UNCHECKED, withOlderTables(role)];
    const refused = await booted.run('rpm', '--force-debian', '--dbpath', '/run/rpm', ...words);
    assert.notEqual(refused.code, 0);
    assert.match(
      refused.stderr,
      new RegExp(`Cannot go back to ${unit} \\S+: /var/lib/banshare/${role}/\\S+\\.db has tables of version`),
    );
    assert.match(
      refused.stderr,
      /Nothing was changed, and the version that is here runs on\. To go back all the same/,
    );
    assert.deepEqual(
      [await version(), await booted.property(unit, 'MainPID'), await output('sh', '-c', files)],
      before,
    );
  }
  const pid = await booted.property('banshare-client', 'MainPID');
  await rpm('-U', '--oldpackage', '--nodeps', ...packagesOf(fresh, 'common', 'server', 'client'));
  assert.equal(
    (await output('rpm', '--force-debian', '--dbpath', '/run/rpm', '-q', 'banshare-server')).trim(),
    basename(packagesOf(fresh, 'server')[0] ?? '', '.rpm'),
  );
  for (const role of ['client', 'server'])
    assert.equal(await booted.property(`banshare-${role}`, 'ActiveState'), 'active');
  assert.notEqual(await booted.property('banshare-client', 'MainPID'), pid);
  assert.equal(await output('banshare-client', 'key'), key);
  const bans = await output('banshare-server', 'bans');
  for (const address of ['203.0.113.9', '203.0.113.10']) assert.ok(bans.includes(address), bans);
}

/** What was changed in a package is not what its sums say. */
const UNCHECKED = ['--nodigest', '--nosignature', '--define', '_pkgverify_level none'];

/** The first version's package of a role, as of a program that knows fewer tables: its scriptlets say so in as many letters. */
function withOlderTables(role: string): string {
  const [rpm = ''] = packagesOf(fresh, role);
  const text = readFileSync(rpm).toString('latin1');
  const older = text.replaceAll(
    /^tables='(\d+)'$/gm,
    (_, tables: string) => `tables='${'0'.repeat(tables.length)}'`,
  );
  assert.notEqual(older, text);
  const path = fresh.path(`older-${role}.rpm`);
  writeFileSync(path, Buffer.from(older, 'latin1'));
  return path;
}

const LEDGER = '/var/lib/banshare/server/ledger.db';

function packagesOf(build: FreshBuild, ...names: string[]): string[] {
  return names.flatMap((name) => globSync(join(build.dist, `banshare-${name}-*.{noarch,x86_64}.rpm`)));
}

/** What of banshare lies where a package may lay something; /run is empty after the next start. */
async function filesOf(booted: Booted): Promise<string[]> {
  const find =
    "find /etc /usr/bin /usr/lib /usr/share /var/lib /var/spool -path '*/rpm/*' -prune -o -name '*banshare*' -print";
  return (await booted.run('sh', '-c', find)).stdout.split('\n').toSorted();
}
