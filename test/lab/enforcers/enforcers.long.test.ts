import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE_MS, untilTrue } from '../ground/deadline.ts';
import { untilBanned } from '../ground/fail2ban.ts';
import { startFleet, type Fleet } from '../ground/fleet.ts';
import type { Host } from '../ground/host.ts';
import { skipReason } from '../ground/requirements.ts';

/** What was lost is in place again within a minute. */
const MINUTE = 60_000;
const attackers = ['203.0.113.7', '2001:db8:bad::7'];

const kinds = { fail2ban: [], nftables: [], ipset: ['ipset', 'iptables'] } as const;

for (const [kind, programs] of Object.entries(kinds)) {
  const skip = skipReason(...programs);
  const start = (): Promise<Fleet> =>
    startFleet({
      hosts: ['h1', 'h2'],
      clientConfig: { h2: `[apply]\nenforcer = "${kind}"\nreconcile = "20s"\n` },
    });

  test(`${kind}: an attack on h1 is dropped on h2, until it is unbanned or over`, { skip }, async () => {
    await using fleet = await start();
    const { attacker } = fleet.lab;
    const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
    for (const ip of attackers) {
      assert.equal(await attacker.connects(h2, ip), true);
      await attacker.failLogin(h1, ip);
      await attacker.untilDropped(h2, ip);
    }
    for (const ip of attackers) {
      await fleet.server.output(['banshare-server', 'unban', ip]);
      await untilLetThrough(fleet, h2, ip);
    }
    await fleet.server.output(['banshare-server', 'ban', '203.0.113.8', '--for', '10s']);
    await attacker.untilDropped(h2, '203.0.113.8');
    await untilLetThrough(fleet, h2, '203.0.113.8');
  });

  test(
    `${kind}: flushed rules and a restart of the client are repaired within a minute`,
    { skip },
    async () => {
      await using fleet = await start();
      const { attacker } = fleet.lab;
      const h2 = fleet.host('h2');
      for (const ip of attackers) {
        await fleet.server.output(['banshare-server', 'ban', ip]);
        await attacker.untilDropped(h2, ip);
      }
      // Its client may look at any moment, and repairs at once.
      await fleet.daemon(h2).freeze();
      await h2.output(['nft', 'flush', 'ruleset']);
      assert.equal(await attacker.connects(h2, attackers[0]!), true, 'the flush lets the attacker through');
      await fleet.daemon(h2).thaw();
      for (const ip of attackers) await attacker.untilDropped(h2, ip, MINUTE);

      await fleet.stop(h2);
      for (const ip of attackers) assert.equal(await attacker.attempt(h2, ip, 22, 400), 'silence');
      await fleet.server.output(['banshare-server', 'ban', '203.0.113.9']);
      await fleet.server.output(['banshare-server', 'unban', attackers[1]!]);
      await fleet.start(h2);
      await attacker.untilDropped(h2, '203.0.113.9');
      await untilLetThrough(fleet, h2, attackers[1]!);
      assert.equal(await attacker.attempt(h2, attackers[0]!, 22, 400), 'silence');
    },
  );
}

test(
  'fail2ban: after kill -9 and a start without its database all is in place again',
  { skip: skipReason() },
  async () => {
    await using fleet = await startFleet({
      hosts: ['h1', 'h2'],
      clientConfig: { h2: '[apply]\nenforcer = "fail2ban"\n' },
    });
    const h2 = fleet.host('h2');
    for (const ip of attackers) {
      await fleet.server.output(['banshare-server', 'ban', ip]);
      await fleet.lab.attacker.untilDropped(h2, ip);
    }
    await h2.output(['pkill', '-9', '-x', 'fail2ban-server']);
    await fleet.server.output(['banshare-server', 'ban', '203.0.113.9']);
    await h2.output(['sh', '-c', 'nft flush ruleset; rm -f /var/lib/fail2ban/fail2ban.sqlite3']);
    await h2.output(['fail2ban-client', '-x', 'start']);
    for (const ip of [...attackers, '203.0.113.9']) await fleet.lab.attacker.untilDropped(h2, ip, MINUTE);
  },
);

test(
  'What a person lifts in fail2ban of h2 stays lifted there, and the server is told',
  { skip: skipReason() },
  async () => {
    await using fleet = await startFleet({
      hosts: ['h1', 'h2'],
      clientConfig: { h2: '[apply]\nreconcile = "2s"\n' },
    });
    const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
    await fleet.lab.attacker.failLogin(h1, '203.0.113.7');
    await untilBanned(h2, 'sshd', '203.0.113.7');
    const untilStatus = (status: string): Promise<void> =>
      untilTrue(MINUTE, `the ban to be ${status}`, async () =>
        (await h2.output(['banshare-client', 'bans', '--json'])).includes(`"${status}"`),
      );
    await untilStatus('applied');
    await h2.output(['fail2ban-client', 'set', 'sshd', 'unbanip', '203.0.113.7']);
    await untilStatus('released');
    assert.equal(await fleet.lab.attacker.connects(h2, '203.0.113.7'), true);
  },
);

async function untilLetThrough(fleet: Fleet, host: Host, ip: string): Promise<void> {
  await untilTrue(PATIENCE_MS, `${host.name} to let ${ip} through`, () =>
    fleet.lab.attacker.connects(host, ip),
  );
}
