import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { startFleet } from '../../../../test/fleet/index.ts';
import { LimitKeeper } from '../../src/judging/limits.ts';
import { fateOf, publish, reportOf, withdraw } from '../reports.ts';
import { TokenBucket } from '../../src/words/token-bucket.ts';

test('a bucket never gives more than its burst and what refilled since, whatever the clock does', () => {
  const steps = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { maxLength: 300 });
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: 1, max: 600 }),
      fc.integer({ min: 1, max: 50 }),
      (moves, perMinute, burst) => {
        let now = 1000;
        let forward = 0;
        let given = 0;
        const bucket = new TokenBucket(perMinute, burst, now);
        for (const move of moves) {
          now += move;
          forward += Math.max(0, move);
          if (bucket.take(now)) given += 1;
        }
        return given <= burst + (forward * perMinute) / 60;
      },
    ),
  );
});

test('each host has a bucket of its own, and a host that was forgotten for its silence starts with a full one', () => {
  const limits = new LimitKeeper({ hostPerMinute: 1, hostBurst: 2, fleetPerMinute: 10, active: 10 });
  const admitted = [1, 1, 1, 2].map((host) => limits.admitsReport(host, 0));
  assert.deepEqual(admitted, [true, true, false, true]);
  limits.sweep(4000);
  assert.deepEqual([limits.admitsReport(1, 4000), limits.admitsReport(1, 4000)], [true, true]);
});

test('what a host reported at another server counts here, and what it brought beyond its burst at both it owes, but for no longer than a burst', () => {
  const limits = new LimitKeeper({ hostPerMinute: 60, hostBurst: 5, fleetPerMinute: 10, active: 10 });
  const admitted = (now: number): number => {
    let count = 0;
    while (limits.admitsReport(1, now)) count += 1;
    return count;
  };
  limits.reportedElsewhere(1, 3, 0);
  assert.equal(admitted(0), 2);
  // At the same moment it had brought five there.
  limits.reportedElsewhere(1, 5, 0);
  assert.deepEqual([admitted(5), admitted(7)], [0, 2]);
  limits.reportedElsewhere(1, 1000, 7);
  assert.deepEqual([admitted(12), admitted(14)], [0, 2]);
  assert.equal(limits.admitsReport(2, 0), true);
});

test('at the cap of active bans new ones are held, and those below the fleet rate too, each with its reason', () => {
  const limits = new LimitKeeper({ hostPerMinute: 1, hostBurst: 2, fleetPerMinute: 2, active: 10 });
  assert.match(limits.reasonToHold(10, 0)?.reason ?? '', /10 active bans, the limit is 10/);
  assert.equal(limits.reasonToHold(9, 0), undefined);
  assert.equal(limits.reasonToHold(9, 0), undefined);
  assert.match(limits.reasonToHold(9, 0)?.reason ?? '', /more than 2 new bans a minute/);
});

test('what is above a host limit waits in the spool, and is delivered by the client when the limit allows', async () => {
  await using fleet = await startFleet({
    hosts: ['loud', 'other'],
    serverToml: '[limits]\nhost-per-minute = 60\nhost-burst = 2',
  });
  const lines = [1, 2, 3, 4].map((last) => `fail2ban sshd 203.0.113.${last}\n`).join('');
  const { code, stderr } = await fleet.report('loud', ['--stdin'], { stdin: lines });
  assert.equal(code, 0);
  assert.match(stderr, /in the spool/);
  const { commands } = fleet.host('other');
  const applied: string[] = [];
  while (applied.length < 4) applied.push((await commands.next(60_000))[3] ?? '');
  assert.deepEqual(applied.toSorted(), ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4']);
});

test('limits go on over a start of the server: who can end it has not all of them again each time', async () => {
  const limits = 'host-per-minute = 1\nhost-burst = 3\nfleet-per-minute = 2';
  await using fleet = await startFleet({ serverToml: `[limits]\n${limits}` });
  const peer = await fleet.peer('h1');
  const fate = (last: number): Promise<string> => fateOf(peer, `203.0.113.${last}`);
  assert.deepEqual([await fate(1), await fate(2)], ['accepted', 'accepted']);
  await fleet.server.kill9();
  await fleet.server.start();
  assert.deepEqual([await fate(3), await fate(4)], ['fleet-rate', 'limit']);
});

test('at the cap of active bans reports are held, operators pass, and status says it first', async () => {
  await using fleet = await startFleet({ serverToml: '[limits]\nactive = 2' });
  const peer = await fleet.peer('h1');
  await publish(peer, '203.0.113.1');
  await publish(peer, '203.0.113.2');
  const held = await peer.ask(reportOf(peer, '203.0.113.3'));
  assert.ok(held.ok);
  const { status, verdict, code, seq } = held.reply;
  assert.deepEqual([status, verdict, code, seq], ['OK', 'held', 'active', undefined]);
  const { reports } = await fleet.server.json<{ reports: { verdict: string; code: string }[] }>(
    'explain',
    '203.0.113.3',
  );
  assert.deepEqual(
    reports.map((report) => [report.verdict, report.code]),
    [['held', 'active']],
  );
  const again = await peer.ask(reportOf(peer, '203.0.113.1'));
  assert.ok(again.ok && again.reply.verdict === 'duplicate');
  assert.equal((await fleet.server.asks('ban', '203.0.113.4')).code, 0);
  assert.equal((await fleet.server.asks('unban', '203.0.113.1')).code, 0);
  assert.match((await fleet.server.asks('status')).stdout, /^To do: 1 new ban is HELD/);
  await fleet.server.line(/HELD|held|hold/i);
});

test('that new bans are held is said once, however often a host reports one and takes it back', async () => {
  await using fleet = await startFleet();
  const peer = await fleet.peer('h1');
  await fleet.server.says('freeze');
  const ip = '203.0.113.9';
  for (let time = 0; time < 5; time += 1) {
    assert.equal(await fateOf(peer, ip), 'frozen');
    await withdraw(peer, ip);
  }
  const { entries } = await fleet.server.json<{ entries: { what: string }[] }>('audit');
  assert.equal(entries.filter(({ what }) => what === 'brake').length, 1);
});
