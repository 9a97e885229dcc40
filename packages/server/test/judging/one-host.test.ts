import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, judgeUnban, type Policy } from '../../src/judging/judge.ts';
import { BanBook } from '../../src/ledger/tables/bans.ts';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';
import { isActive } from '../../src/words/verdict.ts';
import type { Decide, Submission } from '../../src/words/submission.ts';

// What one host, with a valid key, must not do to what the others found.
const IP = '203.0.113.9';
const POLICY: Policy = {
  windowSeconds: 300,
  defaultDurationSeconds: 600,
  maxDurationSeconds: -1,
  escalationSeconds: [600, 3600, 86_400],
};

const deciding: Decide = (submission, known) =>
  submission.kind === 'unban'
    ? judgeUnban({ ...known, isActive: known.ban !== undefined && isActive(known.ban, submission.received) })
    : judge(submission.report, POLICY, known.ban, submission.received, known.past);

async function verdicts(shelf: LedgerOfTest, ...submissions: Submission[]): Promise<string[]> {
  return (await shelf.ledger.record(submissions, deciding)).map(({ verdict }) => verdict);
}

async function endOf(shelf: LedgerOfTest, now: number): Promise<number | null | undefined> {
  return (await shelf.ledger.active({ afterSeq: 0, uptoSeq: 1000, limit: 10 }, now))[0]?.until;
}

test('a host that was shut out keeps no ban of others: who found it last takes it back', async () => {
  using shelf = new LedgerOfTest();
  const [honest, evil] = [shelf.host('honest'), shelf.host('evil')];
  await verdicts(shelf, shelf.report(honest, IP), shelf.report(evil, IP, NOW + 1));
  await shelf.ledger.write(() => shelf.book.change(evil, { state: 'revoked' }));
  assert.deepEqual(await verdicts(shelf, shelf.unban(honest, IP, NOW + 2)), ['accepted']);
  assert.equal(await shelf.ledger.countActive(NOW + 3), 0);
});

test('a ban that one host stands behind still is kept, however many others asked for less, took their word back or were shut out', async () => {
  using shelf = new LedgerOfTest();
  const [long, last, out] = [shelf.host('long'), shelf.host('last'), shelf.host('out')];
  await verdicts(shelf, ...[long, last, out].map((host) => shelf.report(host, IP)));
  await shelf.ledger.write(() => shelf.book.change(out, { state: 'revoked' }));
  const { report: ban } = shelf.report(long, IP);
  const book = new BanBook(shelf.ledger.sql);
  await shelf.ledger.write(() => {
    for (let host = 1000; host < 3000; host += 1) {
      book.support(ban, host, NOW, NOW + 60);
      if (host % 2 === 0) book.takeBack(ban, host);
    }
  });
  await verdicts(shelf, shelf.unban(last, IP, NOW + 300));
  assert.equal(await shelf.ledger.countActive(NOW + 301), 1);
  await verdicts(shelf, shelf.unban(long, IP, NOW + 302));
  assert.equal(await shelf.ledger.countActive(NOW + 303), 0);
});

test('a host that takes its own reports back again and again does not drive the next ban to the longest', async () => {
  using shelf = new LedgerOfTest();
  const [honest, evil] = [shelf.host('honest'), shelf.host('evil')];
  for (let n = 0; n < 5; n += 1) {
    await verdicts(shelf, shelf.report(evil, IP, NOW + 2 * n), shelf.unban(evil, IP, NOW + 2 * n + 1));
  }
  await verdicts(shelf, shelf.report(honest, IP, NOW + 20));
  assert.equal(await endOf(shelf, NOW + 20), NOW + 620);
  // A ban that ran its time is an offence, whatever was taken back in another jail meanwhile.
  await verdicts(shelf, shelf.report(honest, IP, NOW + 700));
  assert.equal(await endOf(shelf, NOW + 700), NOW + 700 + 3600);
});

test('a ban that begins anew after its end has the host that reports it as its one supporter, and others join it', async () => {
  using shelf = new LedgerOfTest();
  const [first, second, third] = [shelf.host('first'), shelf.host('second'), shelf.host('third')];
  const supporters = async (): Promise<string[]> =>
    (await shelf.ledger.history(shelf.report(first, IP).report.ip)).supporters.flatMap(({ hosts }) => hosts);
  await verdicts(shelf, shelf.report(first, IP), shelf.report(second, IP, NOW + 1));
  assert.deepEqual((await supporters()).toSorted(), ['first', 'second']);
  await verdicts(shelf, shelf.report(third, IP, NOW + 700));
  assert.deepEqual(await supporters(), ['third']);
  await verdicts(shelf, shelf.report(first, IP, NOW + 701), shelf.unban(third, IP, NOW + 702));
  assert.deepEqual(await supporters(), ['first']);
  assert.equal(await shelf.ledger.countActive(NOW + 703), 1);
  await verdicts(shelf, shelf.unban(first, IP, NOW + 704));
  assert.equal(await shelf.ledger.countActive(NOW + 705), 0);
});

test('a row that an older version left of somebody who stood behind a ban keeps no report from being written', async () => {
  using shelf = new LedgerOfTest();
  const first = shelf.host('first');
  const { ip, prog, jail } = shelf.report(first, IP).report;
  shelf.ledger
    .sql('INSERT INTO supporters VALUES (?, ?, ?, ?, ?, ?, NULL)')
    .run(ip, prog, jail, first.id, NOW - 900, NOW - 300);
  assert.deepEqual(await verdicts(shelf, shelf.report(first, IP)), ['accepted']);
  await verdicts(shelf, shelf.unban(first, IP, NOW + 1));
  assert.equal(await shelf.ledger.countActive(NOW + 2), 0);
});

test('what an operator undoes is no offence either', async () => {
  using shelf = new LedgerOfTest();
  const evil = shelf.host('evil');
  await verdicts(shelf, shelf.report(evil, IP, NOW + 2));
  await shelf.ledger.undo({ kind: 'hosts', ids: [evil.id] }, NOW, NOW + 3);
  await verdicts(shelf, shelf.report(evil, IP, NOW + 4));
  assert.equal(await endOf(shelf, NOW + 4), NOW + 604);
});
