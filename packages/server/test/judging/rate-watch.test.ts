import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Event } from '@banshare/protocol';
import { BanMinutes } from '../../src/ledger/books/ban-minutes.ts';
import { RateWatch, type BanRate } from '../../src/judging/rate-watch.ts';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';

const MINUTE = 60;
const DAY = 86_400;

function events(count: number, host: string, more: Partial<Event> = {}): Event[] {
  return Array.from({ length: count }, () => ({ kind: 'ban', prog: 'fail2ban', host, ...more }) as Event);
}

function watchOf(shelf: LedgerOfTest, now: number, hosts = 3): { watch: RateWatch; alarms: BanRate[] } {
  const alarms: BanRate[] = [];
  const kept = new BanMinutes(shelf.ledger);
  const watch = new RateWatch({ kept, hosts: () => hosts, alarm: (rate) => alarms.push(rate), now });
  return { watch, alarms };
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

test('a restart forgets neither the week nor the last minutes', async () => {
  using shelf = new LedgerOfTest();
  await aWeekOf(shelf, 30);
  const first = watchOf(shelf, NOW);
  first.watch.published(events(200, 'web7'), NOW);
  await first.watch.flush(NOW + 1);
  const { watch, alarms } = watchOf(shelf.reopen(), NOW + 10);
  watch.published(events(150, 'web7'), NOW + 20);
  assert.equal(alarms.length, 1);
  await watch.flush(NOW + 30);
  assert.equal(watchOf(shelf, NOW + 40).watch.rate(NOW + 40).recent, 350);
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
