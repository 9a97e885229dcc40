import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertInTime } from '../fleet/index.ts';
import { PATIENCE_MS, untilTrue } from './ground/deadline.ts';
import { bannedIn, fail2banClient, untilBanned } from './ground/fail2ban.ts';
import { startFleet, type Fleet } from './ground/fleet.ts';
import type { Host } from './ground/host.ts';
import type { Lab } from './ground/lab.ts';
import { skipReason } from './ground/requirements.ts';
import { knock, logIn, startSshd } from './ground/login.ts';

const skip = skipReason('sshd', 'ssh', 'nc');

type Row = { ip: string; status: string; reason: string };

async function report(host: Host, ip: string): Promise<[number | null, string]> {
  const { code, stderr } = await host.run(['banshare-report', 'fail2ban', 'sshd', ip]);
  return [code, stderr];
}

async function standings(host: Host): Promise<Record<string, string>> {
  const { bans } = JSON.parse(await host.output(['banshare-client', 'bans', '--json'])) as { bans: Row[] };
  return Object.fromEntries(bans.map(({ ip, status, reason }) => [ip, reason === '' ? status : reason]));
}

/** h2 with a gateway, a resolver and an address outside, and an ignoreip, before its client reads them. */
async function furnish(fleet: Fleet, h2: Host): Promise<void> {
  await fleet.stop(h2);
  await h2.output(['ip', 'addr', 'add', '203.0.113.33/32', 'dev', 'lo']);
  await h2.output(['ip', 'route', 'add', 'default', 'via', '203.0.113.1', 'dev', 'eth0', 'onlink']);
  await h2.output(['ip', '-6', 'route', 'add', 'default', 'via', '2001:db8:bad::1', 'dev', 'eth0', 'onlink']);
  await h2.write('/etc/resolv.conf', 'search example.org\nnameserver 203.0.113.53\n');
  await fail2banClient(h2, 'set', 'sshd', 'addignoreip', '203.0.113.64/28');
  await fleet.start(h2);
}

test(
  'A host refuses to ban itself, its gateway, its resolver, its ignoreip and who is logged in, each by its rule',
  { skip },
  async () => {
    await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
    const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
    const visitor = fleet.lab.attacker.host;
    await furnish(fleet, h2);
    await startSshd(h2, visitor);
    const session = await logIn(visitor, '198.51.100.77', h2);
    await knock(visitor, '198.51.100.88', h2);

    const rules: Record<string, string> = {
      '198.51.100.77': 'never-ban: an authenticated SSH session',
      '203.0.113.33': 'never-ban: an address of this host',
      '203.0.113.1': 'never-ban: the default gateway',
      '2001:db8:bad::1': 'never-ban: the default gateway',
      '203.0.113.53': 'never-ban: a resolver of this host',
      '203.0.113.70': "never-ban: 203.0.113.64/28 of fail2ban's ignoreip in jail sshd",
    };
    for (const ip of Object.keys(rules)) assert.equal((await report(h1, ip))[0], 0, ip);
    // A mere connection protects nobody; and as bans come in order, all others are decided about when this one is there.
    assert.equal((await report(h1, '198.51.100.88'))[0], 0);
    await untilBanned(h2, 'sshd', '198.51.100.88');
    // The firewall has it a moment before fail2ban has answered.
    await untilTrue(
      PATIENCE_MS,
      'the ban to be noted',
      async () => (await standings(h2))['198.51.100.88'] === 'applied',
    );
    assert.deepEqual(await standings(h2), { ...rules, '198.51.100.88': 'applied' });
    assert.deepEqual(bannedIn(await h2.output(['nft', 'list', 'ruleset']), 'sshd'), ['198.51.100.88']);
    session.say('still here\n');
    await session.line(/^still here$/);
    const rule = /h2: skipped \(never-ban: an authenticated SSH session\)/;
    await untilTrue(PATIENCE_MS, 'the server to know why', async () =>
      rule.test(await fleet.server.output(['banshare-server', 'explain', '198.51.100.77'])),
    );
  },
);

test('Special ranges are refused at the reporter, each by its rule', { skip }, async () => {
  await using fleet = await startFleet({ hosts: ['h1'] });
  const specials: [ip: string, rule: RegExp][] = [
    ['10.0.0.1', /10\.0\.0\.0\/8/],
    ['::1', /::1\/128/],
    ['::ffff:10.99.0.1', /10\.0\.0\.0\/8/],
    [fleet.host('h1').addresses.ipv4, /10\.0\.0\.0\/8/],
  ];
  for (const [ip, rule] of specials) {
    const [code, said] = await report(fleet.host('h1'), ip);
    assert.equal(code, 77, ip);
    assert.match(said, rule);
  }
  assert.equal(await fleet.eventCount(), 0);
});

/** The public addresses of the server and of h3, by which they know each other. */
const SERVER = '203.0.113.1';
const H3 = '203.0.113.3';

