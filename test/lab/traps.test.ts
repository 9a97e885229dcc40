import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail2banClient, untilBanned } from './ground/fail2ban.ts';
import { startFleet } from './ground/fleet.ts';
import { skipReason } from './ground/requirements.ts';

const skip = skipReason();

/**
 * What fail2ban takes for an address and hands to the action as it is, and what no host may ban. It would
 * refuse a slash, and its own working folder is /.
 */
const hostile = [
  '203.0.113.1; cd run; touch executed',
  '$(cd run; touch executed)',
  '`cd run; touch executed`',
  "' cd run; touch executed '",
  '" cd run; touch executed "',
  '-h',
  'localhost',
  '600',
  '999.1.2.3',
  '203.0.113.077',
  '0x7f000001',
  '203.0.113.0/24',
  '0.0.0.0/0',
  '127.0.0.1',
  '10.99.0.2',
];

test(
  'what fail2ban takes for an address and is none reaches no other host, and is not executed',
  { skip },
  async () => {
    await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
    const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
    const before = await h2.output(['nft', 'list', 'ruleset']);
    assert.equal((await fail2banClient(h1, 'set', 'sshd', 'banip', ...hostile)).code, 0);
    for (const text of hostile) {
      assert.notEqual((await h1.run(['banshare-report', 'fail2ban', 'sshd', text])).code, 0, text);
    }
    assert.equal(await h2.output(['nft', 'list', 'ruleset']), before);
    await fail2banClient(h1, 'set', 'sshd', 'banip', '203.0.113.20');
    await untilBanned(h2, 'sshd', '203.0.113.20');
    assert.equal(await fleet.eventCount(), 1);
    for (const host of fleet.lab.hosts)
      assert.equal((await host.run(['test', '-e', '/run/executed'])).code, 1, host.name);
    assert.doesNotMatch(await h1.output(['ls', '/var/spool/banshare']), /json/);
  },
);

test(
  'an action that fails is run twice by fail2ban: this is why the reporter spools and exits with 0',
  { skip },
  async () => {
    await using fleet = await startFleet({ hosts: ['h1'] });
    const h1 = fleet.host('h1');
    const log = '/var/log/called.log';
    await h1.write(log, '');
    for (const [code, ip, count] of [
      [1, '203.0.113.1', 2],
      [0, '203.0.113.2', 1],
    ] as const) {
      const action = `[Definition]\nactionban = echo "<ip>" >>${log}; exit ${code}\n`;
      await h1.write('/etc/fail2ban/action.d/banshare.local', action);
      await h1.output(['fail2ban-client', 'reload', '--restart', 'sshd']);
      await fail2banClient(h1, 'set', 'sshd', 'banip', ip);
      await h1.untilLines(log, new RegExp(ip), count);
    }
    assert.equal(await h1.read(log), '203.0.113.1\n203.0.113.1\n203.0.113.2\n');
  },
);

test('the same attacker on two hosts at once is one event and is dropped on both', { skip }, async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const hosts = [fleet.host('h1'), fleet.host('h2')];
  await Promise.all(hosts.map((host) => fleet.lab.attacker.failLogin(host, '203.0.113.7')));
  for (const host of hosts) await fleet.lab.attacker.untilDropped(host, '203.0.113.7');
  for (const [n, host] of hosts.entries()) {
    await fail2banClient(host, 'set', 'sshd', 'banip', `198.51.100.${n}`);
    await fleet.untilPublished(`198.51.100.${n}`, host);
  }
  assert.equal(await fleet.eventCount(), 3);
});
