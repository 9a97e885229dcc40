import { test } from 'node:test';
import assert from 'node:assert/strict';
import { NeverBan } from '../src/never-ban.ts';
import { OwnAddresses } from '../src/own-addresses.ts';
import { bannedHosts, hostsOf } from '../src/status.ts';
import { OPERATOR, parseJail, parseTarget } from '@banshare/protocol';
import { addressOf, LedgerOfTest, NOW } from './ledger-of-test.ts';

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
  const ack = { kind: 'ack', epoch, applied, tail, instance: 'i', version: '1', generation: 'g' } as const;
  shelf.book.acknowledge(host, { ...ack, addresses: ['203.0.113.5'], outcomes: [] }, 0, NOW + 8 * DAY);
  assert.deepEqual(await states(NOW + 8 * DAY), ['active']);
  shelf.book.flush();
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
