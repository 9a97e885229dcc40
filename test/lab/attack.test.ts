import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail2banClient } from './ground/fail2ban.ts';
import { startFleet } from './ground/fleet.ts';
import { skipReason } from './ground/requirements.ts';

const skip = skipReason();

test(
  'an attack on h1 over IPv4 and IPv6 is dropped on h1, h2 and h3, is one event, and has no echo',
  { skip },
  async () => {
    await using fleet = await startFleet({ hosts: ['h1', 'h2', 'h3'] });
    const { attacker } = fleet.lab;
    const [h1, h2, h3] = [fleet.host('h1'), fleet.host('h2'), fleet.host('h3')];
    const attackers = ['203.0.113.7', '2001:db8:bad::7'];
    for (const ip of attackers) {
      for (const host of [h1, h2, h3]) {
        assert.equal(await attacker.connects(host, ip), true, `${ip} reaches ${host.name} before the attack`);
      }
      await attacker.failLogin(h1, ip);
      for (const host of [h1, h2, h3]) await attacker.untilDropped(host, ip);
    }
    assert.equal(
      await attacker.connects(h2, '203.0.113.8'),
      true,
      'a neighbour of the attacker still reaches h2',
    );

    // fail2ban runs the actions of a jail in order: when a later ban of h2 and of h3 has been published, an echo of the
    // earlier ones would have been.
    await fail2banClient(h2, 'set', 'sshd', 'banip', '198.51.100.2');
    await fail2banClient(h3, 'set', 'sshd', 'banip', '198.51.100.3');
    await fleet.untilPublished('198.51.100.2', h2);
    await fleet.untilPublished('198.51.100.3', h3);
    const bans = (await fleet.bans()).map(({ ip, prog, jail, host }) => `${ip} ${prog} ${jail} ${host}`);
    assert.deepEqual(
      bans.slice(0, 2),
      attackers.map((ip) => `${ip} fail2ban sshd h1`),
    );
    assert.deepEqual(bans.slice(2).toSorted(), [
      '198.51.100.2 fail2ban sshd h2',
      '198.51.100.3 fail2ban sshd h3',
    ]);
    assert.equal(await fleet.eventCount(), 4);
  },
);
