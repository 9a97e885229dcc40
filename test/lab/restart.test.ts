import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail2banClient, untilBanned } from './ground/fail2ban.ts';
import { startFleet } from './ground/fleet.ts';
import type { Host } from './ground/host.ts';
import { skipReason } from './ground/requirements.ts';

const skip = skipReason();

/** Beside the report, notes each address for which fail2ban runs the action. */
const noting = [
  '[Definition]',
  'actionban = echo "<ip>" >>/var/log/called.log; /usr/bin/banshare-report --duration="<bantime>" fail2ban "<name>" "<ip>"',
];

test('a restart of fail2ban reports nothing again, neither own bans nor shared ones', { skip }, async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
  for (const host of [h1, h2]) await noteCalls(host);
  await fleet.lab.attacker.failLogin(h1, '203.0.113.7');
  await untilBanned(h2, 'sshd', '203.0.113.7');

  for (const host of [h1, h2]) await restart(host);
  await fail2banClient(h1, 'set', 'sshd', 'banip', '203.0.113.8');
  await fleet.untilPublished('203.0.113.8', h1);
  await untilBanned(h2, 'sshd', '203.0.113.8');
  await fail2banClient(h2, 'set', 'sshd', 'banip', '203.0.113.9');
  await fleet.untilPublished('203.0.113.9', h2);
  assert.equal(await fleet.eventCount(), 3);
  // The firewall comes before the action that notes the call.
  await h1.untilLines('/var/log/called.log', /203\.0\.113\.9/);
  for (const host of [h1, h2]) {
    assert.deepEqual(await calls(host), ['203.0.113.7', '203.0.113.8', '203.0.113.9'], host.name);
  }
});

test(
  'without norestored a restart would report again: the mark is what keeps it quiet',
  { skip },
  async () => {
    await using fleet = await startFleet({ hosts: ['h1'] });
    const h1 = fleet.host('h1');
    await noteCalls(h1, 'norestored = 0');
    await fleet.lab.attacker.failLogin(h1, '203.0.113.7');
    await h1.untilLines('/var/log/called.log', /203\.0\.113\.7/);
    await restart(h1);
    await h1.untilLines('/var/log/called.log', /203\.0\.113\.7/, 2);
  },
);

async function noteCalls(host: Host, ...more: readonly string[]): Promise<void> {
  await host.write('/var/log/called.log', '');
  await host.write('/etc/fail2ban/action.d/banshare.local', `${[...noting, ...more].join('\n')}\n`);
  await fail2banClient(host, 'reload', '--restart', 'sshd');
}

/** Restarts fail2ban and waits until the firewall drops again what it dropped before. */
async function restart(host: Host): Promise<void> {
  await host.output(['fail2ban-client', 'restart']);
  await host.untilLines('/var/log/fail2ban.log', /\[sshd\] Restore Ban 203\.0\.113\.7/);
  await untilBanned(host, 'sshd', '203.0.113.7');
}

async function calls(host: Host): Promise<string[]> {
  return (await host.read('/var/log/called.log')).trim().split('\n');
}
