import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE_MS, untilTrue } from './ground/deadline.ts';
import { startFleet, type Fleet } from './ground/fleet.ts';
import type { Host } from './ground/host.ts';
import { logIn, startSshd } from './ground/login.ts';
import { skipReason } from './ground/requirements.ts';

// One range of each family, an attacker within it, and one beside it.
const RANGES = [
  { range: '203.0.113.0/24', within: '203.0.113.7', beside: '198.51.100.7' },
  { range: '2001:db8:bad::/80', within: '2001:db8:bad::7', beside: '2001:db8:bad:0:1::7' },
] as const;
/** What was lost is in place again within a minute. */
const MINUTE = 60_000;

const KINDS = ['nftables', 'ipset', 'command', 'fail2ban'] as const;
/** A host for each kind of enforcer, called after it; the command of `command` is none of fail2ban's. */
function startHosts(kinds: readonly (typeof KINDS)[number][]): Promise<Fleet> {
  const touch = '"/usr/bin/touch /tmp/ran-for-JAIL"';
  const configOf = (kind: string): string =>
    [
      '[apply]',
      `enforcer = "${kind}"`,
      'reconcile = "20s"',
      ...(kind === 'command' ? [`command = ${touch}`, `unban-command = ${touch}`] : []),
    ].join('\n');
  return startFleet({
    hosts: kinds,
    clientConfig: Object.fromEntries(kinds.map((kind) => [kind, configOf(kind)])),
  });
}

type Row = { ip: string; status: string; reason: string };

async function standings(host: Host): Promise<Record<string, string>> {
  const { bans } = JSON.parse(await host.output(['banshare-client', 'bans', '--json'])) as { bans: Row[] };
  return Object.fromEntries(
    bans.map(({ ip, status, reason }) => [ip, reason === '' ? status : `${status}: ${reason}`]),
  );
}

async function untilStanding(host: Host, ip: string, standing: string | undefined): Promise<void> {
  const what = `${host.name} to have ${ip} as ${standing ?? 'nothing'}`;
  await untilTrue(PATIENCE_MS, what, async () => (await standings(host))[ip] === standing);
}

async function untilLetThrough(fleet: Fleet, host: Host, ip: string): Promise<void> {
  await untilTrue(PATIENCE_MS, `${host.name} to let ${ip} through`, () =>
    fleet.lab.attacker.connects(host, ip),
  );
}

const operate = (fleet: Fleet, ...words: string[]): Promise<string> =>
  fleet.server.output(['banshare-server', ...words]);

