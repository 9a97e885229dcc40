import { test } from 'node:test';
import assert from 'node:assert/strict';
import { parseRange, type Range } from '@banshare/protocol';
import { NeverBan } from '../src/never-ban.ts';
import { OwnAddresses } from '../src/own-addresses.ts';
import { addressOf, LedgerOfTest, NOW } from './ledger-of-test.ts';

const DAY = 86_400;

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

/** How much is listed beside the addresses of this machine. */
function countListed(neverBan: NeverBan, now: number): number {
  return neverBan.list(now).filter(({ source }) => source !== "the server's own address").length;
}

test('each rule names itself, and an address beside the range is not protected', () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  neverBan.add(rangeOf('2001:db8:1::/48'), NOW);
  neverBan.see(shelf.host('h1'), 'report/g', '198.51.100.1', NOW);
  const rule = (ip: string): string | undefined => neverBan.ruleFor(addressOf(ip), NOW);
  assert.match(rule('192.0.2.15') ?? '', /192\.0\.2\.0\/28 of \[never-ban\] in server\.toml/);
  assert.match(rule('2001:db8:1::9') ?? '', /2001:db8:1::\/48 of banshare-server never-ban/);
  assert.match(rule('198.51.100.1') ?? '', /the fleet's host h1/);
  for (const free of ['192.0.2.16', '2001:db8:2::9', '198.51.100.2']) assert.equal(rule(free), undefined);
  assert.equal(countListed(neverBan, NOW), 3);
});

test('what was added holds after a restart until it is removed, and only once', () => {
  using shelf = new LedgerOfTest();
  neverBanOf(shelf).add(rangeOf('203.0.113.0/24'), NOW);
  const neverBan = neverBanOf(shelf.reopen());
  neverBan.add(rangeOf('203.0.113.0/24'), NOW);
  assert.notEqual(neverBan.ruleFor(addressOf('203.0.113.9'), NOW), undefined);
  assert.equal(neverBan.remove(rangeOf('203.0.113.0/24')), true);
  assert.equal(neverBan.remove(rangeOf('203.0.113.0/24')), false);
  assert.equal(neverBan.ruleFor(addressOf('203.0.113.9'), NOW), undefined);
});

test("a host's address leaves 24 h after the host was last there, and counts on while it speaks", () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const [here, gone] = [shelf.host('here'), shelf.host('gone')];
  neverBan.see(here, 'report/g', '203.0.113.1', NOW);
  neverBan.see(gone, 'report/g', '203.0.113.2', NOW);
  // Its connection holds for three days.
  for (let hours = 1; hours <= 72; hours += 1) neverBan.stays(here, NOW + hours * 3600);
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
  neverBan.see(host, 'report/g', '203.0.113.1', NOW);
  neverBan.see(host, 'report/g', '203.0.113.2', NOW + 10);
  neverBan.stays(host, NOW + DAY);
  assert.equal(neverBan.ruleFor(addressOf('203.0.113.1'), NOW + DAY), undefined);
  assert.notEqual(neverBan.ruleFor(addressOf('203.0.113.2'), NOW + DAY), undefined);
});

test('a host protects at most 16 addresses, and another one again when the oldest has left', () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const host = shelf.host('roamer');
  for (let last = 1; last <= 40; last += 1) neverBan.see(host, 'report/g', `203.0.113.${last}`, NOW + last);
  assert.equal(countListed(neverBan, NOW + 40), 16 + 1);
  neverBan.see(host, 'report/g', '203.0.113.99', NOW + DAY + 5);
  assert.notEqual(neverBan.ruleFor(addressOf('203.0.113.99'), NOW + DAY + 5), undefined);
});

test('where hosts were seen is written with a flush and known after a restart, by name; old sightings leave the file', () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const [h1, h2] = [shelf.host('h1'), shelf.host('h2')];
  neverBan.see(h1, 'report/g', '203.0.113.1', NOW);
  neverBan.see(h2, 'publish/g', '203.0.113.2', NOW + DAY / 2);
  neverBan.flush(NOW + DAY / 2);
  const later = neverBanOf(shelf.reopen());
  assert.match(later.ruleFor(addressOf('203.0.113.1'), NOW + DAY / 2) ?? '', /host h1/);
  later.flush(NOW + DAY);
  const rows = shelf.ledger.sql('SELECT address FROM seen_at').all() as { address: string }[];
  assert.deepEqual(
    rows.map(({ address }) => address),
    ['203.0.113.2'],
  );
});

test('a host that is shut out protects nothing, also after a restart, but another host at that address does', () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const [bad, good] = [shelf.host('bad'), shelf.host('good')];
  for (const ip of ['203.0.113.1', '203.0.113.2']) neverBan.see(bad, 'report/g', ip, NOW);
  neverBan.see(good, 'report/g', '203.0.113.2', NOW);
  neverBan.flush(NOW);
  neverBan.forget(bad);
  neverBan.stays(bad, NOW);
  neverBan.flush(NOW);
  for (const each of [neverBan, neverBanOf(shelf.reopen())]) {
    assert.equal(each.ruleFor(addressOf('203.0.113.1'), NOW), undefined);
    assert.match(each.ruleFor(addressOf('203.0.113.2'), NOW) ?? '', /host good/);
  }
});

test('with fleet = false no address of the fleet is protected', () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf, false);
  neverBan.see(shelf.host('h1'), 'report/g', '203.0.113.1', NOW);
  assert.equal(neverBan.ruleFor(addressOf('203.0.113.1'), NOW), undefined);
});

