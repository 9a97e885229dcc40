import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Audit } from '../../src/ledger/books/audit.ts';
import type { AddedRange } from '../../src/ledger/books/addresses.ts';
import { endNeverBans } from '../../src/operator/deeds/never-ban.ts';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseRange, type Range } from '@banshare/protocol';
import { LimitKeeper } from '../../src/judging/limits.ts';
import { decideWith, type DecideParts } from '../../src/judging/decide.ts';
import { NeverBan } from '../../src/never-ban/never-ban.ts';
import { OwnAddresses } from '../../src/never-ban/server-addresses.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { addressOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';
import { banOf, type Aim, type Decide } from '../../src/words/submission.ts';
import type { Host } from '../../src/words/hosts/host.ts';

const DAY = 86_400;

function decideParts(neverBan: NeverBan): DecideParts {
  return {
    policy: { windowSeconds: 300, defaultDurationSeconds: 3600, maxDurationSeconds: -1 },
    neverBan,
    limits: new LimitKeeper({ hostPerMinute: 600, hostBurst: 600, fleetPerMinute: 600, active: 100 }),
    quorum: [],
    freeze: { at: () => null },
    withoutRanges: () => [],
    activeBans: { about: () => 0, add: () => undefined },
  };
}

function rangeOf(text: string): Range {
  const range = parseRange(text);
  assert.ok(range.ok);
  return range.value;
}

function neverBanOf({ ledger }: LedgerOfTest, fleet = true, goneAfterSeconds = 7 * DAY): NeverBan {
  return new NeverBan(
    ledger,
    { addresses: [rangeOf('192.0.2.0/28')], fleet, goneAfterSeconds },
    new OwnAddresses(() => []),
  );
}

/** A host comes in from an address over a connection of its own and says something signed. */
function see(neverBan: NeverBan, host: Host, ip: string, now: number, connection = ip): void {
  neverBan.arrived(host, ip, now);
  neverBan.spoke(host, connection, now);
}

async function shutOut({ ledger, book }: LedgerOfTest, neverBan: NeverBan, host: Host): Promise<void> {
  await ledger.write(() => {
    book.change(host, { state: 'revoked' });
    neverBan.forget(host);
  });
}

/** How much is listed beside the addresses of this machine. */
function countListed(neverBan: NeverBan, now: number): number {
  return neverBan.list(now).filter(({ source }) => source !== "the server's own address").length;
}

function added(range: string, more: Partial<AddedRange> = {}): AddedRange {
  return { range: rangeOf(range), until: null, note: '', by: '', ...more };
}

test('each rule names itself, and an address beside the range is not protected', async () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  await shelf.ledger.write(() => neverBan.add(added('2001:db8:1::/48'), NOW));
  see(neverBan, shelf.host('h1'), '198.51.100.1', NOW);
  const rule = (ip: string): string | undefined => neverBan.ruleFor(addressOf(ip), NOW);
  assert.match(rule('192.0.2.15') ?? '', /192\.0\.2\.0\/28 of \[never-ban\] in server\.toml/);
  assert.match(rule('2001:db8:1::9') ?? '', /2001:db8:1::\/48 of banshare-server never-ban/);
  assert.match(rule('198.51.100.1') ?? '', /the fleet's host h1/);
  for (const free of ['192.0.2.16', '2001:db8:2::9', '198.51.100.2']) assert.equal(rule(free), undefined);
  assert.equal(countListed(neverBan, NOW), 3);
});

test('what was added holds after a restart until it is removed, and only once', async () => {
  using shelf = new LedgerOfTest();
  await shelf.ledger.write(() => neverBanOf(shelf).add(added('203.0.113.0/24'), NOW));
  const neverBan = neverBanOf(shelf.reopen());
  await shelf.ledger.write(() => neverBan.add(added('203.0.113.0/24'), NOW));
  assert.notEqual(neverBan.ruleFor(addressOf('203.0.113.9'), NOW), undefined);
  assert.equal(await shelf.ledger.write(() => neverBan.remove(rangeOf('203.0.113.0/24'))), true);
  assert.equal(await shelf.ledger.write(() => neverBan.remove(rangeOf('203.0.113.0/24'))), false);
  assert.equal(neverBan.ruleFor(addressOf('203.0.113.9'), NOW), undefined);
});

