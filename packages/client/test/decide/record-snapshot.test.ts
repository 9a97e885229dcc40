import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordNews } from '../../src/decide/record-news.ts';
import { eventOf, host, ip, jail, prog, rowOf } from '../make.ts';
import { Host } from './recording-host.ts';

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

const OTHER = { ip: ip('203.0.113.10') };

/** A host with two bans in place, the second of which the server's new history lacks. */
async function hostOfAnotherHistory(): Promise<Host> {
  const host2 = new Host();
  host2.hear({}, OTHER);
  await host2.run('ban fail2ban/sshd');
  await host2.run('ban fail2ban/sshd');
  await host2.applier.idle();
  host2.snapshotOf({ because: 'tail' }, { seq: 1 });
  await host2.taken;
  return host2;
}

test('A snapshot of another history of the same epoch lifts nothing: what it lacks stays until its end', async () => {
  using host2 = await hostOfAnotherHistory();
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours', 'fail2ban/sshd applied ours']);
  assert.equal(host2.state.lackingCount(), 1);
  assert.equal(host2.state.get(rowOf(OTHER))?.seq, 0);
  // Neither does one without a word, as a server of 0.1 sends it, nor a later one of the history that is ours now.
  host2.snapshotOf({}, { seq: 1 });
  host2.snapshotOf({ because: 'old' }, { seq: 1 });
  assert.equal((await host2.rest()).length, 2);
  assert.equal(host2.state.lackingCount(), 1);
  host2.now += 4000;
  host2.tick();
  await host2.run('unban fail2ban/sshd');
  await host2.run('unban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), []);
});

test('A new epoch lifts also what an earlier history left here', async () => {
  using host2 = await hostOfAnotherHistory();
  host2.snapshotOf({ epoch: 'e2' }, { seq: 1 });
  await host2.run('unban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours']);
  assert.equal(host2.state.lackingCount(), 0);
});

test("An operator's unban lifts what the server's ledger lacks, in whatever jail it stands", async () => {
  using host2 = await hostOfAnotherHistory();
  const operator = { host: host('operator'), prog: prog('operator'), jail: jail('banshare') };
  host2.hear({ kind: 'unban', ...OTHER, ...operator });
  await host2.run('unban fail2ban/sshd');
  await host2.run('unban operator/banshare');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours']);
});

test('What is under way when the history changes ends as it began, and tells the server nothing of it', async () => {
  using host2 = new Host();
  host2.hear({}, OTHER);
  const running = [await host2.enforcer.next(), await host2.enforcer.next()];
  host2.snapshotOf({ because: 'tail' }, { seq: 40 });
  running.forEach(({ done }) => done());
  await host2.run('ban fail2ban/sshd', 'already');
  await host2.run('ban fail2ban/sshd', 'already');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours', 'fail2ban/sshd applied ours']);
  assert.equal(host2.state.oldestUnsettled(), undefined);
});

test('A snapshot that is taken is not held beside what its bans become: half a million would not have room in a client', async () => {
  using host2 = new Host();
  const bans = Array.from({ length: 1200 }, (_, at) =>
    eventOf({ seq: at + 1, ip: ip(`203.0.${at >> 8}.${at & 255}`) }),
  );
  const [held, seqs]: [number[], number[]] = [[], []];
  host2.parts.queue = ({ seq }) => {
    held.push(bans.length);
    seqs.push(seq);
  };
  await recordNews({ kind: 'snapshot', bans, position: { epoch: 'e1', seq: 1200, tail: '' } }, host2.parts);
  assert.deepEqual([held[0], held.at(-1), bans.length], [700, 0, 0]);
  assert.deepEqual(
    seqs,
    seqs.toSorted((one, other) => one - other),
  );
  assert.equal(host2.state.page(undefined, 2000).length, 1200);
});
