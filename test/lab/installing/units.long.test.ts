import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before } from 'node:test';
import { FreshBuild } from '../../installers/fresh-build.ts';
import { jailLocal } from '../ground/fail2ban.ts';
import type { Host } from '../ground/host.ts';
import { onBooted, onHost } from '../ground/on-host.ts';
import { skipReason } from '../ground/requirements.ts';
import type { Exit } from '../ground/running.ts';
import { untilTrue } from '../ground/deadline.ts';
import { Booted, noSystemd } from '../ground/roots/systemd.ts';

// The installers and the units on hosts that systemd has booted, the server on the same host.
const skip = skipReason() || noSystemd();
const fresh = new FreshBuild();
const broken = new FreshBuild();
before(() => {
  if (skip !== false) return;
  fresh.everything('--ports=24001,24002');
  breakDaemon();
});
after(() => {
  fresh[Symbol.dispose]();
  broken[Symbol.dispose]();
});

onBooted(
  'both units run in their sandbox, a second installation restarts nothing, and --uninstall ends them',
  { skip },
  async (booted) => {
    for (const role of ['server', 'client'] as const) {
      const installed = await install(booted, role);
      assert.equal(installed.code, 0, installed.stdout + installed.stderr);
      assert.equal(await booted.property(`banshare-${role}`, 'ActiveState'), 'active');
      assert.equal(await booted.property(`banshare-${role}`, 'UnitFileState'), 'enabled');
    }
    const pid = await booted.property('banshare-server', 'MainPID');
    assert.equal((await booted.run('stat', '-c', '%U', `/proc/${pid}`)).stdout.trim(), 'banshare');
    const reported = await booted.run('banshare-report', '--strict', 'fail2ban', 'sshd', '203.0.113.9');
    assert.equal(reported.code, 0, reported.stderr);
    assert.match((await booted.run('banshare-server', 'bans', '--json')).stdout, /203\.0\.113\.9/);

    // The timers are off by default; node_exporter's folder may be another user's.
    const folder = '/var/lib/prometheus/node-exporter';
    await booted.run('install', '-d', '-m', '0755', '-o', 'nobody', dirname(folder), folder);
    for (const role of ['server', 'client'] as const) {
      assert.equal(await booted.property(`banshare-${role}-metrics.timer`, 'ActiveState'), 'inactive');
      const written = await booted.run('systemctl', 'start', `banshare-${role}-metrics.service`);
      const told = await booted.run('journalctl', '-n', '9', '-u', `banshare-${role}-metrics.service`);
      assert.equal(written.code, 0, written.stderr + told.stdout);
      const { stdout } = await booted.run('cat', `${folder}/banshare-${role}.prom`);
      assert.match(stdout, new RegExp(`^banshare_up\\{program="banshare-${role}"\\} 1$`, 'm'));
      const owner = await booted.run('stat', '-c', '%U %a', `${folder}/banshare-${role}.prom`);
      assert.equal(owner.stdout.trim(), 'nobody 644');
    }

    // The nightly backup is on, does nothing until it is wanted, and works in its sandbox; an installer leaves it off who put it off.
    assert.equal(await booted.property('banshare-backup.timer', 'ActiveState'), 'active');
    const toml = '/etc/banshare/server.toml';
    await booted.run('sh', '-c', `printf '[backup]\\nto = "/var/kept-bans"\\n' >>${toml}`);
    const backedUp = await booted.run('systemctl', 'start', 'banshare-backup.service');
    assert.equal(backedUp.code, 0, backedUp.stderr);
    assert.match(
      (await booted.run('ls', '-l', '/var/kept-bans')).stdout,
      /^-rw------- .* banshare-\S+\.backup$/m,
    );
    await booted.run('systemctl', 'disable', '--now', 'banshare-backup.timer');

    const ids = () =>
      Promise.all(['server', 'client'].map((role) => booted.property(`banshare-${role}`, 'InvocationID')));
    const before = await ids();
    for (const role of ['server', 'client'] as const) assert.equal((await install(booted, role)).code, 0);
    assert.deepEqual(await ids(), before);
    assert.equal(await booted.property('banshare-backup.timer', 'UnitFileState'), 'disabled');
    for (const role of ['client', 'server'] as const) {
      assert.equal((await install(booted, role, '--purge')).code, 0);
      assert.equal(await booted.property(`banshare-${role}`, 'LoadState'), 'not-found');
      assert.equal(await booted.property(`banshare-${role}-metrics.timer`, 'LoadState'), 'not-found');
    }
    assert.equal(await booted.property('banshare-backup.timer', 'LoadState'), 'not-found');
    assert.equal((await booted.run('pgrep', '-f', 'lib/banshare/node')).code, 1);
  },
);