/** A server behind a NAT, which its machine does not know by its public address, and a host that comes from one. */
async function goPublic(lab: Lab): Promise<void> {
  const [server, h3] = [lab.host('srv'), lab.host('h3')];
  await server.output(['ip', 'route', 'add', 'local', SERVER, 'dev', 'lo']);
  await server.output(['ip', 'route', 'add', H3, 'via', h3.addresses.ipv4]);
  await h3.output(['ip', 'addr', 'add', `${H3}/32`, 'dev', 'lo']);
  for (const host of lab.hosts) {
    if (host === server) continue;
    const source = host === h3 ? ['src', H3] : [];
    await host.output(['ip', 'route', 'add', SERVER, 'via', server.addresses.ipv4, ...source]);
  }
}

test(
  'No host bans its server, and nobody the public address of another host or of the server',
  { skip },
  async () => {
    const there = `server = "${SERVER}"\n`;
    await using fleet = await startFleet({
      hosts: ['h1', 'h2', 'h3'],
      clientConfig: { h1: there, h2: `${there}[apply]\nenforcer = "nftables"\n`, h3: there },
      prepare: goPublic,
    });
    const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
    const refused = async (ip: string, rule: RegExp): Promise<void> => {
      const [code, said] = await report(h1, ip);
      assert.equal(code, 77, ip);
      assert.match(said, rule);
    };
    // All are new: a ban of h3 is nobody's to make by a report, and whoever has the join key may keep no address in.
    const [newcomer, held] = await report(h1, H3);
    assert.equal(newcomer, 0);
    assert.match(held, /held.*203\.0\.113\.3 is where h3 comes from/);
    const status = await fleet.server.run(['banshare-server', 'status']);
    assert.equal(status.code, 1);
    assert.match(
      status.stdout,
      /A ban is held, since 203\.0\.113\.3 is where h3 comes from.*hosts approve h3/,
    );
    const unforced = await fleet.server.run(['banshare-server', 'ban', H3]);
    assert.equal(unforced.code, 1);
    assert.match(unforced.stderr, /ban 203\.0\.113\.3 --force/);
    const forced = await fleet.server.output(['banshare-server', 'ban', H3, '--force']);
    assert.match(forced, /hits the fleet's host h3, which comes from 203\.0\.113\.3/);
    await fleet.server.output(['banshare-server', 'unban', H3]);
    await fleet.server.output(['banshare-server', 'hosts', 'approve', 'h3']);
    for (const ip of [H3, '64:ff9b::203.0.113.3', '2002:cb00:7103::1'])
      await refused(ip, /is never banned: an address of the fleet's host h3/);

    // The server does not know that this is its own address; who comes that way does, and goes on hearing.
    assert.equal((await report(h1, SERVER))[0], 0);
    assert.equal((await report(h1, '198.51.100.88'))[0], 0);
    await untilTrue(
      PATIENCE_MS,
      'h2 to ban',
      async () => (await standings(h2))['198.51.100.88'] === 'applied',
    );
    assert.equal((await standings(h2))[SERVER], 'never-ban: the banshare server');
    await fleet.server.output(['banshare-server', 'unban', SERVER]);

    await fleet.server.output(['ip', 'addr', 'add', `${SERVER}/32`, 'dev', 'lo']);
    await untilTrue(PATIENCE_MS, 'the server to know', async () =>
      /203\.0\.113\.1 +the server's own address/.test(
        await fleet.server.output(['banshare-server', 'never-ban', 'list']),
      ),
    );
    await refused(SERVER, /203\.0\.113\.1 is never banned: the server's own address/);
    assert.equal((await fleet.server.run(['banshare-server', 'ban', SERVER])).code, 1);
  },
);

test('never-ban add lifts on every host within a second of its return', { skip }, async (t) => {
  const hosts = ['h2', 'h3', 'h4'];
  await using fleet = await startFleet({ hosts: ['h1', ...hosts] });
  const ip = '198.51.100.66';
  await report(fleet.host('h1'), ip);
  await Promise.all(hosts.map((name) => untilBanned(fleet.host(name), 'sshd', ip)));
  const lifts = hosts.map(async (name) => {
    await fleet.host(name).untilFirewall((text) => !bannedIn(text, 'sshd').includes(ip), `no ${ip}`);
    return performance.now();
  });
  await fleet.server.output(['banshare-server', 'never-ban', 'add', ip]);
  const returned = performance.now();
  const last = Math.max(...(await Promise.all(lifts)));
  t.diagnostic(
    `the last of ${hosts.length} hosts had lifted ${Math.round(last - returned)} ms after the return`,
  );
  await assertInTime(Math.round(last - returned), 1000);
});

test('A ban is lifted when an administrator logs in from there', { skip }, async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
  const visitor = fleet.lab.attacker.host;
  await startSshd(h2, visitor);
  const ip = '198.51.100.99';
  await report(h1, ip);
  await untilBanned(h2, 'sshd', ip);
  // The jail's ban is of port 22; this sshd has another.
  const session = await logIn(visitor, ip, h2);
  await h2.untilFirewall((text) => !bannedIn(text, 'sshd').includes(ip), `no ${ip} in jail sshd`);
  const rule = 'never-ban: an authenticated SSH session';
  await untilTrue(PATIENCE_MS, 'the lift to be noted', async () => (await standings(h2))[ip] === rule);
  await session.stop();
});
