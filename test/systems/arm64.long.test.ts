import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { FreshBuild } from '../installers/fresh-build.ts';
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
  if (skip === false) fresh.everything('--server=127.0.0.1');
});
after(() => fresh[Symbol.dispose]());

test(
  'Debian 12 for arm64: both installers run, the host enrols, a report is shared and banned, and an unban lifts it',
  { skip, timeout: 3_600_000 },
  async () => {
    await using host = await Imitated.start('arm', await rootOf(ON_ARM64));
    assert.equal((await host.output('uname', '-m')).trim(), 'aarch64');
    host.write('/var/log/auth.log', '');
    host.write('/etc/fail2ban/jail.d/defaults-debian.conf', '');
    host.write('/etc/fail2ban/jail.local', jailLocal({}));
    await host.output('mkdir', '-p', '/run/fail2ban', '/etc/banshare');
    await host.output('fail2ban-client', 'start');
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