onHost(
  'systemd knows when the units are ready, reloads them, starts one again whose loop hangs, and has messages sent from a sandbox',
  { skip },
  async (host) => {
    for (const unit of HANGING)
      await host.write(`/etc/systemd/system/${unit}.service.d/soon.conf`, '[Service]\nWatchdogSec=6\n');
    await using booted = await Booted.start(host);
    for (const role of ['server', 'client'] as const) {
      const installed = await install(booted, role);
      assert.equal(installed.code, 0, installed.stdout + installed.stderr);
      assert.equal(await booted.property(`banshare-${role}`, 'Type'), 'notify');
      assert.equal(await booted.property(`banshare-${role}`, 'ActiveState'), 'active');
    }

    const told = '/var/lib/banshare/outside/told';
    await host.write('/etc/banshare/server.d/limits.toml', '[limits]\nactive = 7\n');
    await host.write(
      '/etc/banshare/server.d/messages.toml',
      `[[notify]]\nkind = "command"\ncommand = "/usr/bin/touch ${told}"\n`,
    );
    const reloaded = await booted.run('systemctl', 'reload', 'banshare-server');
    assert.equal(reloaded.code, 0, reloaded.stderr);
    const journal = await booted.run('journalctl', '-u', 'banshare-server', '--no-pager');
    assert.match(journal.stdout, /From now on: .*limits\.active \(500000, now 7\)/);
    const outside = await booted.run('systemctl', 'enable', '--now', 'banshare-outside');
    assert.equal(outside.code, 0, outside.stderr);
    const tested = await booted.run('banshare-server', 'notify', '--test');
    assert.equal(tested.code, 0, tested.stdout + tested.stderr);
    assert.equal((await booted.run('stat', '-c', '%U', told)).stdout.trim(), 'banshare-outside');
    const asked = await booted.run('banshare-server', 'status', '--json');
    assert.match(asked.stdout, /"askedAt":\d/);
    // It follows a reload of the server by itself.
    await host.write('/etc/banshare/server.d/more.toml', '[dead-man]\nurl = "http://127.0.0.1:9/"\n');
    assert.equal((await booted.run('systemctl', 'reload', 'banshare-server')).code, 0);
    await untilTrue(60_000, 'the messages to follow', async () =>
      (await booted.run('banshare-server', 'notify')).stdout.includes('dead-man 127.0.0.1:9'),
    );
    const page = await booted.run('systemctl', 'enable', '--now', 'banshare-web');
    assert.equal(page.code, 0, page.stderr);
    await staysLoggedIn(booted);
    await host.write('/etc/banshare/client.d/broken.toml', 'nmae = 1\n');
    assert.notEqual((await booted.run('systemctl', 'reload', 'banshare-client')).code, 0);
    assert.equal(await booted.property('banshare-client', 'ActiveState'), 'active');

    await Promise.all(HANGING.map((unit) => startsAgain(booted, unit)));
    assert.equal((await booted.run('banshare-server', 'bans', '--json')).code, 0);
  },
);

/** The units whose loop is made to hang. */
const HANGING = ['banshare-server', 'banshare-web', 'banshare-outside'] as const;

