import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE_MS, untilTrue } from '../ground/deadline.ts';
import { untilBanned } from '../ground/fail2ban.ts';
import { startFleet } from '../ground/fleet.ts';
import { startPsad } from '../ground/psad.ts';
import { skipReason } from '../ground/requirements.ts';

/** As the administrators of a shared jail have it: it watches a log, here one that is there already, and bans at one line. */
const sharedJail = [
  '[shared]',
  'enabled = true',
  'filter =',
  'failregex = : <HOST>: reported by .*',
  'logpath = /var/log/auth.log',
  'maxretry = 1',
  'action = %(action_)s',
].join('\n');

test('log: a line of banshare is a ban of the shared jail', { skip: skipReason() }, async () => {
  await using fleet = await startFleet({
    hosts: ['h1', 'h2'],
    fail2ban: { h2: { more: sharedJail } },
    clientConfig: {
      h2: '[apply]\nenforcer = "log"\nlog-file = "/var/log/auth.log"\n[apply.jails]\n"*" = "shared"\n',
    },
  });
  const h2 = fleet.host('h2');
  for (const ip of ['203.0.113.7', '2001:db8:bad::7']) {
    await fleet.lab.attacker.failLogin(fleet.host('h1'), ip);
    await untilBanned(h2, 'shared', ip);
  }
  assert.equal(await fleet.eventCount(), 2);
});

test(
  'log: an operator’s unban is lifted by the jail that reads the line; the end of a ban is that jail’s own',
  { skip: skipReason() },
  async () => {
    await using fleet = await startFleet({
      hosts: ['h1', 'h2'],
      fail2ban: { h2: { more: sharedJail } },
      clientConfig: { h2: '[apply]\nenforcer = "log"\nlog-file = "/var/log/auth.log"\n' },
    });
    const h2 = fleet.host('h2');
    const isBanned = async (ip: string): Promise<boolean> =>
      (await h2.output(['fail2ban-client', 'get', 'shared', 'banip'])).includes(ip);
    await fleet.lab.attacker.failLogin(fleet.host('h1'), '203.0.113.7');
    await untilBanned(h2, 'shared', '203.0.113.7');
    await fleet.server.output(['banshare-server', 'unban', '203.0.113.7']);
    await untilTrue(PATIENCE_MS, 'the jail to let it go', async () => !(await isBanned('203.0.113.7')));

    await fleet.server.output(['banshare-server', 'ban', '203.0.113.8', '--for', '2s']);
    await untilBanned(h2, 'shared', '203.0.113.8');
    const rows = (): Promise<string> => h2.output(['banshare-client', 'bans', '--json']);
    await untilTrue(PATIENCE_MS, 'the ban to be over', async () => !(await rows()).includes('203.0.113.8'));
    assert.equal(await isBanned('203.0.113.8'), true, 'the jail lifts it by its bantime');
  },
);

test(
  'psad: what it blocked for the fleet is let through by an unban, and at its end',
  { skip: skipReason('psad', 'iptables') },
  async () => {
    await using fleet = await startFleet({
      hosts: ['h1', 'h2'],
      clientConfig: { h2: '[apply]\nenforcer = "psad"\n' },
    });
    const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
    await startPsad(h2, await h2.read('/usr/lib/banshare/psad.conf'));
    const { attacker } = fleet.lab;
    // Nobody knocks before the last of psad's rules is gone: of an address that it was told, one packet that passes the first while
    // another still drops the answer has it blocked again.
    const untilThrough = async (ip: string): Promise<void> => {
      await untilTrue(
        60_000,
        `psad to let ${ip} go`,
        async () => !(await h2.output(['iptables', '-S'])).includes(`${ip}/32`),
      );
      await untilTrue(PATIENCE_MS, `${ip} to be let through`, () => attacker.connects(h2, ip));
    };
    await attacker.failLogin(h1, '203.0.113.7');
    await attacker.untilDropped(h2, '203.0.113.7', 60_000);
    await fleet.server.output(['banshare-server', 'unban', '203.0.113.7']);
    await untilThrough('203.0.113.7');
    await fleet.server.output(['banshare-server', 'ban', '203.0.113.8', '--for', '15s']);
    await attacker.untilDropped(h2, '203.0.113.8', 60_000);
    await untilThrough('203.0.113.8');
  },
);

test(
  'By default psad’s bans go to psad where it runs, are lifted there, and its script makes no report of them',
  { skip: skipReason('psad', 'iptables') },
  async () => {
    await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
    const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
    const blocked = (): Promise<string> => h2.output(['iptables', '-S']);
    await h1.output(['banshare-report', 'psad', 'portscan', '203.0.113.65']);
    await untilBanned(h2, 'banshare', '203.0.113.65');
    await startPsad(h2, await h2.read('/usr/lib/banshare/psad.conf'));
    assert.match(await h2.output(['banshare-client', 'status']), /Bans of psad go to psad/);
    await h1.output(['banshare-report', 'psad', 'portscan', '203.0.113.66']);
    await untilTrue(60_000, 'psad to block', async () =>
      /PSAD_BLOCK_INPUT -s 203\.0\.113\.66/.test(await blocked()),
    );
    assert.doesNotMatch(await h2.output(['fail2ban-client', 'get', 'banshare', 'banip']), /203\.0\.113\.66/);
    await h1.output(['banshare-report', '--unban', 'psad', 'portscan', '203.0.113.66']);
    await untilTrue(
      60_000,
      'psad to let it through',
      async () => !/-s 203\.0\.113\.66/.test(await blocked()),
    );
    // Both bans and the end of one, and no echo.
    assert.equal(await fleet.eventCount(), 3);
  },
);

test(
  'psad beside nftables: each has the bans that it is for, and the echo of psad’s script is no report',
  { skip: skipReason('psad', 'iptables') },
  async () => {
    await using fleet = await startFleet({
      hosts: ['h1', 'h2'],
      clientConfig: {
        h2: '[[enforcer]]\nkind = "psad"\nprogs = ["psad"]\n[[enforcer]]\nkind = "nftables"\nprogs = ["fail2ban"]\n',
      },
    });
    const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
    await startPsad(h2, await h2.read('/usr/lib/banshare/psad.conf'));
    await h1.output(['banshare-report', 'psad', 'portscan', '203.0.113.66']);
    await fleet.lab.attacker.failLogin(h1, '203.0.113.7');
    await fleet.lab.attacker.untilDropped(h2, '203.0.113.7');
    await fleet.lab.attacker.untilDropped(h2, '203.0.113.66', 60_000);
    const table = await h2.output(['nft', 'list', 'table', 'inet', 'banshare']);
    assert.match(table, /203\.0\.113\.7 /);
    assert.doesNotMatch(table, /203\.0\.113\.66/);
    assert.match(await h2.output(['iptables', '-S']), /PSAD_BLOCK_INPUT -s 203\.0\.113\.66/);
    assert.equal(await fleet.eventCount(), 2);
  },
);
