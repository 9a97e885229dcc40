import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Event } from '@banshare/protocol';
import { BanMinutes } from '../../src/ledger/books/ban-minutes.ts';
import { broughtSince } from '../../src/ledger/tables/events.ts';
import { RateWatch, type BanRate } from '../../src/judging/rate-watch.ts';
import { startFleet } from '../../../../test/fleet/index.ts';
import { addressOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';
import { publish } from '../reports.ts';
import type { Decide } from '../../src/words/submission.ts';
import type { Host } from '../../src/words/hosts/host.ts';

const MINUTE = 60;
const DAY = 86_400;

function events(count: number, host: string, more: Partial<Event> = {}): Event[] {
  return Array.from({ length: count }, () => ({ kind: 'ban', prog: 'fail2ban', host, ...more }) as Event);
}

function watchOf(shelf: LedgerOfTest, now: number, hosts = 3): { watch: RateWatch; alarms: BanRate[] } {
  const alarms: BanRate[] = [];
  const watch = new RateWatch({
    kept: new BanMinutes(shelf.ledger),
    earlier: (since) => broughtSince(shelf.ledger.sql, shelf.ledger.head(), since),
    hosts: () => hosts,
    alarm: (rate) => alarms.push(rate),
    now,
  });
  return { watch, alarms };
}

/** So many new bans of a host stand in the ledger, of which no watch was told. */
async function bring(shelf: LedgerOfTest, host: Host, count: number, at: number): Promise<void> {
  const accepting: Decide = () => ({
    verdict: 'accepted',
    publish: { kind: 'ban', until: Math.ceil(at) + 3600 },
  });
  const addresses = Array.from({ length: count }, (_, n) => `203.0.113.${n}`);
  const reports = addresses.map((ip) => shelf.report(host, ip, at));
  await shelf.ledger.record(reports, accepting);
}

/** A week of so many bans in each ten minutes, as an earlier run of the server counted them. */
async function aWeekOf(shelf: LedgerOfTest, bans: number, days = 7): Promise<void> {
  const { watch } = watchOf(shelf, NOW - days * DAY, 1_000_000);
  for (let at = NOW - days * DAY; at < NOW - 10 * MINUTE; at += 10 * MINUTE)
    watch.published(events(bans, 'any'), at);
  await watch.flush(NOW - 10 * MINUTE);
}

test("ten times the week's usual rate is an alarm, said once, and names who brings most", async () => {
  using shelf = new LedgerOfTest();
  await aWeekOf(shelf, 30);
  const { watch, alarms } = watchOf(shelf, NOW);
  watch.published(events(290, 'web7'), NOW);
  assert.equal(alarms.length, 0);
  watch.published([...events(10, 'web8'), ...events(40, 'web7')], NOW + MINUTE);
  watch.published(events(40, 'web7'), NOW + 2 * MINUTE);
  assert.equal(alarms.length, 1);
  assert.equal(Math.round(alarms[0]?.usual ?? 0), 30);
  assert.deepEqual(alarms[0]?.loudest, { host: 'web7', bans: 330 });
  assert.equal(watch.rate(NOW + 20 * MINUTE).isAlarm, false);
});

test('a restart forgets neither the week nor the last minutes, and knows who brought what nobody had written down', async () => {
  using shelf = new LedgerOfTest();
  await aWeekOf(shelf, 30);
  await bring(shelf, shelf.host('web8'), 30, NOW - 11 * MINUTE);
  await bring(shelf, shelf.host('web7'), 200, NOW);
  const typed = { ip: addressOf('198.51.100.1'), prog: 'operator', jail: 'manual', until: null } as Event;
  await shelf.ledger.ban([typed], NOW, 'operator');
  const { watch, alarms } = watchOf(shelf.reopen(), NOW + 10);
  assert.deepEqual(watch.rate(NOW + 10).loudest, { host: 'web7', bans: 200 });
  assert.equal(watch.rate(NOW + 10).recent, 200);
  watch.published(events(150, 'web7'), NOW + 20);
  assert.equal(alarms.length, 1);
  assert.deepEqual(alarms[0]?.loudest, { host: 'web7', bans: 350 });
});

test('what was brought before a start is written down after it, and is part of what is usual later', async () => {
  using shelf = new LedgerOfTest();
  await bring(shelf, shelf.host('web7'), 200, NOW);
  await watchOf(shelf.reopen(), NOW + 10).watch.flush(NOW + 20);
  const minute = Math.floor(NOW / MINUTE);
  assert.deepEqual(new BanMinutes(shelf.ledger).sumWithin(minute - 1, minute), { first: minute, bans: 200 });
});

test('who ends the server again and again does not keep the alarm away, and is named', async () => {
  await using fleet = await startFleet();
  const peer = await fleet.peer('h1');
  for (const third of [0, 1, 2]) {
    for (let n = 1; n <= 45; n += 1) await publish(peer, `203.0.113.${45 * third + n}`);
    await fleet.server.kill9();
    await fleet.server.start();
  }
  const { stdout } = await fleet.server.asks('status');
  assert.match(stdout, /^URGENT: Hosts brought 135 new bans in 10 minutes, .*; most by h1 \(135\): /m);
});

test('a quiet fleet does not alarm for a hundred bans, nor any for what operators ban and import', async () => {
  using shelf = new LedgerOfTest();
  await aWeekOf(shelf, 1);
  const { watch, alarms } = watchOf(shelf, NOW);
  watch.published(events(100, 'web7'), NOW);
  watch.published(events(5000, 'operator', { prog: 'operator' as Event['prog'], by: 'import' }), NOW);
  watch.published(events(5000, 'web7', { kind: 'unban' }), NOW);
  assert.equal(alarms.length, 0);
  watch.published(events(1, 'web7'), NOW);
  assert.equal(alarms.length, 1);
});

test('in its first day a large fleet may bring more, since nothing is usual yet', async () => {
  using shelf = new LedgerOfTest();
  const { watch, alarms } = watchOf(shelf, NOW, 300);
  watch.published(events(6000, 'web7'), NOW);
  assert.deepEqual([alarms.length, watch.rate(NOW).usual], [0, null]);
  watch.published(events(1, 'web7'), NOW);
  assert.equal(alarms.length, 1);
});