/** A unit whose loop hangs is started again by its watchdog. */
async function startsAgain(booted: Booted, unit: (typeof HANGING)[number]): Promise<void> {
  const before = await booted.property(unit, 'NRestarts');
  const pid = await booted.property(unit, 'MainPID');
  await booted.run('kill', '-STOP', pid);
  await untilTrue(60_000, `${unit} to be started again`, async () => {
    const isAnother = (await booted.property(unit, 'MainPID')) !== pid;
    return isAnother && (await booted.property(unit, 'ActiveState')) === 'active';
  });
  assert.equal(Number(await booted.property(unit, 'NRestarts')), Number(before) + 1, unit);
}

/** Who is logged in to the page stays so while it starts again, as at an upgrade; a stop ends every login. */
async function staysLoggedIn(booted: Booted): Promise<void> {
  const origin = 'http://127.0.0.1:9180';
  const link = await booted.run('banshare-server', 'web', 'link', '--as', 'anna');
  const code = /#(\S+)/.exec(link.stdout)?.[1] ?? '';
  const form = ['--data-urlencode', `code=${code}`, '-H', `Origin: ${origin}`];
  const entered = await booted.run('curl', '-s', '-D', '-', '-o', '/dev/null', ...form, `${origin}/enter`);
  const cookie = /^set-cookie: ([^;]+)/im.exec(entered.stdout)?.[1] ?? '';
  const looks = async (): Promise<string> =>
    (await booted.run('curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '-b', cookie, `${origin}/`))
      .stdout;
  assert.equal(await looks(), '200');
  const kept = '/run/banshare-web/logins';
  assert.equal((await booted.run('stat', '-c', '%U %a', kept)).stdout.trim(), 'banshare-web 600');
  assert.equal((await booted.run('systemctl', 'restart', 'banshare-web')).code, 0);
  assert.equal(await looks(), '200');
  assert.equal((await booted.run('systemctl', 'stop', 'banshare-web')).code, 0);
  assert.equal((await booted.run('systemctl', 'start', 'banshare-web')).code, 0);
  assert.equal(await looks(), '401');
}

onBooted(
  'a new version that does not stay up is taken back, and the previous one runs on',
  { skip },
  async (booted) => {
    assert.equal((await install(booted, 'server')).code, 0);
    const upgraded = await booted.run('sh', join(broken.dist, 'server-install.sh'));
    assert.equal(upgraded.code, 1);
    assert.match(upgraded.stderr, /does not start .* the previous one is back, and runs/);
    assert.equal(await booted.property('banshare-server', 'ActiveState'), 'active');
    assert.equal((await booted.run('banshare-server', 'bans', '--json')).code, 0);
  },
);

onHost(
  'a server whose database is away is installed with a warning, and waits longer than its unit lets it start and hang',
  { skip },
  async (host) => {
    const soon = '[Service]\nTimeoutStartSec=5\nWatchdogSec=6\n';
    await host.write('/etc/systemd/system/banshare-server.service.d/soon.conf', soon);
    await using booted = await Booted.start(host);
    assert.equal((await install(booted, 'server')).code, 0);
    await booted.run('systemctl', 'stop', 'banshare-server');
    const secret = '/etc/banshare/generations/ledger.secret';
    await host.write(secret, `${'5c'.repeat(32)}\n`);
    await booted.run('chmod', '600', secret);
    await booted.run('chown', 'banshare:banshare', secret);
    await booted.run('sh', '-c', 'rm /var/lib/banshare/server/ledger.db*');
    const nowhere = '[ledger]\nlog = "postgres://nobody@127.0.0.1:1/nowhere?sslmode=disable"\n';
    await host.write('/etc/banshare/server.d/log.toml', nowhere);
    // It waits 20 s for systemd before it looks.
    const installed = await install(booted, 'server');
    assert.equal(installed.code, 0, installed.stdout + installed.stderr);
    assert.match(installed.stderr, /is installed, and not ready yet: Waiting for its database: /);
    assert.equal(await booted.property('banshare-server', 'ActiveState'), 'activating');
    assert.equal(await booted.property('banshare-server', 'NRestarts'), '0');
  },
);

onHost(
  'a fail2ban unit that may write nothing gets the spool, and reports from inside its sandbox',
  { skip },
  async (host) => {
    await host.write(
      '/etc/systemd/system/fail2ban.service.d/strict.conf',
      '[Service]\nProtectSystem=strict\nReadWritePaths=/run/fail2ban /var/lib/fail2ban /var/log\nPrivateTmp=yes\n' +
        'CapabilityBoundingSet=CAP_AUDIT_READ CAP_DAC_READ_SEARCH CAP_NET_ADMIN CAP_NET_RAW\n',
    );
    await using booted = await bootWithFail2ban(host);
    assert.equal((await install(booted, 'server')).code, 0);
    const installed = await install(booted, 'client');
    assert.equal(installed.code, 0, installed.stdout + installed.stderr);
    assert.match(installed.stdout, /A report from inside fail2ban's sandbox: .*accepted/);
    assert.match(await booted.property('fail2ban', 'ReadWritePaths'), /\/var\/spool\/banshare/);
    assert.match((await booted.run('banshare-server', 'bans', '--json')).stdout, /192\.0\.2\.1/);

    const jail = jailLocal({ action: 'banshare[port="%(port)s", protocol="%(protocol)s"]' });
    await host.write('/etc/fail2ban/jail.local', jail);
    assert.equal((await booted.run('fail2ban-client', 'reload', '--restart', 'sshd')).code, 0);
    await booted.run('systemctl', 'stop', 'banshare-server');
    await booted.run('fail2ban-client', 'set', 'sshd', 'banip', '203.0.113.9');
    const spooled = await booted.run('sh', '-c', 'cat /var/spool/banshare/*.json');
    assert.match(spooled.stdout, /203\.0\.113\.9/);
  },
);

onHost(
  'a ban of the fleet reaches fail2ban from inside the sandbox of banshare-client',
  { skip },
  async (host) => {
    await host.write('/etc/banshare/client.toml', '[apply]\nown-reports = true\n');
    await using booted = await bootWithFail2ban(host);
    for (const role of ['server', 'client'] as const) assert.equal((await install(booted, role)).code, 0);
    assert.equal(
      (await booted.run('banshare-report', '--strict', 'fail2ban', 'sshd', '203.0.113.9')).code,
      0,
    );
    await host.untilLines('/var/log/fail2ban.log', /\[sshd\] Ban 203\.0\.113\.9$/);
    assert.match((await booted.run('ls', '/run/banshare/client/notes')).stdout, /^sshd@203\.0\.113\.9$/m);
    await booted.run('systemctl', 'restart', 'banshare-client');
    const notes = await booted.run('ls', '/run/banshare/client/notes');
    assert.match(notes.stdout, /^sshd@203\.0\.113\.9$/m, 'a note outlives a restart of the client');
  },
);

/** Boots a host whose fail2ban runs with a jail, as its unit has it. */
async function bootWithFail2ban(host: Host): Promise<Booted> {
  await host.write('/etc/fail2ban/fail2ban.local', '[Definition]\nallowipv6 = auto\n');
  await host.write('/etc/fail2ban/jail.local', jailLocal({}));
  const booted = await Booted.start(host);
  assert.equal((await booted.run('systemctl', 'start', 'fail2ban')).code, 0);
  await host.untilFile(
    '/var/log/fail2ban.log',
    (text) => text.includes("Jail 'sshd' started"),
    'a started jail',
  );
  return booted;
}

/** A build whose server ends as soon as it is asked to run. */
function breakDaemon(): void {
  broken.everything('--ports=24003,24004');
  const bundle = join(broken.dist, 'lib/banshare/server.mjs');
  writeFileSync(bundle, `if (process.argv[2] === 'run') process.exit(1);\n${readFileSync(bundle, 'utf8')}`);
  broken.installer('server');
}

function install(booted: Booted, role: 'client' | 'server', ...flags: string[]): Promise<Exit> {
  return booted.run('dash', join(fresh.dist, `${role}-install.sh`), ...flags);
}