test("a host's address leaves 24 h after the host was last there, and counts on while it speaks", () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const [here, gone] = [shelf.host('here'), shelf.host('gone')];
  see(neverBan, here, '203.0.113.1', NOW);
  see(neverBan, gone, '203.0.113.2', NOW);
  // Its connection holds for three days.
  for (let hours = 1; hours <= 72; hours += 1) neverBan.spoke(here, '203.0.113.1', NOW + hours * 3600);
  const rule = (ip: string, at: number): string | undefined => neverBan.ruleFor(addressOf(ip), at);
  assert.notEqual(rule('203.0.113.2', NOW + DAY - 1), undefined);
  assert.equal(rule('203.0.113.2', NOW + DAY), undefined);
  assert.match(rule('203.0.113.1', NOW + 3 * DAY) ?? '', /host here/);
  assert.equal(rule('203.0.113.1', NOW + 4 * DAY), undefined);
});

test('a host that moved protects its new address, and its old one for 24 h only', () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const host = shelf.host('h1');
  see(neverBan, host, '203.0.113.1', NOW);
  see(neverBan, host, '203.0.113.2', NOW + 10);
  neverBan.spoke(host, '203.0.113.2', NOW + DAY);
  assert.equal(neverBan.ruleFor(addressOf('203.0.113.1'), NOW + DAY), undefined);
  assert.notEqual(neverBan.ruleFor(addressOf('203.0.113.2'), NOW + DAY), undefined);
});

test('a host protects the last 4 addresses that it spoke from, also after a restart', async () => {
  using shelf = new LedgerOfTest();
  const host = shelf.host('roamer');
  let neverBan = neverBanOf(shelf);
  for (let last = 1; last <= 40; last += 1) {
    see(neverBan, host, `203.0.113.${last}`, NOW + last);
    await neverBan.flush(NOW + last);
  }
  for (const restart of [false, true]) {
    if (restart) neverBan = neverBanOf(shelf.reopen());
    const isProtected = (last: number): boolean =>
      neverBan.ruleFor(addressOf(`203.0.113.${last}`), NOW + 40) !== undefined;
    assert.deepEqual([35, 36, 37, 38, 39, 40].map(isProtected), [false, false, true, true, true, true]);
    assert.equal(countListed(neverBan, NOW + 40), 4 + 1);
  }
  const rows = shelf.ledger.sql('SELECT address FROM seen_at').all();
  assert.equal(rows.length, 4);
});

test('coming in protects nothing before something signed is said, and telling an address renews nothing', () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const host = shelf.host('h1');
  host.addresses = ['203.0.113.1'];
  const isProtected = (at: number): boolean => neverBan.ruleFor(addressOf('203.0.113.1'), at) !== undefined;
  neverBan.arrived(host, '203.0.113.1', NOW);
  neverBan.tells(host, NOW);
  assert.equal(isProtected(NOW), false);
  neverBan.spoke(host, 'a', NOW + 1);
  assert.equal(isProtected(NOW + 1), true);
  see(neverBan, host, '203.0.113.2', NOW + 2, 'b');
  for (let hour = 1; hour <= 24; hour += 1) {
    neverBan.tells(host, NOW + hour * 3600);
    neverBan.spoke(host, 'b', NOW + hour * 3600);
  }
  assert.equal(isProtected(NOW + DAY + 1), false);
});