test("a host's address is protected in the forms that embed it, and within a range", () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  neverBan.see(shelf.host('h1'), 'report/g', '203.0.113.1', NOW);
  for (const text of ['64:ff9b::203.0.113.1', '2002:cb00:7101::7'])
    assert.match(neverBan.ruleFor(addressOf(text), NOW) ?? '', /host h1/, text);
  for (const text of ['2002:cb00:7100::/40', '2002:cb00:7101:5::/64', '64:ff9b::cb00:7100/120'])
    assert.match(neverBan.ruleFor(rangeOf(text), NOW) ?? '', /host h1/, text);
  assert.equal(neverBan.ruleFor(addressOf('64:ff9b::203.0.113.2'), NOW), undefined);
});

test('a door of a generation that a host has left keeps no address', () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const host = shelf.host('h1');
  neverBan.see(host, 'report/g1', '203.0.113.10', NOW);
  neverBan.see(host, 'report/g2', '203.0.113.10', NOW + 10);
  neverBan.see(host, 'report/g2', '203.0.113.77', NOW + 20);
  neverBan.stays(host, NOW + 30);
  const rule = (ip: string, at: number): string | undefined => neverBan.ruleFor(addressOf(ip), at);
  assert.notEqual(rule('203.0.113.10', NOW + DAY), undefined);
  for (let day = 1; day <= 30; day += 1) neverBan.stays(host, NOW + day * DAY);
  assert.equal(rule('203.0.113.10', NOW + 30 * DAY), undefined);
  assert.match(rule('203.0.113.77', NOW + 30 * DAY) ?? '', /host h1/);
  // A reporter of the older build, on another line, does not move the client.
  host.generation = 'g2';
  neverBan.see(host, 'report/g1', '203.0.113.10', NOW + 30 * DAY);
  neverBan.stays(host, NOW + 31 * DAY);
  assert.equal(rule('203.0.113.10', NOW + 31 * DAY), undefined);
  assert.match(rule('203.0.113.77', NOW + 31 * DAY) ?? '', /host h1/);
});

test('a host not heard of for gone-after protects nothing, and again once it is heard, also after a restart', () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf, true, 3600);
  const host = shelf.host('h1');
  const rule = (of: NeverBan, at: number): string | undefined => of.ruleFor(addressOf('203.0.113.1'), at);
  neverBan.see(host, 'report/g', '203.0.113.1', NOW);
  neverBan.flush(NOW);
  assert.match(rule(neverBan, NOW + 3600) ?? '', /host h1/);
  assert.equal(rule(neverBan, NOW + 3601), undefined);
  const later = neverBanOf(shelf.reopen(), true, 3600);
  assert.match(rule(later, NOW + 3600) ?? '', /host h1/);
  assert.equal(rule(later, NOW + 3601), undefined);
  later.see(host, 'report/g', '203.0.113.2', NOW + 7200);
  assert.match(rule(later, NOW + 7200) ?? '', /host h1/);
});

test('what a host tells counts once it was seen there, and as long as it tells it', () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const host = shelf.host('h1');
  host.addresses = ['203.0.113.1', '203.0.113.2', '10.0.0.5'];
  neverBan.see(host, 'report/g', '203.0.113.1', NOW);
  neverBan.see(host, 'report/g', '203.0.113.3', NOW + 1);
  assert.deepEqual(neverBan.waiting(host, NOW + 1), ['203.0.113.2']);
  const protects = (at: number): string[] =>
    [1, 2, 3]
      .map((last) => `203.0.113.${last}`)
      .filter((ip) => neverBan.ruleFor(addressOf(ip), at) !== undefined);
  for (let hour = 1; hour <= 48; hour += 1) neverBan.stays(host, NOW + hour * 3600);
  assert.deepEqual(protects(NOW + 2 * DAY), ['203.0.113.1', '203.0.113.3']);
  host.addresses = ['203.0.113.2'];
  neverBan.stays(host, NOW + 3 * DAY - 1);
  assert.deepEqual(protects(NOW + 3 * DAY - 1), ['203.0.113.1', '203.0.113.3']);
  assert.deepEqual(protects(NOW + 3 * DAY), ['203.0.113.3']);
});

test('what an operator approved counts while the host tells it and 24 h more, also after a restart, at most 16', () => {
  using shelf = new LedgerOfTest();
  const neverBan = neverBanOf(shelf);
  const host = shelf.host('h1');
  const many = Array.from({ length: 16 }, (_, index) => `203.0.113.${index + 1}`);
  host.addresses = ['192.168.0.1', ...many.slice(0, 2)];
  assert.equal(neverBan.ruleFor(addressOf('203.0.113.1'), NOW), undefined);
  assert.deepEqual(neverBan.approve(host, NOW), { approved: many.slice(0, 2), tooMany: [] });
  assert.deepEqual(neverBan.waiting(host, NOW), []);
  const later = neverBanOf(shelf.reopen());
  assert.match(later.ruleFor(addressOf('203.0.113.1'), NOW + 10) ?? '', /host h1/);
  for (let hour = 1; hour <= 48; hour += 1) later.stays(host, NOW + hour * 3600);
  host.addresses = ['203.0.113.101', ...many.slice(1)];
  const stillThere = NOW + 2 * DAY + 10;
  assert.deepEqual(later.waiting(host, stillThere), ['203.0.113.101', ...many.slice(2)]);
  assert.deepEqual(later.approve(host, stillThere), {
    approved: ['203.0.113.2', '203.0.113.101', ...many.slice(2, 15)],
    tooMany: ['203.0.113.16'],
  });
  later.stays(host, NOW + 3 * DAY);
  assert.equal(later.ruleFor(addressOf('203.0.113.1'), NOW + 3 * DAY), undefined);
  assert.match(later.ruleFor(addressOf('203.0.113.101'), NOW + 3 * DAY) ?? '', /host h1/);
});
