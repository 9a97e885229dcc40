import { test } from 'node:test';
import assert from 'node:assert/strict';
import { dropHeldOf } from '../../src/ledger/deeds.ts';
import { addressOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';
import type { Decide } from '../../src/words/submission.ts';

const hold: Decide = () => ({
  verdict: 'held',
  until: NOW + 3600,
  code: 'frozen',
  reason: 'a test holds everything',
});
const publish: Decide = () => ({ verdict: 'accepted', publish: { kind: 'ban', until: NOW + 3600 } });
const counted: Decide = () => ({ verdict: 'counted', reason: '1 of 2 hosts' });
const nobody = (): boolean => false;

test('what is held has no seq, is not active, and is released once, oldest first, with its hosts as supporters', async () => {
  using shelf = new LedgerOfTest();
  const [a, b] = [shelf.host('a'), shelf.host('b')];
  await shelf.ledger.record(
    [shelf.report(b, '203.0.113.2'), shelf.report(a, '203.0.113.1'), shelf.report(a, '203.0.113.2', NOW + 1)],
    hold,
  );
  assert.deepEqual([shelf.ledger.head().seq, await shelf.ledger.countActive(NOW)], [0, 0]);
  shelf.reopen();
  assert.equal(shelf.ledger.countHeld(), 3);
  const events = await shelf.ledger.release(NOW + 2, nobody);
  assert.deepEqual(
    events.map(({ ip, seq, at, until }) => [ip, seq, at, until]),
    [
      ['203.0.113.2', 1, NOW + 2, NOW + 3600],
      ['203.0.113.1', 2, NOW + 2, NOW + 3600],
    ],
  );
  const [ban] = (await shelf.ledger.history(addressOf('203.0.113.2'))).supporters;
  assert.deepEqual(ban?.hosts.toSorted(), ['a', 'b']);
  assert.deepEqual(await shelf.ledger.release(NOW + 3, nobody), []);
});

test('release leaves out what is over, protected, lifted by an operator or banned meanwhile', async () => {
  using shelf = new LedgerOfTest();
  const host = shelf.host('a');
  const held = [1, 2, 3, 4].map((last) => shelf.report(host, `203.0.113.${last}`));
  await shelf.ledger.record(held, hold);
  await shelf.ledger.lift({ ip: '203.0.113.1' }, NOW + 1);
  assert.equal(shelf.ledger.isHeld(addressOf('203.0.113.1')), false);
  await shelf.ledger.record([shelf.report(host, '203.0.113.2', NOW + 2)], publish);
  const events = await shelf.ledger.release(NOW + 3, (ip) => ip === '203.0.113.3');
  assert.deepEqual(
    events.map(({ ip }) => ip),
    ['203.0.113.4'],
  );
  await shelf.ledger.record([shelf.report(host, '203.0.113.5')], hold);
  assert.deepEqual(await shelf.ledger.release(NOW + 3600, nobody), []);
  assert.equal(shelf.ledger.countHeld(), 0);
});

test('release goes on holding what a host comes from that is new, with everybody behind it, and forgets nothing of it', async () => {
  using shelf = new LedgerOfTest();
  const [a, b] = [shelf.host('a'), shelf.host('b')];
  const reports = [a, b].map((host) => shelf.report(host, '203.0.113.1'));
  await shelf.ledger.record([...reports, shelf.report(a, '203.0.113.2')], hold);
  const waits = (ip: string): boolean => ip === '203.0.113.1';
  const first = await shelf.ledger.release(NOW + 1, nobody, { waits });
  assert.deepEqual(
    first.map(({ ip }) => ip),
    ['203.0.113.2'],
  );
  assert.equal(shelf.ledger.countHeld(), 2);
  const [event] = await shelf.ledger.release(NOW + 2, nobody);
  assert.deepEqual([event?.ip, event?.host, event?.until], ['203.0.113.1', 'a', NOW + 3600]);
  const [ban] = (await shelf.ledger.history(addressOf('203.0.113.1'))).supporters;
  assert.deepEqual(ban?.hosts.toSorted(), ['a', 'b']);
});

test('undo drops what is held of that host since that time, and nothing of another', async () => {
  using shelf = new LedgerOfTest();
  const [bad, good] = [shelf.host('bad'), shelf.host('good')];
  const held = [
    shelf.report(bad, '203.0.113.1', NOW - 100),
    shelf.report(bad, '203.0.113.2'),
    shelf.report(good, '203.0.113.3'),
  ];
  await shelf.ledger.record(held, hold);
  await shelf.ledger.undo({ kind: 'hosts', ids: [bad.id] }, NOW - 10, NOW);
  const events = await shelf.ledger.release(NOW, nobody);
  assert.deepEqual(
    events.map(({ ip }) => ip),
    ['203.0.113.1', '203.0.113.3'],
  );
});

test('drop forgets everything that is held and says how much', async () => {
  using shelf = new LedgerOfTest();
  await shelf.ledger.record([shelf.report(shelf.host('a'), '203.0.113.1')], hold);
  assert.deepEqual([await shelf.ledger.dropHeld(), await shelf.ledger.dropHeld()], [1, 0]);
});

test('what a host brought that is revoked or forgotten since is never released', async () => {
  using shelf = new LedgerOfTest();
  const [bad, gone, good] = [shelf.host('bad'), shelf.host('gone'), shelf.host('good')];
  const held = [
    shelf.report(bad, '203.0.113.1'),
    shelf.report(gone, '203.0.113.2'),
    shelf.report(good, '203.0.113.3'),
  ];
  await shelf.ledger.record(held, hold);
  await shelf.ledger.write(() => {
    shelf.book.change(bad, { state: 'revoked' });
    shelf.book.forget(gone);
  });
  const events = await shelf.ledger.release(NOW, nobody);
  assert.deepEqual(
    events.map(({ ip }) => ip),
    ['203.0.113.3'],
  );
});

test('a host takes its own held report back, and not that of another', async () => {
  using shelf = new LedgerOfTest();
  const [a, b] = [shelf.host('a'), shelf.host('b')];
  await shelf.ledger.record(
    [shelf.report(a, '203.0.113.1'), shelf.report(a, '203.0.113.2'), shelf.report(b, '203.0.113.2')],
    hold,
  );
  const nothing: Decide = () => ({ verdict: 'duplicate' });
  const answers = await shelf.ledger.record(
    [shelf.unban(a, '203.0.113.1'), shelf.unban(a, '203.0.113.2'), shelf.unban(a, '203.0.113.1')],
    nothing,
  );
  assert.deepEqual(
    answers.map(({ verdict }) => verdict),
    ['accepted', 'accepted', 'duplicate'],
  );
  const events = await shelf.ledger.release(NOW, nobody);
  assert.deepEqual(
    events.map(({ ip, host }) => [ip, host]),
    [['203.0.113.2', 'b']],
  );
});

test('the same report of a host is held once, to its newest end, and published once with everybody behind it', async () => {
  using shelf = new LedgerOfTest();
  const [a, b, c] = [shelf.host('a'), shelf.host('b'), shelf.host('c')];
  const upto =
    (until: number, voters: number[] = []): Decide =>
    () => ({ verdict: 'held', until, code: 'frozen', reason: 'test', voters });
  await shelf.ledger.record([shelf.report(c, '203.0.113.1')], counted);
  await shelf.ledger.record([shelf.report(a, '203.0.113.1')], upto(NOW + 100, [c.id]));
  await shelf.ledger.record([shelf.report(a, '203.0.113.1', NOW + 1)], upto(NOW + 200, [c.id]));
  assert.equal(shelf.ledger.countHeld(), 1);
  await shelf.ledger.record([shelf.report(b, '203.0.113.1', NOW + 2)], upto(NOW + 300));
  const events = await shelf.ledger.release(NOW + 3, nobody);
  assert.deepEqual(
    events.map(({ ip, host, until }) => [ip, host, until]),
    [['203.0.113.1', 'a', NOW + 300]],
  );
  assert.equal('voters' in events[0]!, false);
  const [ban] = (await shelf.ledger.history(addressOf('203.0.113.1'))).supporters;
  assert.deepEqual(ban?.hosts.toSorted(), ['a', 'b', 'c']);
});

test('beyond the most that can be held a report is to come again, under the same id, and is lost to nobody', async () => {
  using shelf = new LedgerOfTest();
  const host = shelf.host('a');
  const two: Decide = () => ({ verdict: 'held', until: NOW + 3600, code: 'frozen', reason: 'test', most: 2 });
  const reports = [1, 2, 3].map((last) => shelf.report(host, `203.0.113.${last}`));
  const answers = await shelf.ledger.record(reports, two);
  assert.deepEqual(
    answers.map(({ verdict, code }) => [verdict, code]),
    [
      ['held', 'frozen'],
      ['held', 'frozen'],
      ['retry', 'limit'],
    ],
  );
  assert.equal((await shelf.ledger.record([shelf.report(host, '203.0.113.1')], two))[0]?.verdict, 'held');
  await shelf.ledger.dropHeld();
  assert.equal((await shelf.ledger.record(reports.slice(2), two))[0]?.verdict, 'held');
});

test('what is held by a quorum is not published once a vote of it is taken back or its host shut out, and goes on as votes', async () => {
  using shelf = new LedgerOfTest();
  const [a, b, c] = [shelf.host('a'), shelf.host('b'), shelf.host('c')];
  const ips = [1, 2, 3, 4].map((last) => `203.0.113.${last}`);
  const byTwo: Decide = () => ({
    verdict: 'held',
    until: NOW + 100,
    code: 'frozen',
    reason: 'test',
    voters: [a.id],
  });
  const nothing: Decide = () => ({ verdict: 'duplicate' });
  for (const ip of ips) await shelf.ledger.record([shelf.report(a, ip)], counted);
  for (const ip of ips) await shelf.ledger.record([shelf.report(b, ip)], byTwo);
  await shelf.ledger.record([shelf.report(c, ips[1]!)], byTwo);
  await shelf.ledger.record([shelf.unban(a, ips[0]!), shelf.unban(a, ips[1]!)], nothing);
  const first = await shelf.ledger.release(NOW + 1, nobody, { limit: 3 });
  // Two hosts still find the second.
  assert.deepEqual(
    first.map(({ ip }) => ip),
    [ips[1], ips[2]],
  );
  const hostsOf = async (ip: string): Promise<readonly string[]> =>
    (await shelf.ledger.history(addressOf(ip))).supporters.flatMap(({ hosts }) => hosts).toSorted();
  assert.deepEqual(
    [await hostsOf(ips[1]!), await hostsOf(ips[2]!)],
    [
      ['b', 'c'],
      ['a', 'b'],
    ],
  );
  await shelf.ledger.write((books) => dropHeldOf(books, a.id));
  assert.deepEqual(await shelf.ledger.release(NOW + 1, nobody), []);
  assert.equal(shelf.ledger.countHeld(), 0);
  const voters: string[] = [];
  await shelf.ledger.record([shelf.report(c, ips[0]!, NOW + 2)], (_, known) => {
    voters.push(...known.voters(0).map(({ name }) => name));
    return { verdict: 'duplicate' };
  });
  assert.deepEqual(voters, ['b']);
});
