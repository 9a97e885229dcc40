import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ip, NOW, rowOf } from './make.ts';
import { Host } from './taking-host.ts';

const address = (last: number): ReturnType<typeof ip> => ip(`203.0.113.${last}`);

test('Above max-active the oldest ban is lifted and kept as skipped, full, and the newest is applied', async () => {
  using host2 = new Host();
  host2.parts.maxActive = 2;
  for (const last of [1, 2]) {
    host2.hear({ ip: address(last), at: NOW + last });
    await host2.run('ban fail2ban/sshd');
  }
  await host2.applier.idle();
  host2.hear({ ip: address(3), at: NOW + 3 });
  await host2.run('ban fail2ban/sshd');
  await host2.run('unban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), [
    'fail2ban/sshd skipped',
    'fail2ban/sshd applied ours',
    'fail2ban/sshd applied ours',
  ]);
  assert.equal(host2.state.get(rowOf({ ip: address(1) }))?.reason, 'full');
  assert.deepEqual(host2.state.untold(9), [{ seq: 1, outcome: 'skipped', reason: 'full' }]);
});

test('Of a snapshot that is larger than max-active only the newest are carried out', async () => {
  using host2 = new Host();
  host2.parts.maxActive = 2;
  host2.snapshot(...[1, 2, 3, 4, 5].map((last) => ({ ip: address(last), at: NOW + last })));
  await host2.run('ban fail2ban/sshd');
  await host2.run('ban fail2ban/sshd');
  await host2.rest();
  assert.deepEqual(
    host2.enforcer.begun.map((begun) => begun.split(' ')[2]),
    [address(4), address(5)],
  );
  assert.deepEqual(host2.state.counts(), { applied: 2, skipped: 3 });
});
