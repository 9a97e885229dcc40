import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { FreshBuild } from '../../installers/fresh-build.ts';
import { startFail2ban } from '../ground/fail2ban.ts';
import type { Host } from '../ground/host.ts';
import { onHost } from '../ground/on-host.ts';
import { skipReason } from '../ground/requirements.ts';
import type { Exit } from '../ground/running.ts';

// Installers run for real, on hosts without systemd whose server is the host itself.
const skip = skipReason();
const REPORT_PORT = 24_001;
const PUBLISH_PORT = 24_002;

const fresh = new FreshBuild();
before(() => {
  if (skip === false) fresh.everything(`--ports=${REPORT_PORT},${PUBLISH_PORT}`);
});
after(() => {
  fresh[Symbol.dispose]();
});

onHost(
  'a client built for 127.0.0.1 refuses a host where no server listens, and installs where one does; either may be started first',
  { skip },
  async (host) => {
    const refused = await install(host, 'client');
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /built for a server on this machine \(127\.0\.0\.1\), and none listens on port 24001/,
    );
    assert.equal(await host.read('/usr/bin/banshare-client'), '');

    const servers = await install(host, 'server');
    assert.equal(servers.code, 0);
    await using server = host.spawn(['/usr/bin/banshare-server', 'run']);
    await server.line(/^banshare-server ready /);
    await startFail2ban(host);
    const installed = await install(host, 'client');
    assert.equal(installed.code, 0, installed.stderr);
    assert.match(installed.stdout, /enrolled|accepted/i);
    assert.match(installed.stdout, /fail2ban has taken up the action and the jail banshare/);
    assert.match(installed.stdout, /no jail reports yet[^]*\[sshd\][^]*reload --restart sshd/);
    assert.match(installed.stdout, /\/usr\/bin\/banshare-client run/);
    assert.match(await host.output(['fail2ban-client', 'status']), /Jail list:.*banshare/);
    assert.match(await host.output(['fail2ban-client', 'status', 'sshd']), /Currently banned/);
    const keys = await host.output(['stat', '-c', '%n %a', '/etc/banshare/keys/host.key_secret']);
    assert.match(keys, / 600$/);
    assert.equal(
      await host.read('/etc/banshare/keys/join.key_secret'),
      '',
      'an enrolled host deletes the join pair',
    );

    const again = await install(host, 'client');
    assert.equal(again.code, 0, again.stderr);
    assert.doesNotMatch(again.stdout, /has taken up/, 'nothing changed, so fail2ban is left alone');

    await using client = host.spawn(['/usr/bin/banshare-client', 'run']);
    await client.line(/^banshare-client ready /);
    assert.match(await host.output(['stat', '-c', '%U %a', '/run/banshare']), /^root 755$/m);

    // As after a restart of the machine: nothing is below /run, and the client is the first.
    await client.stop('SIGTERM');
    await server.stop('SIGTERM');
    await host.output(['rm', '-r', '/run/banshare']);
    await using first = host.spawn(['sh', '-c', 'umask 077; exec /usr/bin/banshare-client run']);
    for (const patience = AbortSignal.timeout(20_000); ;) {
      if ((await host.run(['test', '-S', '/run/banshare/client/admin.sock'])).code === 0) break;
      assert.equal(patience.aborted, false, 'the client has no socket after 20 s');
    }
    const [, ownFolder = ''] = /folder of its own for its socket: (.*)/.exec(servers.stdout) ?? [];
    await host.output(['sh', '-ec', ownFolder]);
    await using second = host.spawn([
      'setpriv',
      '--reuid=banshare',
      '--regid=banshare',
      '--clear-groups',
      '/usr/bin/banshare-server',
      'run',
    ]);
    await second.line(/^banshare-server ready /);
    await first.line(/^banshare-client ready /);
    assert.match(await host.output(['/usr/bin/banshare-server', 'hosts']), /h1 +active/);
    assert.match(await host.output(['/usr/bin/banshare-client', 'bans']), /No bans here/);
    const beside = await install(host, 'client', '--uninstall');
    assert.equal(beside.code, 1);
    assert.match(beside.stderr, /Cannot remove banshare-client while it runs: stop it/);
    await first.stop('SIGKILL');
    const removed = await install(host, 'client', '--uninstall');
    assert.equal(removed.code, 0, removed.stderr);
    assert.doesNotMatch(removed.stdout, /could be lifted/);
  },
);

