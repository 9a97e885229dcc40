import assert from 'node:assert/strict';
import { globSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { FreshBuild, run } from '../installers/fresh-build.ts';
import { untilTrue } from '../lab/ground/deadline.ts';
import { jailLocal } from '../lab/ground/fail2ban.ts';
import { Imitated, whyNoArm64 } from './imitated.ts';
import { ON_ARM64, rootOf, whyNoSystems } from './roots.ts';

// Both roles on one host, all of it made for arm64 but nft: qemu knows no netfilter, so that one is the machine's kind.
const all = process.env['BANSHARE_SYSTEMS'] === 'all';
const skip = whyNoSystems() || whyNoArm64() || (!all && 'imitating arm64 takes minutes: make systems');
const PATIENCE_MS = 300_000;
const fresh = new FreshBuild();
before(() => {
  if (skip !== false) return;
  fresh.everything('--server=127.0.0.1');
  const made = fresh.packages('--arch=arm64', '--kinds=deb');
  assert.equal(made.code, 0, made.err);
});
after(() => fresh[Symbol.dispose]());

test(
  'Debian 12 for arm64: dpkg installs and purges the packages, both installers run, the host enrols, a report is shared and banned, and an unban lifts it',
  { skip, timeout: 3_600_000 },
  async () => {
    await using host = await Imitated.start('arm', await rootOf(ON_ARM64));
    assert.equal((await host.output('uname', '-m')).trim(), 'aarch64');
    host.write('/var/log/auth.log', '');
    host.write('/etc/fail2ban/jail.d/defaults-debian.conf', '');
    host.write('/etc/fail2ban/jail.local', jailLocal({}));
    await host.output('mkdir', '-p', '/run/fail2ban');
    await host.output('fail2ban-client', 'start');
    await tryPackages(host);
    await host.output('mkdir', '/etc/banshare');
    host.write('/etc/banshare/client.toml', '[apply]\nown-reports = true\n');
    const install = async (role: 'client' | 'server'): Promise<void> => {
      assert.equal(fresh.installer(role, '--arch=arm64').code, 0);
      host.copy(join(fresh.dist, `${role}-install.sh`), '/root/install.sh');
      const { code, stdout, stderr } = await host.run('sh', '/root/install.sh');
      assert.equal(code, 0, `${stdout}\n${stderr}`);
    };
    await install('server');
    await host.output('install', '-d', '-m', '0700', '-o', 'banshare', '/run/banshare/server');
    const asServer = ['setpriv', '--reuid=banshare', '--regid=banshare', '--init-groups', '--no-new-privs'];
    await using server = host.spawn(...asServer, 'banshare-server', 'run');
    await server.line(/^banshare-server ready/, PATIENCE_MS);
    await install('client');
    await using client = host.spawn('banshare-client', 'run');
    await client.line(/^banshare-client ready/, PATIENCE_MS);

    await host.output('banshare-report', '--strict', 'fail2ban', 'sshd', '203.0.113.9');
    const isDropped = async (): Promise<boolean> =>
      (await host.output('nft', 'list', 'ruleset')).includes('203.0.113.9');
    await untilTrue(PATIENCE_MS, 'the ban in the firewall', isDropped);
    assert.match(await host.output('fail2ban-client', 'get', 'sshd', 'banip'), /203\.0\.113\.9/);
    await host.output('banshare-server', 'unban', '203.0.113.9');
    await untilTrue(PATIENCE_MS, 'the unban in the firewall', async () => !(await isDropped()));
  },
);

/** The packages as dpkg of that architecture takes them, and what is in them as it runs there. */
async function tryPackages(host: Imitated): Promise<void> {
  const debs = globSync(join(fresh.dist, '*.deb'));
  const [runtime = ''] = debs.filter((path) => path.endsWith('_arm64.deb'));
  const root = fresh.path('runtime');
  assert.equal(run('dpkg-deb', ['-x', runtime, root]).code, 0);
  for (const name of ['node', 'zeromq.node'])
    assert.equal(readFileSync(join(root, 'usr/lib/banshare', name)).readUInt16LE(18), 183, name);
  rmSync(root, { recursive: true });
  for (const path of debs) host.copy(path, `/root/${basename(path)}`);
  await host.output('dpkg', '-i', ...debs.map((path) => `/root/${basename(path)}`));
  assert.match(await host.output('banshare-client', 'key'), /^arm [0-9a-f]{64}$/m);
  assert.match(await host.output('fail2ban-client', 'status'), /banshare/);
  const names = ['client', 'server', 'common', 'runtime'].map((each) => `banshare-${each}`);
  await host.output('dpkg', '-P', ...names);
  await host.output('test', '!', '-e', '/usr/lib/banshare', '-a', '!', '-e', '/etc/banshare');
}
