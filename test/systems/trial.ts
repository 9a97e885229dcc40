import assert from 'node:assert/strict';
import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PATIENCE_MS, untilTrue } from '../lab/ground/deadline.ts';
import { installed, makeSlimInstaller, type Installed } from '../lab/ground/installed.ts';
import { startLab, type Lab } from '../lab/ground/lab.ts';
import { Machine, untilItsFail2banBans, type Versions } from './machine.ts';
import { DEBIAN_13, rootOf, type System } from './roots.ts';

/** A server on Debian 13, which is a host as well, and a host of the system that is tried. */
type Fleet = { lab: Lab; server: Machine; tried: Machine; made: Installed; step: Step };

/** Names what is tried next, so that a failure says where it was. */
export type Step = (what: string, work: () => Promise<void>) => Promise<void>;

const ROLES = ['client', 'server'] as const;

/** Looks after CAP_SYS_PTRACE alone, and after nothing. */
const CAPABILITIES = { client: '0000000000080000', server: '0000000000000000' };

/** Installs, bans, loses, upgrades and removes on a system that its own systemd has booted, and returns the versions there. */
export async function tryOn(system: System, step: Step): Promise<Versions> {
  const roots = { srv: await rootOf(DEBIAN_13), h1: await rootOf(system) };
  const made = await installed();
  await using lab = await startLab({ hosts: ['h1'], server: 'srv', roots });
  await using server = await Machine.boot(lab.host('srv'));
  await using tried = await Machine.boot(lab.host('h1'));
  const fleet = { lab, server, tried, made, step };
  for (const machine of [server, tried]) await machine.watch(false);
  const before = await tried.files();
  await installAll(fleet);
  await banForEachOther(fleet);
  await putBackWhatIsLost(fleet);
  await banBySets(fleet);
  await upgrade(fleet);
  await removeAll(fleet, before);
  return await tried.versions();
}

async function installAll({ server, tried, made, step }: Fleet): Promise<void> {
  await step('installs the server and both clients, each unit in its sandbox', async () => {
    // A server of the system's own, of the same generation: nobody asks it, but it has to run.
    for (const [machine, installer] of [
      [server, made.serverInstaller],
      [server, made.clientInstaller],
      [tried, made.clientInstaller],
      [tried, made.serverInstaller],
    ] as const) {
      if (installer === made.clientInstaller) await machine.host.write('/etc/banshare/client.toml', SOON);
      const { code, stdout, stderr } = await machine.install(installer);
      assert.equal(code, 0, `${stdout}\n${stderr}`);
      assert.match(stdout, NAMES_ITSELF);
    }
    for (const role of ROLES) {
      const unit = `banshare-${role}`;
      assert.equal(await tried.property(unit, 'ActiveState'), 'active');
      assert.equal(await tried.property(unit, 'UnitFileState'), 'enabled');
      const { capabilities, mayGainMore, user } = await tried.rights(unit);
      assert.equal(capabilities, CAPABILITIES[role]);
      assert.equal(mayGainMore, false);
      assert.equal(user, role === 'client' ? 'root' : 'banshare');
    }
    for (const machine of [server, tried]) await machine.watch(true);
  });
  await step('the host has enrolled', async () => {
    const { hosts } = JSON.parse(await server.output('banshare-server', 'hosts', '--json')) as {
      hosts: { name: string }[];
    };
    assert.deepEqual(hosts.map(({ name }) => name).toSorted(), ['h1', 'srv']);
    await untilWell(tried);
  });
}

const NAMES_ITSELF = /^banshare-(client|server) \d+\.\d+\.\d+\S* of the generation \S+ is installed$/m;

/** What is compared each five minutes is compared each five seconds here. */
const SOON = '[apply]\nreconcile = "5s"\n';

async function untilWell(machine: Machine): Promise<void> {
  let said = '';
  const what = (): string => `all to be well on ${machine.host.name}; its status says:\n${said}`;
  await untilTrue(PATIENCE_MS, what, async () => {
    const { code, stdout, stderr } = await machine.run('banshare-client', 'status');
    said = `${stdout}\n${stderr}`;
    return code === 0;
  });
}

