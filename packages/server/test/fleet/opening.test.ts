import { test } from 'node:test';
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { hostPaths } from '@banshare/runtime';
import { startFleet, type Fleet } from '../../../../test/fleet/index.ts';
import { Opening, OPEN_SECONDS } from '../../src/fleet/opening.ts';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';

test('open ends a day after the first start of a generation, and is approve then, until an operator opens it for a time', async () => {
  await using fleet = await startFleet();
  await fleet.peer('early');
  assert.match((await fleet.server.asks('status')).stdout, /Enrolment: open until \S+, then approve\./);
  await age(fleet, "UPDATE meta SET value = value - 90000 WHERE name LIKE 'first-start/%'");
  const late = await fleet.newcomer();
  const answer = await late.enrol('late');
  assert.ok(answer.ok && answer.reply.verdict === 'pending');
  assert.match(await fleet.server.says('hosts'), /early +active/);
  const { stdout } = await fleet.server.asks('status');
  assert.match(stdout, /Enrolment: approve, since it is open for a time only .*enrolment open --for 2h/);
  assert.match(
    await fleet.server.says('enrolment', 'open', '--for', '2h'),
    /^Enrolment: open until .*, then approve\.$/m,
  );
  await fleet.peer('again');
  await fleet.server.restart();
  await fleet.peer('after-a-restart');
  await age(fleet, "UPDATE meta SET value = value - 7300 WHERE name = 'enrolment-until'");
  const later = await fleet.newcomer();
  const waits = await later.enrol('later');
  assert.ok(waits.ok && waits.reply.verdict === 'pending');
  for (const words of [
    ['open', '--for', '-1'],
    ['open', '--for', '36500d'],
    ['approve', '--for', '2h'],
  ])
    assert.notEqual((await fleet.server.asks('enrolment', ...words)).code, 0);
  late.close();
  later.close();
});

test('each generation has its day, and what was opened by an older version ends a day after the upgrade', async () => {
  using shelf = new LedgerOfTest();
  const [g1, g2] = ['g1', 'g2'].map((name) => ({ name, curve: { publicKey: name } }));
  assert.ok(g1 && g2);
  const opening =
    (...generations: (typeof g1)[]): ((now: number) => Promise<Opening>) =>
    (now) =>
      Opening.begin(shelf.ledger, 'open', generations, now);
  await opening(g1)(NOW);
  const second = await opening(g1, g2)(NOW + OPEN_SECONDS);
  assert.equal(second.modeFor('g1', NOW + OPEN_SECONDS), 'approve');
  assert.equal(second.modeFor('g2', NOW + OPEN_SECONDS), 'open');
  assert.equal(second.at(NOW + OPEN_SECONDS).until, NOW + 2 * OPEN_SECONDS);
  assert.equal(second.modeFor('g2', NOW + 2 * OPEN_SECONDS), 'approve');
  shelf.ledger.sql("INSERT INTO meta VALUES ('enrolment', 'open')").run();
  const upgraded = await opening(g1)(NOW + 9 * OPEN_SECONDS);
  assert.equal(upgraded.at(NOW + 10 * OPEN_SECONDS - 1).mode, 'open');
  assert.deepEqual((await opening(g1)(NOW + 10 * OPEN_SECONDS)).at(NOW + 10 * OPEN_SECONDS), {
    mode: 'approve',
    until: null,
    hasEnded: true,
  });
});

/** Changes the ledger's file while the server is stopped. */
async function age(fleet: Fleet, sql: string): Promise<void> {
  await fleet.server.stop();
  const ledger = new DatabaseSync(hostPaths(fleet.server.root).ledger);
  ledger.exec(sql);
  ledger.close();
  await fleet.server.start();
}
