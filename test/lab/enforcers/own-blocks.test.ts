import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE_MS, untilTrue } from '../ground/deadline.ts';
import { untilBanned } from '../ground/fail2ban.ts';
import { startFleet, type Fleet } from '../ground/fleet.ts';
import type { Host } from '../ground/host.ts';
import { startPsad } from '../ground/psad.ts';
import { skipReason } from '../ground/requirements.ts';

const OWN = '203.0.113.7';

const withNftables = (): Promise<Fleet> =>
  startFleet({
    hosts: ['h1', 'h2'],
    fail2ban: { h1: { jails: ['sshd', 'second'] } },
    clientConfig: Object.fromEntries(['h1', 'h2'].map((name) => [name, '[apply]\nenforcer = "nftables"\n'])),
  });

async function untilGone(host: Host, jail: string): Promise<void> {
  await untilTrue(PATIENCE_MS, `the jail ${jail} to let ${OWN} go`, async () =>
    (await host.output(['fail2ban-client', 'get', jail, 'banip'])).includes(OWN) ? false : true,
  );
}

test(
  'With nftables an operator’s unban lets the attacker through also on the host that found it',
  { skip: skipReason() },
  async () => {
    await using fleet = await withNftables();
    const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
    await fleet.lab.attacker.failLogin(h1, OWN);
    for (const host of [h1, h2]) await fleet.lab.attacker.untilDropped(host, OWN);
    await fleet.server.output(['banshare-server', 'unban', OWN]);
    for (const host of [h1, h2])
      await untilTrue(PATIENCE_MS, `${host.name} to let it through`, () =>
        fleet.lab.attacker.connects(host, OWN),
      );
  },
);

test(
  'never-ban add lifts what is banned there in every jail of the host that found it',
  { skip: skipReason() },
  async () => {
    await using fleet = await withNftables();
    const h1 = fleet.host('h1');
    await fleet.lab.attacker.failLogin(h1, OWN);
    await untilBanned(h1, 'sshd', OWN);
    // What no report told of: a person banned it there.
    await h1.output(['fail2ban-client', 'set', 'banshare', 'banip', OWN]);
    // fail2ban says so before its jail has banned it, and what is banned behind the list stays.
    await untilBanned(h1, 'banshare', OWN);
    await fleet.untilPublished(OWN, h1);
    await fleet.server.output(['banshare-server', 'never-ban', 'add', '203.0.113.0/28']);
    for (const jail of ['sshd', 'second', 'banshare']) await untilGone(h1, jail);
    assert.equal(await fleet.lab.attacker.connects(h1, OWN), true);
  },
);

test(
  'With nftables an operator’s unban has psad let go what it found itself',
  { skip: skipReason('psad', 'iptables') },
  async () => {
    await using fleet = await withNftables();
    const h1 = fleet.host('h1');
    await startPsad(h1, await h1.read('/usr/lib/banshare/psad.conf'));
    await fleet.lab.attacker.scan(h1, OWN);
    const blocked = async (): Promise<boolean> => (await h1.output(['iptables', '-S'])).includes(`-s ${OWN}`);
    await untilTrue(60_000, 'psad to block', blocked);
    await fleet.untilPublished(OWN, h1);
    await fleet.server.output(['banshare-server', 'unban', OWN]);
    await untilTrue(60_000, 'psad to let it through', async () => !(await blocked()));
  },
);