test('where a host comes from neither protects nor may be banned before it is a day old, or approved', async () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const [young, other] = [shelf.host('young', 'active', NOW + 7 * DAY), shelf.host('other')];
  assert.equal(young.enrolled, NOW);
  const ip = addressOf('203.0.113.1');
  see(neverBan, young, ip, NOW);
  for (const target of [ip, addressOf('64:ff9b::203.0.113.1'), rangeOf('203.0.113.0/24')]) {
    assert.equal(neverBan.ruleFor(target, NOW + DAY - 1), undefined);
    assert.match(neverBan.newcomerAt(target, NOW) ?? '', /where young comes from.*hosts approve young/);
  }
  const parts = decideParts(neverBan);
  const decide: Decide = (submission, known) => decideWith(parts, submission, known, submission.received);
  const aim: Aim = (submission) => ({ targets: [banOf(submission).ip], isCrowded: false });
  const [held] = await shelf.ledger.record([shelf.report(other, ip)], decide, aim);
  assert.equal(held?.verdict, 'held');
  assert.match(held.reason ?? '', /203\.0\.113\.1 is where young comes from/);
  assert.deepEqual(neverBan.newcomers(NOW), [{ host: 'young', address: ip }]);
  assert.ok(shelf.ledger.isHeld(ip));
  see(neverBan, other, ip, NOW + 5, 'c');
  assert.match(neverBan.ruleFor(ip, NOW + 5) ?? '', /host other/);
  await shutOut(shelf, neverBan, other);
  neverBan.spoke(young, ip, NOW + DAY);
  assert.match(neverBan.ruleFor(ip, NOW + DAY) ?? '', /host young/);
  assert.equal(neverBan.newcomerAt(ip, NOW + DAY), undefined);
  const approved = shelf.host('approved', 'active', NOW + 7 * DAY);
  await shelf.ledger.write(() => shelf.book.change(approved, { approved: NOW }));
  see(neverBan, approved, '203.0.113.2', NOW);
  assert.match(neverBan.ruleFor(addressOf('203.0.113.2'), NOW) ?? '', /host approved/);
});

test('hosts that were in the fleet for a day, or approved, before an upgrade stay protected', () => {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-upgrade-'));
  try {
    const path = join(folder, 'ledger.db');
    const before = new DatabaseSync(path);
    before.exec(readFileSync(new URL('../ledger-of-version-3.sql', import.meta.url), 'utf8'));
    const hosts = before.prepare(
      "INSERT INTO hosts (id, key, curve, name, state, enrolled, addresses, last_seen) VALUES (?, ?, ?, ?, 'active', ?, '[]', ?)",
    );
    const seen = before.prepare('INSERT INTO seen_at VALUES (?, ?, ?)');
    for (const [id, name, enrolled] of [
      [1, 'old', NOW - DAY],
      [2, 'approved', NOW],
      [3, 'new', NOW],
    ] as const) {
      hosts.run(id, `key-${name}`, `curve-${name}`, name, enrolled, NOW);
      seen.run(id, `203.0.113.${id}`, NOW);
    }
    before
      .prepare("INSERT INTO audit VALUES (1, ?, 'approved', ?, '')")
      .run(NOW, JSON.stringify({ name: 'approved', key: 'key-approved' }));
    before.close();
    const ledger = new Ledger(path, () => 'epoch');
    const neverBan = new NeverBan(ledger, { addresses: [], fleet: true }, new OwnAddresses(() => []));
    const isProtected = (last: number): boolean =>
      neverBan.ruleFor(addressOf(`203.0.113.${last}`), NOW + 60) !== undefined;
    assert.deepEqual([1, 2, 3].map(isProtected), [true, true, false]);
    ledger.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('where hosts were seen is written with a flush and known after a restart, by name; old sightings leave the file', async () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const [h1, h2] = [shelf.host('h1'), shelf.host('h2')];
  see(neverBan, h1, '203.0.113.1', NOW);
  see(neverBan, h2, '203.0.113.2', NOW + DAY / 2);
  await neverBan.flush(NOW + DAY / 2);
  const later = neverBanOf(shelf.reopen());
  assert.match(later.ruleFor(addressOf('203.0.113.1'), NOW + DAY / 2) ?? '', /host h1/);
  await later.flush(NOW + DAY);
  const rows = shelf.ledger.sql('SELECT address FROM seen_at').all() as { address: string }[];
  assert.deepEqual(
    rows.map(({ address }) => address),
    ['203.0.113.2'],
  );
});

test('a host that is shut out protects nothing, also after a restart, but another host at that address does', async () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const [bad, good] = [shelf.host('bad'), shelf.host('good')];
  for (const ip of ['203.0.113.1', '203.0.113.2']) see(neverBan, bad, ip, NOW);
  see(neverBan, good, '203.0.113.2', NOW);
  await neverBan.flush(NOW);
  await shutOut(shelf, neverBan, bad);
  neverBan.tells(bad, NOW);
  await neverBan.flush(NOW);
  for (const each of [neverBan, neverBanOf(shelf.reopen())]) {
    assert.equal(each.ruleFor(addressOf('203.0.113.1'), NOW), undefined);
    assert.match(each.ruleFor(addressOf('203.0.113.2'), NOW) ?? '', /host good/);
  }
});

test('with fleet = false no address of the fleet is protected', () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf, false);
  see(neverBan, shelf.host('h1'), '203.0.113.1', NOW);
  assert.equal(neverBan.ruleFor(addressOf('203.0.113.1'), NOW), undefined);
});