onHost(
  'jails that already name the action are told apart: running with it, or in need of --restart',
  { skip },
  async (host) => {
    await installServer(host);
    await startFail2ban(host);
    await host.output(['sed', '-i', 's/^action = .*/&\\n    banshare/', '/etc/fail2ban/jail.local']);
    const installed = await install(host, 'client');
    assert.match(installed.stdout, /fail2ban jails that report: sshd/);
    assert.match(installed.stdout, /fail2ban-client reload --restart sshd/);
    await host.output(['fail2ban-client', 'reload', '--restart', 'sshd']);
    const again = await install(host, 'client');
    assert.match(again.stdout, /fail2ban jails that report: sshd/);
    assert.doesNotMatch(again.stdout, /--restart/);
  },
);

onHost(
  "where fail2ban's own test failed before, nothing of it is touched and banshare's files are not blamed",
  { skip },
  async (host) => {
    await installServer(host);
    await startFail2ban(host);
    await host.write(
      '/etc/fail2ban/jail.d/broken.conf',
      '[nonsense]\nenabled = true\nfilter = there-is-none\n',
    );
    const installed = await install(host, 'client');
    assert.equal(installed.code, 1);
    assert.match(installed.stdout, /fails, also without banshare's files[^]*there-is-none/);
    assert.equal(await host.read('/etc/fail2ban/jail.d/banshare.conf'), '');
    assert.equal(await host.read('/etc/fail2ban/action.d/banshare.conf'), '');
    assert.doesNotMatch(await host.output(['fail2ban-client', 'status']), /banshare/);
    assert.match(
      await host.output(['/usr/bin/banshare-client', '--version']),
      /^\d/,
      'the programs are installed',
    );
  },
);

onHost(
  "an administrator's ignorecommand for recidive that names the one before it is left as it is, and said",
  { skip },
  async (host) => {
    await installServer(host);
    await startFail2ban(host);
    const own = '[recidive]\nignorecommand = /usr/bin/friends <ip> %(known/ignorecommand)s\n';
    await host.write('/var/log/fail2ban.log', '');
    await host.write(
      '/etc/fail2ban/jail.d/zz.local',
      `${own}enabled = true\nlogpath = /var/log/fail2ban.log\n`,
    );
    const installed = await install(host, 'client');
    assert.equal(installed.code, 0, installed.stdout);
    assert.match(installed.stdout, /your own ignorecommand of the jail recidive is left as it is/);
    assert.match(
      await host.output(['fail2ban-client', 'get', 'recidive', 'ignorecommand']),
      /friends <ip> *$/m,
    );
    assert.match(await host.output(['fail2ban-client', 'status']), /Jail list:.*banshare/);
    assert.doesNotMatch(await host.read('/etc/fail2ban/jail.d/banshare.conf'), /shared-ban/);
  },
);

onHost(
  '--uninstall leaves a no-op action while a jail names it, and a no-op reporter while psad.conf does',
  { skip },
  async (host) => {
    await installServer(host);
    await install(host, 'client');
    await startFail2ban(host, { action: 'banshare' });
    await host.write(
      '/etc/psad/psad.conf',
      'EXTERNAL_BLOCK_SCRIPT /usr/bin/banshare-report psad portscan SRCIP;\n',
    );

    const removed = await install(host, 'client', '--uninstall');
    assert.equal(removed.code, 0, removed.stderr);
    assert.match(removed.stdout, /action\.d\/banshare\.conf stays and[^]*jail\.local/);
    assert.match(removed.stdout, /psad\.conf still names \/usr\/bin\/banshare-report/);
    assert.match(await host.read('/etc/fail2ban/action.d/banshare.conf'), /^actionban =$/m);
    assert.deepEqual(
      (await host.run(['/usr/bin/banshare-report', 'psad', 'portscan', '203.0.113.9'])).code,
      0,
    );
    assert.equal(await host.read('/etc/fail2ban/jail.d/banshare.conf'), '');
    assert.doesNotMatch(await host.output(['fail2ban-client', 'status']), /banshare/);
    assert.equal((await host.run(['fail2ban-client', '-t'])).code, 0);
    await host.output(['fail2ban-client', 'restart']);
    assert.match(await host.output(['fail2ban-client', 'status']), /sshd/);

    await host.write('/etc/fail2ban/jail.local', '[DEFAULT]\nbackend = polling\n');
    await host.write('/etc/psad/psad.conf', '');
    await install(host, 'client', '--uninstall');
    assert.equal(await host.read('/etc/fail2ban/action.d/banshare.conf'), '');
    assert.equal(await host.read('/usr/bin/banshare-report'), '');
  },
);

onHost(
  'the server gets a user of its own, reserved ports and an open firewall, and gives them back',
  { skip },
  async (host) => {
    await host.write('/tmp/hook', '#!/bin/sh\necho "$@" >>/var/log/hook\n');
    const installed = await install(host, 'server', '--hook', '/tmp/hook');
    assert.equal(installed.code, 0, installed.stderr);
    const owned =
      '/etc/banshare/generations /etc/banshare/generations/*/server.key_secret /var/lib/banshare/server';
    const owners = await host.output(['sh', '-c', `stat -c '%U %a' ${owned}`]);
    assert.deepEqual(owners.trim().split('\n'), ['banshare 700', 'banshare 600', 'banshare 700']);
    const reserved = await host.output(['cat', '/proc/sys/net/ipv4/ip_local_reserved_ports']);
    assert.equal(reserved.trim(), `${REPORT_PORT}-${PUBLISH_PORT}`);
    assert.match(await host.read('/etc/sysctl.d/60-banshare.conf'), /= 24001-24002\n$/);
    assert.equal(await host.read('/var/log/hook'), 'open 24001 24002\n');
    await install(host, 'server');
    assert.equal(await host.read('/var/log/hook'), 'open 24001 24002\n', 'opened once');

    await host.output(['install', '-d', '-m', '0700', '-o', 'banshare', '/run/banshare/server']);
    const asUser = [
      'setpriv',
      '--reuid=banshare',
      '--regid=banshare',
      '--clear-groups',
      '--bounding-set=-all',
    ];
    const server = host.spawn([...asUser, '--no-new-privs', '/usr/bin/banshare-server', 'run']);
    await server.line(/^banshare-server ready /);
    const sockets = await host.output(['sh', '-c', "stat -c '%U %G %a' /run/banshare/*/admin.sock | sort"]);
    assert.deepEqual(sockets.trim().split('\n'), [
      'banshare banshare 600',
      'banshare banshare-operators 660',
      'banshare banshare-outside 660',
      'banshare banshare-page 660',
    ]);
    // The page, as its unit starts it, and whoever is in the group of operators.
    const asPage = ['--reuid=banshare-web', '--regid=banshare-web', '--groups=banshare-page'];
    const page = host.spawn(['setpriv', ...asPage, '--bounding-set=-all', '/usr/bin/banshare-server', 'web']);
    await page.line(/^banshare-server web ready at=http:\/\/127\.0\.0\.1:9180$/);
    const asOperator = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--groups=banshare-operators'];
    const link = await host.output([
      ...asOperator,
      '/usr/bin/banshare-server',
      'web',
      'link',
      '--as',
      'anna',
    ]);
    assert.match(link, /http:\/\/127\.0\.0\.1:9180\/enter#\S{20}/);
    await page.stop();
    await server.stop();

    // What runs as the server's user lays links to what only root may write.
    const home = '/etc/banshare/generations';
    const before = await host.output(['sh', '-c', 'ls -ln /root/.profile /etc/shadow; cksum /etc/shadow']);
    const traps = `cd ${home}; name=$(ls); ln -s /etc/shadow $name/server.key.banshare-new; ln -s /etc/shadow $name/server.key.banshare-old
      rm $name/join.key; ln -s /etc/shadow $name/join.key; ln -s /etc .$name.new; ln -s /etc .$name.old; mkfifo other; ln -s /etc/shadow .other`;
    await host.output([...asUser, 'sh', '-c', traps]);
    const again = await install(host, 'server');
    assert.equal(again.code, 0, again.stderr);
    assert.equal(
      await host.output(['sh', '-c', 'ls -ln /root/.profile /etc/shadow; cksum /etc/shadow']),
      before,
    );
    assert.equal((await host.run([...asUser, 'sh', '-c', `test -L ${home}/*/join.key`])).code, 1);

    assert.equal((await install(host, 'server', '--purge')).code, 0);
    const left = await host.output(['cat', '/proc/sys/net/ipv4/ip_local_reserved_ports']);
    assert.equal(left.trim(), '', 'the reserved ports are given back');
    assert.notEqual((await host.run(['test', '-e', '/usr/lib/banshare'])).code, 0);
    assert.equal(await host.read('/var/log/hook'), 'open 24001 24002\nclose 24001 24002\n');
    assert.equal((await host.run(['grep', '-E', '^banshare', '/etc/passwd', '/etc/group'])).stdout, '');
    assert.equal(await host.read('/etc/sysctl.d/60-banshare.conf'), '');
    assert.notEqual((await host.run(['test', '-e', '/etc/banshare'])).code, 0);
  },
);

onHost(
  '--no-start prepares an image at /: nothing runs, no user, and the client enrols later',
  { skip },
  async (host) => {
    for (const role of ['server', 'client'] as const)
      assert.equal((await install(host, role, '--no-start')).code, 0);
    assert.notEqual((await host.run(['id', 'banshare'])).code, 0);
    assert.match(await host.read('/usr/lib/sysusers.d/banshare.conf'), /^u banshare /m);
    assert.match(await host.read('/usr/lib/systemd/system/banshare-client.service'), /ExecStart=/);
    assert.notEqual(await host.read('/etc/banshare/keys/join.key_secret'), '');
    assert.equal(await host.read('/etc/banshare/keys/host.key_secret'), '');
  },
);

onHost(
  'who installs by SSH is noted once, also behind a sudo that hides the connection',
  { skip },
  async (host) => {
    await installServer(host);
    const notedAfter = async (from: string): Promise<string> => {
      // Like sudo: a process in between does not hand the variable on.
      const behindSudo = `env -u SSH_CONNECTION dash ${join(fresh.dist, 'client-install.sh')}; exit $?`;
      const environment = { SSH_CONNECTION: `${from} 50000 10.99.0.1 22` };
      const { code, stderr } = await host.run(['dash', '-c', behindSudo], {
        environment,
        milliseconds: 60_000,
      });
      assert.equal(code, 0, stderr);
      return host.read('/var/lib/banshare/client/installed-from');
    };
    assert.equal(await notedAfter('198.51.100.5'), '198.51.100.5\n');
    assert.equal(await notedAfter('198.51.100.5'), '198.51.100.5\n');
    assert.equal(await notedAfter('2001:db8::5'), '198.51.100.5\n2001:db8::5\n');
    assert.match(await host.output(['stat', '-c', '%a', '/var/lib/banshare/client']), /^700$/m);
  },
);

async function installServer(host: Host): Promise<void> {
  assert.equal((await install(host, 'server')).code, 0);
  const server = host.spawn(['/usr/bin/banshare-server', 'run']);
  await server.line(/^banshare-server ready /);
}

function install(host: Host, role: 'client' | 'server', ...flags: string[]): Promise<Exit> {
  return host.run(['dash', join(fresh.dist, `${role}-install.sh`), ...flags], { milliseconds: 60_000 });
}
