import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ackOf } from '../../../../test/fleet/peers/acks.ts';
import { NeverBan } from '../../src/never-ban/never-ban.ts';
import { OwnAddresses } from '../../src/never-ban/server-addresses.ts';
import { bannedHosts, hostsOf } from '../../src/operator/status.ts';
import { OPERATOR, parseJail, parseTarget } from '@banshare/protocol';
import { addressOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';

const DAY = 86_400;

test('a host not heard of for gone-after is gone, and back with its next acknowledgement', async () => {
  using shelf = new LedgerOfTest();
  const host = shelf.host('h1');
  const states = async (now: number): Promise<string[]> => {
    const neverBan = { waiting: () => [] };
    const parts = { ledger: shelf.ledger, book: shelf.book, neverBan, goneAfterSeconds: 7 * DAY };
    return (await hostsOf(parts, now)).map(({ state }) => state);
  };
  assert.deepEqual(await states(NOW + 7 * DAY), ['active']);
  assert.deepEqual(await states(NOW + 7 * DAY + 1), ['gone']);
  const { epoch, seq: applied, tail } = shelf.ledger.head();
  const ack = ackOf({ epoch, applied, tail });
  await shelf.book.acknowledge(host, { ...ack, addresses: ['203.0.113.5'], outcomes: [] }, 0, NOW + 8 * DAY);
  assert.deepEqual(await states(NOW + 8 * DAY), ['active']);
  await shelf.book.flush();
  assert.deepEqual(shelf.reopen().book.byName('h1')?.addresses, ['203.0.113.5']);
});

test('a host of ours that comes from a banned address or range is named, and the ban stays', async () => {
  using shelf = new LedgerOfTest();
  const { ledger } = shelf;
  const neverBan = new NeverBan(ledger, { addresses: [], fleet: true }, new OwnAddresses(() => []));
  const jail = parseJail('banshare');
  const range = parseTarget('203.0.113.0/24');
  assert.ok(jail.ok && range.ok);
  const common = { prog: OPERATOR, jail: jail.value, until: null };
  await ledger.ban(
    [range.value, addressOf('203.0.113.9'), addressOf('203.0.113.11')].map((ip) => ({ ip, ...common })),
    NOW,
    'operator',
  );
  for (const [name, ip] of [
    ['within', '203.0.113.9'],
    ['free', '198.51.100.9'],
  ] as const) {
    const host = shelf.host(name);
    neverBan.arrived(host, ip, NOW);
    neverBan.spoke(host, ip, NOW);
  }
  assert.deepEqual(await bannedHosts({ ledger, neverBan }, NOW), [
    { host: 'within', address: '203.0.113.9', bans: ['203.0.113.0/24', '203.0.113.9'] },
  ]);
  assert.deepEqual(await bannedHosts({ ledger, neverBan }, NOW + DAY), []);
  assert.equal(await ledger.countActive(NOW), 3);
});

test("a host's row is written when something changed, and when it was heard of once a minute", async () => {
  using shelf = new LedgerOfTest();
  const { book, ledger } = shelf;
  const host = shelf.host('h1');
  const { epoch, seq: applied, tail } = ledger.head();
  const receipt = {
    wanted: 3,
    placed: 3,
    failed: 0,
    full: 0,
    unproven: 0,
    unfit: 0,
    wantedDigest: '00',
    placedDigest: '00',
    enforcer: 'nftables',
    comparedAgo: 1,
    comparesEvery: 300,
  };
  const ack = ackOf({ epoch, applied, tail });
  const seen = async (at: number, other: Partial<typeof receipt>): Promise<[number, number | null]> => {
    const told = { ...ack, addresses: [], outcomes: [], receipt: { ...receipt, ...other } };
    await book.acknowledge(host, told, 0.2 * (at % 2), NOW + at);
    await book.flush();
    const row = ledger.sql('SELECT last_seen, out_since FROM hosts').get() as Record<string, number | null>;
    return [Number(row['last_seen']) - NOW, row['out_since'] ?? null];
  };
  assert.deepEqual(await seen(5, {}), [5, null]);
  assert.deepEqual(await seen(10, { comparedAgo: 6 }), [5, null]);
  assert.deepEqual(await seen(15, { placed: 2, failed: 1 }), [15, NOW + 15]);
  assert.deepEqual(await seen(20, { placed: 2, failed: 1 }), [15, NOW + 15]);
  assert.deepEqual(await seen(75, { placed: 2, failed: 1 }), [75, NOW + 15]);
  assert.deepEqual(await seen(80, {}), [80, null]);
  await book.acknowledge(host, { ...ack, addresses: [], outcomes: [], receipt }, 0, NOW + 85);
  await book.flush({ everything: true });
  assert.equal(shelf.reopen().book.byName('h1')?.lastSeen, NOW + 85);
  assert.deepEqual(shelf.book.byName('h1')?.receipt, receipt);
});