test("a host's address is protected in the forms that embed it, and within a range", () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  see(neverBan, shelf.host('h1'), '203.0.113.1', NOW);
  for (const text of ['64:ff9b::203.0.113.1', '2002:cb00:7101::7'])
    assert.match(neverBan.ruleFor(addressOf(text), NOW) ?? '', /host h1/, text);
  for (const text of ['2002:cb00:7100::/40', '2002:cb00:7101:5::/64', '64:ff9b::cb00:7100/120'])
    assert.match(neverBan.ruleFor(rangeOf(text), NOW) ?? '', /host h1/, text);
  assert.equal(neverBan.ruleFor(addressOf('64:ff9b::203.0.113.2'), NOW), undefined);
});

test('a word counts where its connection came from: two lines of a host do not move each other', () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const host = shelf.host('h1');
  const rule = (ip: string, at: number): string | undefined => neverBan.ruleFor(addressOf(ip), at);
  see(neverBan, host, '203.0.113.10', NOW, 'client');
  // Reporters come by another line, each over a connection of its own.
  for (let hour = 1; hour <= 30; hour += 1) {
    see(neverBan, host, '203.0.113.77', NOW + hour * 3600, `reporter ${hour}`);
    neverBan.spoke(host, 'client', NOW + hour * 3600 + 1);
  }
  const last = NOW + 30 * 3600;
  for (const ip of ['203.0.113.10', '203.0.113.77']) assert.match(rule(ip, last) ?? '', /host h1/);
  neverBan.spoke(host, 'client', last + DAY);
  assert.match(rule('203.0.113.10', last + DAY) ?? '', /host h1/);
  assert.equal(rule('203.0.113.77', last + DAY), undefined);
});

test('what another host says over a connection says nothing of where its owner is', () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const [h1, h2] = [shelf.host('h1'), shelf.host('h2')];
  see(neverBan, h1, '203.0.113.1', NOW, 'a');
  neverBan.spoke(h2, 'a', NOW + 1);
  assert.deepEqual(neverBan.hostsAt(addressOf('203.0.113.1'), NOW + 1), [
    { host: 'h1', address: '203.0.113.1' },
  ]);
});

test('a host not heard of for gone-after protects nothing, and again once it is heard, also after a restart', async () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf, true, 3600);
  const host = shelf.host('h1');
  const rule = (of: NeverBan, at: number): string | undefined => of.ruleFor(addressOf('203.0.113.1'), at);
  see(neverBan, host, '203.0.113.1', NOW);
  await neverBan.flush(NOW);
  assert.match(rule(neverBan, NOW + 3600) ?? '', /host h1/);
  assert.equal(rule(neverBan, NOW + 3601), undefined);
  const later = neverBanOf(shelf.reopen(), true, 3600);
  assert.match(rule(later, NOW + 3600) ?? '', /host h1/);
  assert.equal(rule(later, NOW + 3601), undefined);
  see(later, host, '203.0.113.2', NOW + 7200);
  assert.match(rule(later, NOW + 7200) ?? '', /host h1/);
});

