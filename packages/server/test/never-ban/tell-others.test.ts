import { test } from 'node:test';
import assert from 'node:assert/strict';
import { NeverBan } from '../../src/never-ban/never-ban.ts';
import { OwnAddresses } from '../../src/never-ban/server-addresses.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';

/** A ledger as of several servers that share it, and how often something was written at once. */
function shared(ledger: Ledger): { ledger: Ledger; written: () => number } {
  let writes = 0;
  const proxy = new Proxy(ledger, {
    get: (target, name) => {
      if (name === 'isShared') return true;
      if (name === 'write') writes += 1;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { ledger: proxy, written: () => writes };
}

test('A host that speaks in turns from more addresses than count makes no entry of the shared log with each word', async () => {
  using shelf = new LedgerOfTest();
  const host = shelf.host('h1');
  const { ledger, written } = shared(shelf.ledger);
  const neverBan = new NeverBan(ledger, { addresses: [], fleet: true }, new OwnAddresses(() => []));
  const from = (index: number): string => `198.51.100.${1 + (index % 6)}`;
  const see = (ip: string, now: number): void => {
    neverBan.arrived(host, ip, now);
    neverBan.spoke(host, ip, now);
  };
  for (let index = 0; index < 600; index += 1) see(from(index), NOW + index / 100);
  assert.equal(written(), 4);
  // A new one later is known elsewhere at once again, and all by the next flush.
  see('198.51.100.77', NOW + 60);
  assert.equal(written(), 5);
  await neverBan.flush(NOW + 61);
  const rows = shelf.ledger.sql('SELECT address FROM seen_at ORDER BY at').all() as { address: string }[];
  assert.deepEqual(
    rows.map(({ address }) => address),
    [...[597, 598, 599].map(from), '198.51.100.77'],
  );
});
