import assert from 'node:assert/strict';
import { test } from 'node:test';
import { untilBanned } from './fail2ban.ts';
import { startFleet } from './fleet.ts';
import { psadPids, startPsad } from './psad.ts';
import { skipReason } from './requirements.ts';

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
  assert.equal((await psadPids(h1)).length, 1);
});