test('what an operator approved counts while the host tells it and 24 h more, also after a restart, at most 16', async () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const host = shelf.host('h1');
  const many = Array.from({ length: 16 }, (_, index) => `203.0.113.${index + 1}`);
  Object.assign(host, { lastSeen: NOW + 1, addresses: ['192.168.0.1', ...many.slice(0, 2)] });
  assert.equal(neverBan.ruleFor(addressOf('203.0.113.1'), NOW), undefined);
  assert.deepEqual(await shelf.ledger.write(() => neverBan.approve(host, host.addresses, NOW)), {
    approved: many.slice(0, 2),
    tooMany: [],
  });
  assert.deepEqual(neverBan.waiting(host, NOW), []);
  const later = neverBanOf(shelf.reopen());
  assert.match(later.ruleFor(addressOf('203.0.113.1'), NOW + 10) ?? '', /host h1/);
  for (let hour = 1; hour <= 48; hour += 1) later.tells(host, NOW + hour * 3600);
  host.addresses = ['203.0.113.101', ...many.slice(1)];
  const stillThere = NOW + 2 * DAY + 10;
  assert.deepEqual(later.waiting(host, stillThere), ['203.0.113.101', ...many.slice(2)]);
  assert.deepEqual(await shelf.ledger.write(() => later.approve(host, host.addresses, stillThere)), {
    approved: ['203.0.113.2', '203.0.113.101', ...many.slice(2, 15)],
    tooMany: ['203.0.113.16'],
  });
  later.tells(host, NOW + 3 * DAY);
  assert.equal(later.ruleFor(addressOf('203.0.113.1'), NOW + 3 * DAY), undefined);
  assert.match(later.ruleFor(addressOf('203.0.113.101'), NOW + 3 * DAY) ?? '', /host h1/);
});

test('what was added for a time ends by the clock, is noted then, and is as it was said last', async () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const audit = new Audit(shelf.ledger);
  await shelf.ledger.write(() => {
    neverBan.add(added('203.0.113.0/24', { until: NOW + 60, note: 'the office', by: 'anna' }), NOW);
    neverBan.add(added('198.51.100.0/24', { until: NOW + 60 }), NOW);
    neverBan.add(added('198.51.100.0/24', { until: NOW + 600 }), NOW);
  });
  assert.partialDeepStrictEqual(
    neverBan.list(NOW).filter(({ range }) => range === '203.0.113.0/24'),
    [{ source: 'added', until: NOW + 60, note: 'the office', by: 'anna' }],
  );
  const at = (now: number) => ({ ledger: shelf.ledger, neverBan, audit, now: () => now });
  assert.deepEqual(await endNeverBans(at(NOW + 59)), []);
  assert.deepEqual(await endNeverBans(at(NOW + 60)), ['203.0.113.0/24']);
  assert.equal(neverBan.ruleFor(addressOf('203.0.113.1'), NOW + 60), undefined);
  assert.match(neverBan.ruleFor(addressOf('198.51.100.1'), NOW + 60) ?? '', /198\.51\.100\.0\/24/);
  assert.deepEqual(
    audit.newest(10).map(({ what }) => what),
    ['never-ban ended'],
  );
  // Said anew at the very moment of its end.
  const renewed = shelf.ledger.write(() =>
    neverBan.add(added('198.51.100.0/24', { until: null }), NOW + 600),
  );
  const [, ended] = await Promise.all([renewed, endNeverBans(at(NOW + 600))]);
  assert.deepEqual(ended, []);
  assert.match(neverBan.ruleFor(addressOf('198.51.100.1'), NOW + 600) ?? '', /198\.51\.100\.0\/24/);
});
