import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE_MS, untilTrue } from '../ground/deadline.ts';
import { untilBanned } from '../ground/fail2ban.ts';
import { startFleet, type Fleet } from '../ground/fleet.ts';
import type { Host } from '../ground/host.ts';
import { skipReason } from '../ground/requirements.ts';

const attackers = ['203.0.113.7', '2001:db8:bad::7'];

/** Restarts the client of a host with another enforcer, which is all that an administrator does. */
async function changeTo(enforcer: string, fleet: Fleet, host: Host): Promise<void> {
  await host.write('/etc/banshare/client.toml', `[apply]\nenforcer = "${enforcer}"\n`);
  await fleet.stop(host);
  await fleet.start(host);
  const state = (): Promise<string> => host.output(['banshare-client', 'status', '--json']);
  await untilTrue(PATIENCE_MS, 'the earlier enforcer to be empty', async () =>
    (await state()).replaceAll(/\s/g, '').includes('"earlierEnforcers":[]'),
  );
}

test(
  'A change of enforcer leaves nothing behind, and no moment without the bans',
  { skip: skipReason('ipset', 'iptables') },
  async () => {
    await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
    const { attacker } = fleet.lab;
    const h2 = fleet.host('h2');
    const held = (): Promise<string> =>
      h2.output(['sh', '-c', 'nft list ruleset; ipset save; fail2ban-client banned']);
    for (const ip of attackers) {
      await fleet.server.output(['banshare-server', 'ban', ip]);
      await untilBanned(h2, 'banshare', ip);
    }
    for (const [before, now] of [
      ['banned', 'nftables'],
      ['table inet banshare', 'ipset'],
      ['banshare-v4', 'fail2ban'],
    ] as const) {
      await changeTo(now, fleet, h2);
      for (const ip of attackers) assert.equal(await attacker.attempt(h2, ip, 22, 400), 'silence', now);
      if (before === 'banned')
        assert.equal(await h2.output(['fail2ban-client', 'get', 'banshare', 'banip']), '');
      else assert.ok(!(await held()).includes(before), `${before} is gone`);
    }
    await changeTo('nftables', fleet, h2);
    for (const ip of attackers) await fleet.server.output(['banshare-server', 'unban', ip]);
    for (const ip of attackers)
      await untilTrue(PATIENCE_MS, `${ip} to be let through`, () => attacker.connects(h2, ip));
    await fleet.server.output(['banshare-server', 'ban', attackers[0]!]);
    await attacker.untilDropped(h2, attackers[0]!);
    await changeTo('none', fleet, h2);
    assert.equal(await attacker.connects(h2, attackers[0]!), true);
    const all = await held();
    for (const ip of [...attackers, 'table inet banshare']) assert.ok(!all.includes(ip), ip);
  },
);
