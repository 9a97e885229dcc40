import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pause, resume } from '../src/pausing.ts';
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

test('When room comes back the newest that was left out is applied, and the server hears of it', async () => {
  using host2 = new Host();
  host2.parts.maxActive = 2;
  host2.snapshot(
    ...[1, 2, 3, 4, 5].map((last) => ({ ip: address(last), at: NOW + last, until: NOW + 60 + last })),
  );
  for (let runs = 0; runs < 2; runs += 1) await host2.run('ban fail2ban/sshd');
  await host2.applier.idle();
  host2.hear({ kind: 'unban', ip: address(5), until: null });
  const { change, done } = await host2.enforcer.next();
  const other = await host2.enforcer.next();
  assert.deepEqual([`${change.kind} ${change.ip}`, `${other.change.kind} ${other.change.ip}`].toSorted(), [
    `ban ${address(3)}`,
    `unban ${address(5)}`,
  ]);
  done();
  other.done();
  await host2.applier.idle();
  host2.now = NOW + 64;
  host2.state.put(
    { ...rowOf({ ip: address(9) }), at: NOW, status: 'skipped', reason: 'full', until: null },
    NOW,
  );
  host2.tick();
  for (const _ of [3, 4]) await host2.run('unban fail2ban/sshd');
  host2.hear({ kind: 'unban', ip: address(200), until: null });
  await host2.run('ban fail2ban/sshd');
  await host2.rest();
  assert.equal(host2.state.get(rowOf({ ip: address(9) }))?.status, 'applied');
  // What is over meanwhile is not applied.
  assert.equal(
    host2.enforcer.begun.some((begun) => begun.startsWith('ban') && begun.endsWith(address(1))),
    false,
  );
});

test('Resume puts no more in place than max-active, the newest', async () => {
  using host2 = new Host();
  host2.parts.maxActive = 2;
  await pause(host2.parts);
  host2.hear(...[1, 2, 3, 4].map((last) => ({ ip: address(last), at: NOW + last })));
  assert.equal(resume(host2.parts), 2);
  for (let runs = 0; runs < 2; runs += 1) await host2.run('ban fail2ban/sshd');
  await host2.rest();
  assert.deepEqual(
    host2.state.withStatus('applied').map((row) => row.ip),
    [address(3), address(4)],
  );
  assert.deepEqual(host2.state.counts(), { applied: 2, skipped: 2 });
});
