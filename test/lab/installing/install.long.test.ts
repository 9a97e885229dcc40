import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fail2banClient, jailLocal, startFail2ban, untilBanned } from '../ground/fail2ban.ts';
import { Fleet, reportAction, startFleet } from '../ground/fleet.ts';
import type { Host } from '../ground/host.ts';
import { installed, makeGeneration, makeInstaller } from '../ground/installed.ts';
import { startLab } from '../ground/lab.ts';
import { skipReason } from '../ground/requirements.ts';

const skip = skipReason();
const old = '203.0.113.9';

test(
  'install beside a running fail2ban, then upgrade to a new generation: no ban is lost',
  { skip },
  async (t) => {
    const { clientInstaller, serverInstaller } = await installed();
    await using fleet = new Fleet(await startLab({ hosts: ['h1'], server: 'srv' }));
    const h1 = fleet.host('h1');
    await Promise.all([startFail2ban(h1), fleet.server.output(['sh', serverInstaller])]);
    await fleet.start(fleet.server);
    await fail2banClient(h1, 'set', 'sshd', 'banip', old);
    await untilBanned(h1, 'sshd', old);
    const fail2banPid = await h1.read('/run/fail2ban/fail2ban.pid');

    await t.test(
      'the installer enrols the host, takes nothing from fail2ban and says what is left to do',
      async () => {
        const said = await withoutHole(fleet, () => h1.output(['sh', clientInstaller]));
        assert.match(said, /banshare\[port="%\(port\)s", protocol="%\(protocol\)s"\]/);
        assert.match(said, /fail2ban-client reload --restart sshd/);
        assert.match(await h1.output(['fail2ban-client', 'status']), /Jail list:\s+banshare, sshd/);
        const keys = await h1.output(['ls', '/etc/banshare/keys']);
        assert.match(keys, /host\.key_secret/);
        assert.doesNotMatch(keys, /join/);
        await fleet.start(h1);
      },
    );

    await t.test('an added action works only after reload --restart, and status says so', async () => {
      await h1.write('/etc/fail2ban/jail.local', jailLocal({ action: reportAction }));
      await h1.output(['fail2ban-client', 'reload']);
      await fail2banClient(h1, 'set', 'sshd', 'banip', '203.0.113.10');
      await untilBanned(h1, 'sshd', '203.0.113.10');
      assert.match((await h1.run(['banshare-client', 'status'])).stdout, /No jail reports.*reload --restart/);
      await withoutHole(fleet, () => h1.output(['fail2ban-client', 'reload', '--restart', 'sshd']), false);
      await fail2banClient(h1, 'set', 'sshd', 'banip', '203.0.113.11');
      await fleet.untilPublished('203.0.113.11', h1);
      assert.equal(await fleet.eventCount(), 1);
      assert.match((await h1.run(['banshare-client', 'status'])).stdout, /These jails report: sshd/);
    });

    await t.test('a second run changes nothing and leaves fail2ban alone', async () => {
      const [before, log] = [await state(h1), await h1.read('/var/log/fail2ban.log')];
      await withoutHole(fleet, () => h1.output(['sh', clientInstaller]));
      assert.deepEqual(await state(h1), before);
      assert.equal(await h1.read('/var/log/fail2ban.log'), log);
    });

    await t.test('an upgrade keeps configuration, host key and bans', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'banshare-lab-'));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      const next = makeNextGeneration(folder);
      await h1.write('/etc/banshare/client.toml', '[apply]\nconcurrency = 2\n');
      const identity = await h1.read('/etc/banshare/keys/host.key_secret');
      await runCopied(fleet.server, next.serverInstaller);
      await fleet.stop(fleet.server);
      await fleet.start(fleet.server);
      await withoutHole(fleet, () => runCopied(h1, next.clientInstaller));
      assert.equal(await h1.read('/etc/banshare/keys/host.key_secret'), identity);
      assert.equal(await h1.read('/etc/banshare/client.toml'), '[apply]\nconcurrency = 2\n');
      await fleet.stop(h1);
      await fleet.start(h1);
      await fail2banClient(h1, 'set', 'sshd', 'banip', '203.0.113.12');
      await fleet.untilPublished('203.0.113.12', h1);
      assert.equal(await fleet.eventCount(), 2);
    });
    assert.equal(await h1.read('/run/fail2ban/fail2ban.pid'), fail2banPid);
  },
);

test(
  'uninstall leaves fail2ban running and startable, also while a jail names the action',
  { skip },
  async () => {
    const { clientInstaller, layers } = await installed();
    await using lab = await startLab({ hosts: ['h1'], layers: { h1: [layers.client] } });
    const h1 = lab.host('h1');
    await startFail2ban(h1, { action: reportAction });
    await fail2banClient(h1, 'set', 'sshd', 'banip', old);
    await untilBanned(h1, 'sshd', old);
    const said = await h1.output(['sh', clientInstaller, '--uninstall']);
    const logged = (await h1.read('/var/log/fail2ban.log')).length;
    assert.match(said, /action\.d\/banshare\.conf stays/);
    assert.match(await h1.output(['fail2ban-client', 'status']), /Jail list:\s+sshd/);
    assert.match(await h1.output(['fail2ban-client', 'get', 'sshd', 'banip']), /203\.0\.113\.9/);
    await h1.output(['fail2ban-client', 'restart']);
    await lab.attacker.failLogin(h1, '203.0.113.10');
    await untilBanned(h1, 'sshd', '203.0.113.10');
    assert.doesNotMatch((await h1.read('/var/log/fail2ban.log')).slice(logged), /banshare-report/);

    await h1.write('/etc/fail2ban/jail.local', jailLocal({}));
    await h1.output(['sh', clientInstaller, '--uninstall', '--purge']);
    const left = await h1.output(['find', '/etc', '/usr/bin', '/usr/lib', '/var', '-name', '*banshare*']);
    assert.equal(left, '');
    await h1.output(['fail2ban-client', 'restart']);
  },
);

