import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LARGEST_SEQ, type Event } from '@banshare/protocol';
import { ackOf, startFleet } from '../../../../test/fleet/index.ts';
import { Tally } from '../../src/metrics/tally.ts';
import { publish } from '../reports.ts';

const HOST = { id: 1, lastSeen: 5, heardAt: 5 };

function ban(seq: number, at: number): Event {
  return { kind: 'ban', seq, at } as Event;
}

test('of more than twenty progs the rest are counted together, and said to be left out', () => {
  const tally = new Tally();
  for (let n = 0; n < 100; n += 1) tally.answered(`prog${n}`, 'accepted', 0.1);
  const of = (prog: string): number | undefined =>
    tally.reports.find((each) => each.prog === prog && each.verdict === 'accepted')?.count;
  assert.equal(of('fail2ban'), 0);
  assert.equal(of('prog0'), 1);
  assert.equal(of('other'), 82);
  assert.equal(new Set(tally.reports.map(({ prog }) => prog)).size, 21);
  assert.equal(tally.progsLeftOut, 82);
  assert.equal(tally.reportSeconds.count, 100);
});

test('a host is timed once for each event since its word before, and not at all for what a restart or another server hides', () => {
  const tally = new Tally();
  tally.committed([ban(1, 100), ban(2, 101)]);
  const at = (applied: number, epoch = 'e'): { epoch: string; applied: number } => ({ epoch, applied });
  // What it had at its first word nobody saw come.
  tally.acknowledged({ ...HOST, position: at(1) }, 102);
  assert.equal(tally.appliedSeconds.count, 0);
  tally.acknowledged({ ...HOST, position: at(2) }, 103);
  assert.deepEqual([tally.appliedSeconds.count, tally.appliedSeconds.sum], [1, 2]);
  // Whoever goes back and comes again is not timed again, and another server's host is timed there.
  tally.acknowledged({ ...HOST, position: at(0) }, 104);
  tally.acknowledged({ ...HOST, position: at(2) }, 105);
  tally.committed([ban(3, 106)]);
  tally.acknowledged({ ...HOST, heardAt: 4, position: at(3) }, 107);
  tally.acknowledged({ ...HOST, position: at(3, 'other') }, 107);
  assert.equal(tally.appliedSeconds.count, 1);
});

test('what a host says of a head far away takes no time, and old events are timed no more', () => {
  const tally = new Tally();
  tally.acknowledged({ ...HOST, position: { epoch: 'e', applied: 0 } }, 1);
  tally.committed(Array.from({ length: 25_000 }, (_, index) => ban(index + 1, 1)));
  tally.acknowledged({ ...HOST, position: { epoch: 'e', applied: 25_000 } }, 2);
  assert.equal(tally.appliedSeconds.count, 10_000);
  assert.equal(tally.events.ban, 25_000);
});

test('a host that says it has any number of events of another history, or of this one, keeps no other waiting and is timed for none', async () => {
  await using fleet = await startFleet();
  const [honest, evil] = [await fleet.peer('honest'), await fleet.peer('evil')];
  await publish(honest, '203.0.113.1');
  const { epoch } = await fleet.server.json<{ epoch: string }>('status');
  for (const history of ['another', epoch])
    for (const applied of [0, LARGEST_SEQ, 1, 0, 1]) {
      const answer = await evil.ask(ackOf({ epoch: history, applied }));
      assert.ok(answer.ok && answer.reply.status === 'OK', JSON.stringify(answer));
    }
  await publish(honest, '203.0.113.2');
  const { stdout } = await fleet.server.asks('metrics');
  assert.match(stdout, /^banshare_applied_seconds_count.* 1$/m);
});
