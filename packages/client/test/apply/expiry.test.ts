import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { FaultLog } from '@banshare/runtime';
import { Notes } from '../../src/host/echo-notes.ts';
import { markBegun, resumePending, startClockwork } from '../../src/apply/expiry.ts';
import { folder, ip, NOW, range, rowOf } from '../make.ts';
import { Host } from '../decide/recording-host.ts';

/** A host whose client has just started, and the notes that the one before it left. */
function restarted(): { host2: Host; notes: Notes } & Disposable {
  const scratch = folder();
  const host2 = new Host();
  return {
    host2,
    notes: new Notes(join(scratch.path, 'notes')),
    [Symbol.dispose]: () => {
      host2[Symbol.dispose]();
      scratch[Symbol.dispose]();
    },
  };
}

test('What was queued when the client ended is done at its next start, in the order of its seqs', async () => {
  using both = restarted();
  const { host2, notes } = both;
  host2.state.put(rowOf({ seq: 2, ip: ip('203.0.113.2') }), NOW);
  host2.state.put(rowOf({ seq: 1, ip: ip('203.0.113.1') }), NOW);
  host2.state.put(rowOf({ seq: 3, ip: ip('203.0.113.3'), status: 'lifting', isOurs: true }), NOW);
  host2.state.put(rowOf({ seq: 4, ip: ip('203.0.113.4'), status: 'applied' }), NOW);
  await markBegun(host2.state, notes, 'banshare');
  await resumePending(host2.state, host2.applier);
  for (let runs = 0; runs < 3; runs += 1) (await host2.enforcer.next()).done();
  assert.deepEqual(await host2.rest(), [
    'fail2ban/sshd applied ours',
    'fail2ban/sshd applied ours',
    'fail2ban/sshd applied',
  ]);
  assert.deepEqual(host2.enforcer.begun, [
    'ban fail2ban/sshd 203.0.113.1',
    'ban fail2ban/sshd 203.0.113.2',
    'unban fail2ban/sshd 203.0.113.3',
  ]);
});

test('A range that no enforcer here could ban is tried once more after a restart, which may bring another enforcer', async () => {
  using both = restarted();
  const { host2, notes } = both;
  const failed = { status: 'failed', reason: 'range' } as const;
  host2.state.put(rowOf({ seq: 1, ip: range('203.0.113.0/24'), ...failed }), NOW);
  host2.state.put(rowOf({ seq: 2, ip: ip('203.0.113.2'), status: 'failed', reason: 'exit 1' }), NOW);
  await markBegun(host2.state, notes, 'banshare');
  await resumePending(host2.state, host2.applier);
  // Its event was acknowledged as failed before: the position does not go back to it.
  assert.equal(host2.state.oldestUnsettled(), undefined);
  await host2.run('ban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours', 'fail2ban/sshd failed']);
});

for (const [what, jail, isOurs] of [
  ['A note of its jail', 'sshd', true],
  ['A note of missing-jail', 'banshare', true],
  ['A note of another jail', 'nginx', false],
] as const) {
  test(`${what} makes a pending ban that is found in place ${isOurs ? 'ours' : 'foreign'}`, async () => {
    using both = restarted();
    const { host2, notes } = both;
    host2.state.put(rowOf(), NOW);
    notes.write(jail, '203.0.113.9');
    await markBegun(host2.state, notes, 'banshare');
    await resumePending(host2.state, host2.applier);
    await host2.run('ban fail2ban/sshd', 'already');
    assert.deepEqual(await host2.rest(), [isOurs ? 'fail2ban/sshd applied ours' : 'fail2ban/sshd already']);
  });
}

test('A ban that was unbanned while its command ran, when the client was killed, is lifted at the next start', async () => {
  using both = restarted();
  const { host2, notes } = both;
  host2.state.put(rowOf({ status: 'lifting' }), NOW);
  notes.write('sshd', '203.0.113.9');
  await markBegun(host2.state, notes, 'banshare');
  await resumePending(host2.state, host2.applier);
  await host2.run('unban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), []);
});

test('Ticking lifts what is over and tries again what failed, but only once the server was heard', async (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  using both = restarted();
  const { host2, notes } = both;
  host2.hear({ until: NOW + 1 }, { ip: ip('203.0.113.10') });
  await host2.run('ban fail2ban/sshd');
  await host2.run('ban fail2ban/sshd', 'failed');
  await host2.applier.idle();
  host2.now += 100;
  let isHeard = false;
  const faults = new FaultLog({ warning: () => undefined }, () => 0);
  const stop = startClockwork(host2.parts, {
    notes,
    faults,
    clock: { now: () => (isHeard ? NOW : undefined) },
  });
  context.mock.timers.tick(5000);
  await host2.applier.idle();
  assert.equal(host2.enforcer.begun.length, 2);
  isHeard = true;
  context.mock.timers.tick(1000);
  const both2 = [await host2.enforcer.next(), await host2.enforcer.next()];
  both2.forEach(({ done }) => done());
  assert.deepEqual(both2.map(({ change }) => `${change.kind} ${change.ip}`).sort(), [
    'ban 203.0.113.10',
    'unban 203.0.113.9',
  ]);
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours']);
  stop();
  host2.now += 100_000;
  context.mock.timers.tick(5000);
  assert.equal(host2.enforcer.begun.length, 4);
});