test(
  'A banned range is dropped where the enforcer can, and said to be missing elsewhere, until it is unbanned or over',
  { skip: skipReason('ipset', 'iptables') },
  async () => {
    await using fleet = await startHosts(KINDS);
    const { attacker } = fleet.lab;
    const able = [fleet.host('nftables'), fleet.host('ipset')];
    const unable = [fleet.host('command'), fleet.host('fail2ban')];
    for (const { range, within, beside } of RANGES) {
      await operate(fleet, 'ban', within);
      await operate(fleet, 'ban', range);
      for (const host of able) {
        await attacker.untilDropped(host, within.replace(/7$/, '200'));
        assert.equal(await attacker.connects(host, beside), true, `${host.name} lets ${beside} through`);
      }
      for (const host of unable) {
        await untilStanding(host, range, 'failed: range');
        assert.equal(await attacker.connects(host, within.replace(/7$/, '200')), true);
      }
      // The address is a ban of its own.
      await operate(fleet, 'unban', range);
      for (const host of able) {
        await untilLetThrough(fleet, host, within.replace(/7$/, '200'));
        await attacker.untilDropped(host, within);
      }
      for (const host of unable) await untilStanding(host, range, undefined);
      await operate(fleet, 'unban', within);
      await operate(fleet, 'ban', range, '--for', '10s');
      for (const host of able) await attacker.untilDropped(host, within);
      for (const host of able) await untilLetThrough(fleet, host, within);
    }
    const said = fleet
      .daemon(fleet.host('command'))
      .lines.filter((line) => line.includes('cannot ban ranges'));
    assert.equal(said.length, 1, said.join('\n'));
    assert.match(said[0] ?? '', /This host's enforcer command cannot ban ranges; use nftables or ipset/);
  },
);

test(
  'Ranges stand through a stop of the client, and flushed rules are repaired within a minute',
  { skip: skipReason('ipset', 'iptables') },
  async () => {
    const hosts = ['nftables', 'ipset'] as const;
    await using fleet = await startHosts(hosts);
    const { attacker } = fleet.lab;
    for (const { range } of RANGES) await operate(fleet, 'ban', range);
    for (const host of hosts.map((name) => fleet.host(name))) {
      for (const { within } of RANGES) await attacker.untilDropped(host, within);
      // Its client may look at any moment, and repairs at once.
      await fleet.daemon(host).freeze();
      await host.output(['nft', 'flush', 'ruleset']);
      for (const { within } of RANGES)
        assert.equal(await attacker.connects(host, within), true, 'the flush lets the attacker through');
      await fleet.daemon(host).thaw();
      for (const { within } of RANGES) await attacker.untilDropped(host, within, MINUTE);
      await fleet.stop(host);
      for (const { within } of RANGES) assert.equal(await attacker.attempt(host, within, 22, 400), 'silence');
      await operate(fleet, 'unban', RANGES[1].range);
      await fleet.start(host);
      await untilLetThrough(fleet, host, RANGES[1].within);
      assert.equal(await attacker.attempt(host, RANGES[0].within, 22, 400), 'silence');
      await operate(fleet, 'ban', RANGES[1].range);
    }
  },
);

test(
  'A range is not banned on the host where somebody from within it is logged in, but everywhere else',
  { skip: skipReason('sshd', 'ssh') },
  async () => {
    const both = '[[enforcer]]\nkind = "nftables"\n[[enforcer]]\nkind = "log"\n';
    await using fleet = await startFleet({
      hosts: ['h1', 'h2'],
      clientConfig: { h1: both, h2: '[apply]\nenforcer = "nftables"\n' },
    });
    const { attacker } = fleet.lab;
    const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
    await startSshd(h2, attacker.host);
    const session = await logIn(attacker.host, '198.51.100.77', h2);
    await operate(fleet, 'ban', '198.51.100.0/24');
    await attacker.untilDropped(h1, '198.51.100.77');
    await untilStanding(h2, '198.51.100.0/24', 'skipped: never-ban: an authenticated SSH session');
    // In whatever order the two were enrolled.
    const known = [
      /h1: applied \(range: not by log\)/,
      /h2: skipped \(never-ban: an authenticated SSH session\)/,
    ];
    await untilTrue(PATIENCE_MS, 'the server to know what came of it', async () => {
      const explained = await operate(fleet, 'explain', '198.51.100.0/24');
      return known.every((each) => each.test(explained));
    });
    session.say('still here\n');
    await session.line(/^still here$/);
  },
);

test(
  'With ipv6-prefix = 64 an attack from one address is dropped from its whole /64, also on the host that found it',
  { skip: skipReason() },
  async () => {
    const config = '[apply]\nenforcer = "nftables"\n';
    await using fleet = await startFleet({ hosts: ['h1', 'h2'], clientConfig: { h1: config, h2: config } });
    const { attacker } = fleet.lab;
    await fleet.stop(fleet.server);
    await fleet.server.write('/etc/banshare/server.toml', '[bans]\nipv6-prefix = 64\n');
    await fleet.start(fleet.server);
    await attacker.failLogin(fleet.host('h1'), '2001:db8:bad::7');
    for (const host of [fleet.host('h1'), fleet.host('h2')])
      await attacker.untilDropped(host, '2001:db8:bad::8');
    await operate(fleet, 'unban', '2001:db8:bad::/64');
    for (const host of [fleet.host('h1'), fleet.host('h2')])
      await untilLetThrough(fleet, host, '2001:db8:bad::8');
  },
);