test(
  'uninstall lifts what banshare put in place, and a client that comes back has it again',
  { skip },
  async () => {
    const { clientInstaller } = await installed();
    await using fleet = await startFleet({
      hosts: ['h1', 'h2', 'h3'],
      clientConfig: { h2: '[apply]\nenforcer = "nftables"\n' },
    });
    const { attacker } = fleet.lab;
    const hosts = [fleet.host('h1'), fleet.host('h2')];
    await fleet.host('h3').output(['banshare-report', 'fail2ban', 'sshd', '203.0.113.7']);
    for (const host of hosts) {
      await attacker.untilDropped(host, '203.0.113.7');
      await fleet.stop(host);
      await host.output(['sh', clientInstaller, '--uninstall']);
      assert.equal(await attacker.connects(host, '203.0.113.7'), true, host.name);
      assert.doesNotMatch(await host.output(['nft', 'list', 'ruleset']), /inet banshare|203\.0\.113\.7/);
      await host.output(['sh', clientInstaller]);
      await fleet.start(host);
      await attacker.untilDropped(host, '203.0.113.7');
    }
  },
);

test(
  'a broken jail.local keeps the installer from leaving files of banshare there, is not blamed on them, and fail2ban goes on',
  { skip },
  async () => {
    const { clientInstaller, serverInstaller } = await installed();
    await using fleet = new Fleet(await startLab({ hosts: ['h1'], server: 'srv' }));
    const h1 = fleet.host('h1');
    await Promise.all([startFail2ban(h1), fleet.server.output(['sh', serverInstaller])]);
    await fleet.start(fleet.server);
    const good = await h1.read('/etc/fail2ban/jail.local');
    const broken = good.replace('filter = sshd', 'filter = nosuchfilter');
    await h1.write('/etc/fail2ban/jail.local', broken);
    const failed = await h1.run(['sh', clientInstaller]);
    assert.equal(failed.code, 1, failed.stdout + failed.stderr);
    assert.match(
      failed.stdout + failed.stderr,
      /its configuration test fails, also without banshare's files/,
    );
    assert.equal(await h1.output(['find', '/etc/fail2ban', '-name', 'banshare*']), '');
    await fleet.lab.attacker.failLogin(h1, '203.0.113.7');
    await untilBanned(h1, 'sshd', '203.0.113.7');

    await h1.write('/etc/fail2ban/jail.local', good);
    await h1.output(['sh', clientInstaller]);
    assert.match(await h1.output(['fail2ban-client', 'status']), /Jail list:\s+banshare, sshd/);
    await h1.write('/etc/fail2ban/jail.local', broken);
    await h1.output(['sh', clientInstaller, '--purge']);
    assert.equal(await h1.output(['find', '/etc/fail2ban', '-name', 'banshare*']), '');
  },
);

/** Runs something on h1 while the old attacker knocks all the time: it must never get through. */
async function withoutHole(fleet: Fleet, work: () => Promise<string>, mayOpen = true): Promise<string> {
  let over = false;
  const knocking = (async () => {
    while (!over) {
      const attempt = await fleet.lab.attacker.attempt(fleet.host('h1'), old, 22, 50);
      assert.ok(!mayOpen || attempt === 'silence', `the banned ${old} ${attempt} meanwhile`);
    }
  })();
  try {
    return await work();
  } finally {
    over = true;
    await knocking;
  }
}

/** Every file of banshare with its size, mode, times and inode. */
async function state(host: Host): Promise<string[]> {
  const folders = ['/etc/banshare', '/etc/fail2ban', '/usr/bin', '/usr/lib/banshare'];
  const find = ['find', ...folders, '-type', 'f', '-path', '*banshare*', '-printf', '%p %s %m %u %T@ %i\\n'];
  return (await host.output(find)).split('\n').toSorted();
}

function makeNextGeneration(folder: string): { clientInstaller: string; serverInstaller: string } {
  const [certs, dist] = [join(folder, 'certs'), join(folder, 'dist')];
  makeGeneration(certs);
  makeInstaller('client', certs, dist);
  makeInstaller('server', certs, dist);
  return {
    clientInstaller: join(dist, 'client-install.sh'),
    serverInstaller: join(dist, 'server-install.sh'),
  };
}

/** The hosts have their own /tmp: an installer made after they started has to be brought to them. */
async function runCopied(host: Host, installer: string): Promise<string> {
  cpSync(installer, host.outside('/var/install.sh'));
  return host.output(['sh', '/var/install.sh']);
}
