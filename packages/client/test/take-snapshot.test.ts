import assert from 'node:assert/strict';
import { test } from 'node:test';
import { host, ip, rowOf } from './make.ts';
import { Host } from './taking-host.ts';

test('A snapshot applies what is new, leaves what is in place and lifts what is over', async () => {
  using host2 = new Host();
  host2.hear({}, { ip: ip('203.0.113.10') });
  await host2.run('ban fail2ban/sshd');
  await host2.run('ban fail2ban/sshd');
  await host2.applier.idle();
  host2.snapshot({ seq: 40, until: null }, { seq: 41, ip: ip('203.0.113.11') });
  const both = [await host2.enforcer.next(), await host2.enforcer.next()];
  both.forEach(({ done }) => done());
  assert.deepEqual(both.map(({ change }) => `${change.kind} ${change.ip}`).sort(), [
    'ban 203.0.113.11',
    'unban 203.0.113.10',
  ]);
  assert.equal((await host2.rest()).length, 2);
  const kept = host2.state.get(rowOf());
  assert.deepEqual([kept?.seq, kept?.until], [40, null]);
});

test('A snapshot whose ban is under way here settles it as that publication', async () => {
  using host2 = new Host();
  host2.hear({});
  const running = await host2.enforcer.next();
  host2.snapshot({ seq: 40 });
  running.done();
  await host2.run('ban fail2ban/sshd', 'already');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours']);
  assert.equal(host2.state.oldestUnsettled(), undefined);
});

test('A snapshot tries again what failed, and takes what was skipped for a reason that is gone', async () => {
  using host2 = new Host();
  host2.hear({}, { ip: ip('203.0.113.10'), host: host('h2') });
  await host2.run('ban fail2ban/sshd', 'failed');
  await host2.applier.idle();
  host2.snapshot({ seq: 40 }, { seq: 41, ip: ip('203.0.113.10'), host: host('h3') });
  await host2.run('ban fail2ban/sshd');
  await host2.run('ban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours', 'fail2ban/sshd applied ours']);
});
