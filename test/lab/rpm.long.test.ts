import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
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
    `under ${shell} rpm installs both roles on a host of systemd 239, which enrol and ban, upgrades them, and what it removes is gone but for keys and state`,
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

      await rpm('-e', 'banshare-client', 'banshare-server', 'banshare-common', 'banshare-runtime');
      assert.equal((await booted.run('pgrep', '-f', 'lib/banshare/node')).code, 1);
      assert.doesNotMatch(await output('fail2ban-client', 'status'), /banshare/);
      await output('test', '-f', '/etc/banshare/keys/host.key_secret', '-a', '-f', LEDGER);
      // What installers/README.md says of a purge, which rpm has not.
      await output('rm', '-r', '/etc/banshare', '/var/lib/banshare', '/var/spool/banshare');
      assert.deepEqual(await filesOf(booted), before);
    },
  );

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