async function banForEachOther({ lab, server, tried, step }: Fleet): Promise<void> {
  await step('whoever fails to log in is dropped by the other host too', async () => {
    await untilItsFail2banBans(lab, tried.host, '203.0.113.7');
    await lab.attacker.untilDropped(tried.host, '203.0.113.7');
    await lab.attacker.untilDropped(server.host, '203.0.113.7');
    await untilItsFail2banBans(lab, server.host, '203.0.113.8');
    await lab.attacker.untilDropped(server.host, '203.0.113.8');
    await lab.attacker.untilDropped(tried.host, '203.0.113.8');
    await server.output('banshare-server', 'ban', '2001:db8:bad::7', '--jail', 'sshd', '--for', '1h');
    await lab.attacker.untilDropped(tried.host, '2001:db8:bad::7');
  });
  await step('an unban lets it in on both', async () => {
    await server.output('banshare-server', 'unban', '203.0.113.7');
    for (const { host } of [tried, server])
      await untilTrue(PATIENCE_MS, `${host.name} to let 203.0.113.7 in`, async () =>
        lab.attacker.connects(host, '203.0.113.7'),
      );
  });
}

async function putBackWhatIsLost({ lab, tried, step }: Fleet): Promise<void> {
  await step('rules that are lost are put back', async () => {
    await tried.output('nft', 'flush', 'ruleset');
    assert.ok(await lab.attacker.connects(tried.host, '203.0.113.8'));
    await lab.attacker.untilDropped(tried.host, '203.0.113.8', 120_000);
    await lab.attacker.untilDropped(tried.host, '2001:db8:bad::7');
    await untilWell(tried);
  });
}

async function banBySets({ lab, tried, step }: Fleet): Promise<void> {
  await step('sets of nftables carry out bans as well, and hand back', async () => {
    const drop = '/etc/systemd/system/banshare-client.service.d/nft.conf';
    await tried.host.write(drop, '[Service]\nCapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW\n');
    await tried.host.write('/etc/banshare/client.toml', `${SOON}enforcer = "nftables"\n`);
    await tried.output('systemctl', 'daemon-reload');
    await tried.output('systemctl', 'restart', 'banshare-client');
    await untilTrue(PATIENCE_MS, 'a set with the address', async () =>
      (await tried.output('nft', 'list', 'ruleset')).includes('table inet banshare'),
    );
    await untilWell(tried);
    await lab.attacker.untilDropped(tried.host, '203.0.113.8');
    await tried.host.write('/etc/banshare/client.toml', SOON);
    await tried.output('systemctl', 'restart', 'banshare-client');
    await untilTrue(PATIENCE_MS, 'its sets to go', async () => {
      return !(await tried.output('nft', 'list', 'ruleset')).includes('table inet banshare');
    });
    await tried.output('rm', '-r', drop.replace(/\/[^/]*$/, ''));
    await tried.output('systemctl', 'daemon-reload');
    await tried.output('systemctl', 'restart', 'banshare-client');
    await untilWell(tried);
    await lab.attacker.untilDropped(tried.host, '203.0.113.8');
  });
}

async function upgrade({ lab, tried, made, step }: Fleet): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-next-'));
  try {
    await step('another version takes over with the bans in place', async () => {
      for (const role of ROLES) {
        const pid = await tried.property(`banshare-${role}`, 'MainPID');
        const { code, stdout, stderr } = await tried.install(nextVersion(role, made, folder));
        assert.equal(code, 0, `${stdout}\n${stderr}`);
        assert.equal(await tried.property(`banshare-${role}`, 'ActiveState'), 'active');
        assert.notEqual(await tried.property(`banshare-${role}`, 'MainPID'), pid);
      }
      await untilWell(tried);
      await lab.attacker.untilDropped(tried.host, '203.0.113.8');
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An installer without a runtime, of programs that differ from what is installed by a line. */
function nextVersion(role: (typeof ROLES)[number], made: Installed, folder: string): string {
  const dist = join(folder, role);
  cpSync(join(made.clientInstaller, '..'), dist, { recursive: true });
  appendFileSync(join(dist, 'lib/banshare', `${role}.mjs`), '// the next version\n');
  return makeSlimInstaller(role, made.certs, dist);
}

async function removeAll({ lab, tried, made, step }: Fleet, before: readonly string[]): Promise<void> {
  await step('--purge leaves nothing, and nobody banned for others', async () => {
    // The action stays as long as a jail names it.
    await tried.watch(false);
    for (const installer of [made.serverInstaller, made.clientInstaller]) {
      const { code, stdout, stderr } = await tried.install(installer, '--purge');
      assert.equal(code, 0, `${stdout}\n${stderr}`);
    }
    assert.ok(await lab.attacker.connects(tried.host, '203.0.113.8'));
    assert.equal((await tried.run('pgrep', '-f', 'lib/banshare')).code, 1);
    for (const file of ['/etc/passwd', '/etc/group', '/etc/shadow'])
      assert.ok(!(await tried.host.read(file)).includes('banshare'), file);
    assert.deepEqual(await tried.filesSince(before), []);
  });
}
