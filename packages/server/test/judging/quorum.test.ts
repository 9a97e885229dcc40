import { test } from 'node:test';
import assert from 'node:assert/strict';
import { LimitKeeper } from '../../src/judging/limits.ts';
import { decideWith } from '../../src/judging/decide.ts';
import { NeverBan } from '../../src/never-ban/never-ban.ts';
import { OwnAddresses } from '../../src/never-ban/server-addresses.ts';
import { quorumFor } from '../../src/judging/quorum.ts';
import { addressOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';
import type { Submission } from '../../src/words/submission.ts';
import { ActiveCount } from '../../src/ledger/books/active-bans.ts';

const RULE = { prog: 'psad', jail: '*', reporters: 3, withinSeconds: 600 };
const IP = '203.0.113.9';

/** Records one after the other and tells the verdicts. */
async function verdicts(shelf: LedgerOfTest, ...submissions: Submission[]): Promise<string[]> {
  const { ledger } = shelf;
  const parts = {
    policy: { windowSeconds: 300, defaultDurationSeconds: 3600, maxDurationSeconds: -1 },
    neverBan: new NeverBan(ledger, { addresses: [], fleet: true }, new OwnAddresses(() => [])),
    limits: new LimitKeeper({ hostPerMinute: 10, hostBurst: 10, fleetPerMinute: 1000, active: 1000 }),
    quorum: [RULE],
    freeze: { at: () => null },
    withoutRanges: () => [],
    activeBans: new ActiveCount(ledger),
  };
  const recorded = await ledger.record(submissions, (submission, known) =>
    decideWith(parts, submission, known, submission.received),
  );
  return recorded.map(({ verdict }) => verdict);
}

test('a ban is published by the third of three different hosts, never by one that reports three times', async () => {
  using shelf = new LedgerOfTest();
  const [a, b, c] = [shelf.host('a'), shelf.host('b'), shelf.host('c')];
  const often = [1, 2, 3, 4].map((second) => shelf.report(a, IP, NOW + second));
  assert.deepEqual(await verdicts(shelf, ...often, shelf.report(b, IP, NOW + 5)), Array(5).fill('counted'));
  assert.deepEqual(await verdicts(shelf, shelf.report(c, IP, NOW + 6)), ['accepted']);
  const [ban] = (await shelf.ledger.history(addressOf(IP))).supporters;
  assert.deepEqual(ban?.hosts.toSorted(), ['a', 'b', 'c']);
});

test('votes count for the time of the rule, each from its own report on', async () => {
  using shelf = new LedgerOfTest();
  const [a, b, c] = [shelf.host('a'), shelf.host('b'), shelf.host('c')];
  const late = [shelf.report(a, IP), shelf.report(b, IP, NOW + 300), shelf.report(c, IP, NOW + 601)];
  assert.deepEqual(await verdicts(shelf, ...late), ['counted', 'counted', 'counted']);
  assert.deepEqual(await verdicts(shelf, shelf.report(a, IP, NOW + 900)), ['accepted']);
});

test('a vote that was taken back, of a host that is shut out, or from before an operator lifted the ban is none', async () => {
  using shelf = new LedgerOfTest();
  const [a, b, c, d] = [shelf.host('a'), shelf.host('b'), shelf.host('c'), shelf.host('d')];
  await verdicts(shelf, shelf.report(a, IP), shelf.unban(a, IP, NOW + 1), shelf.report(b, IP, NOW + 2));
  assert.deepEqual(await verdicts(shelf, shelf.report(c, IP, NOW + 3)), ['counted']);
  await shelf.ledger.write(() => shelf.book.change(b, { state: 'revoked' }));
  assert.deepEqual(await verdicts(shelf, shelf.report(d, IP, NOW + 4)), ['counted']);
  await shelf.ledger.lift({ ip: IP }, NOW + 5);
  assert.deepEqual(await verdicts(shelf, shelf.report(a, IP, NOW + 6)), ['counted']);
  assert.deepEqual(await verdicts(shelf, shelf.report(c, IP, NOW + 7), shelf.report(d, IP, NOW + 8)), [
    'counted',
    'accepted',
  ]);
});

test('a counted report says how many hosts have reported it, of how many within what time, and which; explain keeps it', async () => {
  using shelf = new LedgerOfTest();
  const [a, b] = [shelf.host('a'), shelf.host('b')];
  await verdicts(shelf, shelf.report(a, IP), shelf.report(a, IP, NOW + 1), shelf.report(b, IP, NOW + 2));
  const { reports } = await shelf.ledger.history(addressOf(IP));
  assert.deepEqual(
    reports.map(({ reason }) => reason),
    ['1 of 3 hosts within 10m: a', '1 of 3 hosts within 10m: a', '2 of 3 hosts within 10m: a, b'],
  );
});

test('undo takes votes back too, tells how many, and leaves those of before and of others', async () => {
  using shelf = new LedgerOfTest();
  const [a, b, c] = [shelf.host('a'), shelf.host('b'), shelf.host('c')];
  await verdicts(shelf, shelf.report(a, IP), shelf.report(b, IP, NOW + 1));
  const { lifted, votes, held } = await shelf.ledger.undo({ kind: 'hosts', ids: [b.id] }, NOW + 1, NOW + 2);
  assert.deepEqual([lifted, votes, held], [[], 1, 0]);
  assert.equal((await shelf.ledger.undo({ kind: 'hosts', ids: [a.id] }, NOW + 1, NOW + 2)).votes, 0);
  assert.deepEqual(await verdicts(shelf, shelf.report(c, IP, NOW + 3)), ['counted']);
  assert.deepEqual(await verdicts(shelf, shelf.report(b, IP, NOW + 4)), ['accepted']);
});

test('one of the voters cannot lift alone what the others stand behind', async () => {
  using shelf = new LedgerOfTest();
  const [a, b, c] = [shelf.host('a'), shelf.host('b'), shelf.host('c')];
  await verdicts(shelf, shelf.report(a, IP), shelf.report(b, IP), shelf.report(c, IP));
  assert.deepEqual(await verdicts(shelf, shelf.unban(c, IP, NOW + 1), shelf.unban(a, IP, NOW + 2)), [
    'accepted',
    'accepted',
  ]);
  assert.equal(await shelf.ledger.countActive(NOW + 3), 1);
  await verdicts(shelf, shelf.unban(b, IP, NOW + 3));
  assert.equal(await shelf.ledger.countActive(NOW + 4), 0);
});

test('one host alone does not renew what took several, however long it asks for; it stands behind the ban', async () => {
  using shelf = new LedgerOfTest();
  const [a, b, c, d] = [shelf.host('a'), shelf.host('b'), shelf.host('c'), shelf.host('d')];
  await verdicts(shelf, ...[a, b, c].map((host) => shelf.report(host, IP)));
  const late = NOW + 1200;
  assert.deepEqual(
    await verdicts(shelf, shelf.report(d, IP, late, 9_000_000), shelf.report(d, IP, late + 1, -1)),
    ['counted', 'counted'],
  );
  const [ban] = (await shelf.ledger.history(addressOf(IP))).supporters;
  assert.deepEqual(ban?.hosts.toSorted(), ['a', 'b', 'c', 'd']);
  assert.deepEqual(await verdicts(shelf, shelf.report(a, IP, late + 2, 60)), ['duplicate']);
  const again = [shelf.report(a, IP, late + 3), shelf.report(b, IP, late + 4)];
  assert.deepEqual(await verdicts(shelf, ...again), ['counted', 'accepted']);
  assert.deepEqual(await verdicts(shelf, shelf.report(a, IP, late + 4 + 3601)), ['counted']);
});

test('the first rule that speaks of prog and jail holds, and none for others', () => {
  const only = { ...RULE, jail: 'scan', reporters: 2 };
  const named = (prog: string, jail: string): number | undefined =>
    quorumFor({ prog, jail } as Parameters<typeof quorumFor>[0], [only, RULE])?.reporters;
  assert.deepEqual([named('psad', 'scan'), named('psad', 'x'), named('fail2ban', 'scan')], [2, 3, undefined]);
});

test('a host has one vote for a ban, however often it repeats its report; each repeat has its answer', async () => {
  using shelf = new LedgerOfTest();
  const [a, b, c] = [shelf.host('a'), shelf.host('b'), shelf.host('c')];
  const repeats = Array.from({ length: 100 }, (_, n) => shelf.report(a, IP, NOW + n));
  assert.deepEqual(await verdicts(shelf, ...repeats), Array(100).fill('counted'));
  const rows = shelf.ledger.sql('SELECT received FROM votes').all() as { received: number }[];
  assert.deepEqual(
    rows.map(({ received }) => received),
    [NOW + 99],
  );
  assert.deepEqual(await verdicts(shelf, shelf.report(b, IP, NOW + 100), shelf.unban(a, IP, NOW + 101)), [
    'counted',
    'duplicate',
  ]);
  assert.deepEqual(await verdicts(shelf, shelf.report(c, IP, NOW + 102)), ['counted']);
});
