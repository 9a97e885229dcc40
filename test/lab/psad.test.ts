import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE_MS, untilTrue } from './ground/deadline.ts';
import { untilBanned } from './ground/fail2ban.ts';
import { startFleet } from './ground/fleet.ts';
import type { Host } from './ground/host.ts';
import { installed } from './ground/installed.ts';
import { startLab, type Lab } from './ground/lab.ts';
import { psadPids, startPsad } from './ground/psad.ts';
import { skipReason } from './ground/requirements.ts';

const skip = skipReason('psad', 'iptables');
const scanner = '203.0.113.66';

test('a real psad detects a port scan on h1 and the scanner is banned on h2', { skip }, async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
  await startPsad(h1, await h1.read('/usr/lib/banshare/psad.conf'));
  const { attacker } = fleet.lab;
  await attacker.scan(h1, scanner);
  // h2 has no jail "portscan".
  await untilBanned(h2, 'banshare', scanner);
  await attacker.untilDropped(h2, scanner);
  await attacker.untilDropped(h1, scanner);
  assert.deepEqual(
    (await fleet.bans()).map(({ ip, prog, jail, host }) => `${ip} ${prog} ${jail} ${host}`),
    [`${scanner} psad portscan h1`],
  );
  await untilTrue(PATIENCE_MS, 'psad to be one', async () => (await psadPids(h1)).length === 1);
});

test(
  'after an uninstall psad still finds a script: a missing one would make it multiply itself',
  { skip },
  async () => {
    const { clientInstaller, layers } = await installed();
    await using lab = await startLab({ hosts: ['h1'], layers: { h1: [layers.client] } });
    const h1 = lab.host('h1');
    await startPsad(h1, await h1.read('/usr/lib/banshare/psad.conf'));
    const said = await h1.output(['sh', clientInstaller, '--uninstall']);
    assert.match(said, /psad\.conf still names/);
    await scanUntilBlocked(lab, h1, '203.0.113.66');
    // A program that psad starts is psad for a moment; one that it could not start stays.
    await untilTrue(PATIENCE_MS, 'psad to be one', async () => (await psadPids(h1)).length === 1);

    await h1.output(['rm', '/usr/bin/banshare-report']);
    await lab.attacker.scan(h1, '203.0.113.67');
    await untilTrue(PATIENCE_MS, 'psad to multiply itself', async () => (await psadPids(h1)).length > 1);
  },
);

/** psad blocks after it has run the script, or tried to. */
async function scanUntilBlocked(lab: Lab, host: Host, from: string): Promise<void> {
  await lab.attacker.scan(host, from);
  await lab.attacker.untilDropped(host, from);
}
